-- Accounts, refresh tokens, signing keys, organizers and their members.

CREATE TABLE users (
    id            uuid        PRIMARY KEY,
    email         text        NOT NULL CHECK (length(email) <= 254),
    -- The address in lower case: what makes it unique, in any database locale.
    email_key     text        NOT NULL CONSTRAINT users_email_key UNIQUE,
    name          text        NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    -- PHC string: the parameters stand beside the hash, so that they can rise without a migration.
    password_hash text        NOT NULL,
    locale        text        NOT NULL DEFAULT 'en',
    time_zone     text        NOT NULL DEFAULT 'UTC',
    roles         text[]      NOT NULL DEFAULT '{user}',
    version       bigint      NOT NULL DEFAULT 1,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now()
);

-- All refresh tokens that descend from one log-in. Its row is locked by every rotation, so that a revocation is seen by all later ones.
CREATE TABLE refresh_families (
    id         uuid        PRIMARY KEY,
    user_id    uuid        NOT NULL REFERENCES users ON DELETE CASCADE,
    -- When its youngest token expires: then the family can be deleted.
    expires_at timestamptz NOT NULL,
    revoked_by text        CHECK (revoked_by IN ('logout', 'reuse'))
);
CREATE INDEX refresh_families_user_id ON refresh_families (user_id);
CREATE INDEX refresh_families_expires_at ON refresh_families (expires_at);

CREATE TABLE refresh_tokens (
    -- SHA-256 of the token: who reads this table cannot sign in with it.
    token_hash bytea       PRIMARY KEY CHECK (length(token_hash) = 32),
    family_id  uuid        NOT NULL REFERENCES refresh_families ON DELETE CASCADE,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);
CREATE INDEX refresh_tokens_family_id ON refresh_tokens (family_id);

-- Ed25519 keys of access tokens. A key signs from its `not_before` until that of the next generation.
CREATE TABLE signing_keys (
    -- One key per generation, whoever of several nodes makes it first.
    generation bigint      PRIMARY KEY,
    kid        text        NOT NULL UNIQUE,
    seed       bytea       NOT NULL CHECK (length(seed) = 32),
    not_before timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE organizers (
    id         uuid        PRIMARY KEY,
    name       text        NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    slug       text        NOT NULL CONSTRAINT organizers_slug_key UNIQUE,
    created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE members (
    organizer_id uuid        NOT NULL REFERENCES organizers ON DELETE CASCADE,
    user_id      uuid        NOT NULL REFERENCES users ON DELETE CASCADE,
    role         text        NOT NULL CHECK (role IN ('viewer', 'editor', 'owner')),
    version      bigint      NOT NULL DEFAULT 1,
    created_at   timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT members_pkey PRIMARY KEY (organizer_id, user_id)
);
CREATE INDEX members_user_id ON members (user_id, organizer_id);

-- The contract of Debezium's outbox event router; rows are published by the reader of the write-ahead log.
CREATE TABLE outbox (
    id                 uuid         PRIMARY KEY,
    aggregatetype      varchar(255) NOT NULL,
    aggregateid        varchar(255) NOT NULL,
    type               varchar(255) NOT NULL,
    payload            jsonb,
    occurred_at_us     timestamp(6) NOT NULL DEFAULT (now() AT TIME ZONE 'utc'),
    tracingspancontext text
);

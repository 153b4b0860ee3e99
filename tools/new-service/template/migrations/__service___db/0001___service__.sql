-- What people write, and who wrote it.
CREATE TABLE __service__ (
    id         uuid        PRIMARY KEY,
    user_id    uuid        NOT NULL,
    text       text        NOT NULL CHECK (char_length(text) BETWEEN 1 AND 1000),
    created_at timestamptz NOT NULL
);
CREATE INDEX __service___user_id ON __service__ (user_id, id DESC);

-- Idempotency keys with what was made with them, written in the transaction that made it.
CREATE TABLE creation_keys (
    user_id    uuid NOT NULL,
    key        text NOT NULL,
    -- SHA-256 of the path and the body.
    request    bytea NOT NULL,
    created_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, key)
);
CREATE INDEX creation_keys_age ON creation_keys USING brin (created_at);

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
CREATE INDEX outbox_age ON outbox USING brin (occurred_at_us);

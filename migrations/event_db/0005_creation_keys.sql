-- Idempotency keys with what was made with them, written in the transaction that made it: a request that is repeated after a crash
-- makes nothing more. For all that make something in this database. A key is spent for good.
CREATE TABLE creation_keys (
    user_id    uuid NOT NULL,
    key        text NOT NULL,
    -- SHA-256 of the path and the body.
    request    bytea NOT NULL,
    created_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, key)
);

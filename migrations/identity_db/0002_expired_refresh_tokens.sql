-- A used token of a living family is deleted once it has expired: by this index, some at a time.
CREATE INDEX refresh_tokens_expires_at ON refresh_tokens (expires_at);

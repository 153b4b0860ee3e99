-- Webhooks that were applied long ago are forgotten by and by, the oldest first.
CREATE INDEX webhook_events_applied ON webhook_events (applied_at) WHERE applied_at IS NOT NULL;

-- A cancelled event sells nothing, whatever dies meanwhile: its sales are closed in the transaction that cancels it, and one that
-- is opened afterwards is closed from its first moment.

CREATE FUNCTION events_cancelled_sell_nothing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE sale_sessions SET status = 'closed', updated_at = now() WHERE event_id = NEW.id AND status <> 'closed';
    RETURN NULL;
END $$;
CREATE TRIGGER events_cancelled_sell_nothing AFTER UPDATE OF status ON events
    FOR EACH ROW WHEN (NEW.status = 'cancelled') EXECUTE FUNCTION events_cancelled_sell_nothing();

CREATE FUNCTION sale_sessions_of_cancelled_events() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    event_status text;
BEGIN
    -- Locked, so that of a sale that opens while its event is cancelled the later one sees the earlier.
    SELECT status INTO event_status FROM events WHERE id = NEW.event_id FOR SHARE;
    IF event_status = 'cancelled' THEN
        NEW.status := 'closed';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER sale_sessions_of_cancelled_events BEFORE INSERT ON sale_sessions
    FOR EACH ROW EXECUTE FUNCTION sale_sessions_of_cancelled_events();

-- What crashes have left open until now.
UPDATE sale_sessions s SET status = 'closed', updated_at = now() FROM events e WHERE e.id = s.event_id AND e.status = 'cancelled' AND s.status <> 'closed';

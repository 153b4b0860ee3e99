-- Layouts and their versions: owned by the venue-layout service. A version never changes once it is made; events name the
-- version that they sell.

CREATE TABLE layouts (
    id         uuid PRIMARY KEY,
    venue_id   uuid NOT NULL CONSTRAINT layouts_venue_fkey REFERENCES venues (id),
    -- The newest version; its ETag.
    version    integer NOT NULL CONSTRAINT layouts_version_check CHECK (version >= 1),
    created_at timestamptz NOT NULL
);
CREATE INDEX layouts_by_venue ON layouts (venue_id, id);

CREATE TABLE layout_versions (
    layout_id  uuid NOT NULL CONSTRAINT layout_versions_layout_fkey REFERENCES layouts (id),
    version    integer NOT NULL CONSTRAINT layout_versions_version_check CHECK (version >= 1),
    name       text NOT NULL,
    -- The layout as JSON, members in the order of the contract. Text, since jsonb would sort them and is never looked into here.
    document   text NOT NULL,
    seat_count integer NOT NULL,
    -- Seats and the capacities of the areas together.
    capacity   integer NOT NULL CONSTRAINT layout_versions_capacity_check CHECK (capacity >= 1),
    -- Distinct, sorted.
    categories text[] NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (layout_id, version)
);

-- Sold seats are named by a version: whoever changes one in place changes what people have bought.
CREATE FUNCTION layout_versions_never_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'layout % version % never changes', OLD.layout_id, OLD.version
        USING ERRCODE = 'check_violation', CONSTRAINT = 'layout_versions_never_change';
END $$;
CREATE TRIGGER layout_versions_never_change BEFORE UPDATE ON layout_versions
    FOR EACH ROW EXECUTE FUNCTION layout_versions_never_change();

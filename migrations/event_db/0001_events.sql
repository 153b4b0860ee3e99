-- Venues, events and their sessions: owned by the event service. The venue-layout service reads venues (id, organizer_id)
-- and refers to them; the outbox is shared by all that publish from this database.

CREATE TABLE venues (
    id           uuid PRIMARY KEY,
    organizer_id uuid NOT NULL,
    name         text NOT NULL,
    -- IANA name: sessions are told in local time by it.
    time_zone    text NOT NULL,
    line1        text NOT NULL,
    city         text NOT NULL,
    postal_code  text NOT NULL,
    -- ISO 3166-1 alpha-2.
    country      text NOT NULL CONSTRAINT venues_country_check CHECK (country ~ '^[A-Z]{2}$'),
    -- WGS 84, degrees.
    latitude     double precision CONSTRAINT venues_latitude_check CHECK (latitude BETWEEN -90 AND 90),
    longitude    double precision CONSTRAINT venues_longitude_check CHECK (longitude BETWEEN -180 AND 180),
    created_at   timestamptz NOT NULL,
    CONSTRAINT venues_location_check CHECK ((latitude IS NULL) = (longitude IS NULL))
);
CREATE INDEX venues_by_organizer ON venues (organizer_id, id);
CREATE INDEX venues_by_place ON venues (latitude, longitude) WHERE latitude IS NOT NULL;

CREATE TABLE events (
    id                    uuid PRIMARY KEY,
    organizer_id          uuid NOT NULL,
    venue_id              uuid NOT NULL CONSTRAINT events_venue_fkey REFERENCES venues (id),
    -- Layouts belong to another service, which never deletes one and never changes a version.
    layout_id             uuid NOT NULL,
    layout_version        integer NOT NULL CONSTRAINT events_layout_version_check CHECK (layout_version >= 1),
    -- Seats and areas together, of that version: what a session can sell.
    layout_capacity       integer NOT NULL,
    title                 text NOT NULL,
    slug                  text NOT NULL,
    description           text NOT NULL,
    status                text NOT NULL CONSTRAINT events_status_check CHECK (status IN ('draft', 'published', 'cancelled')),
    currency              text NOT NULL,
    -- [{"id", "name", "price"}]; the price in minor units of the currency.
    categories            jsonb NOT NULL,
    tags                  text[] NOT NULL,
    max_seats_per_booking integer NOT NULL,
    -- Of the sessions, written with them: the list of events is sorted and filtered by these without reading sessions.
    first_starts_at       timestamptz NOT NULL,
    last_starts_at        timestamptz NOT NULL,
    -- Slug, tags, and the venue's name and city as words; written by the service, since a generated column sees one row only.
    search_words          text NOT NULL,
    search                tsvector GENERATED ALWAYS AS (
                              setweight(to_tsvector('simple', title), 'A')
                              || setweight(to_tsvector('simple', search_words), 'B')
                              || setweight(to_tsvector('simple', description), 'C')) STORED,
    -- The ETag: rises with every change.
    version               bigint NOT NULL DEFAULT 1,
    created_at            timestamptz NOT NULL,
    updated_at            timestamptz NOT NULL,
    published_at          timestamptz,
    cancelled_at          timestamptz,
    cancellation_reason   text,
    CONSTRAINT events_cancelled_check CHECK ((status = 'cancelled') = (cancelled_at IS NOT NULL)),
    CONSTRAINT events_published_check CHECK (status <> 'published' OR published_at IS NOT NULL)
);
CREATE INDEX events_by_organizer ON events (organizer_id, first_starts_at, id);
CREATE INDEX events_published_by_start ON events (first_starts_at, id) WHERE status = 'published';
CREATE INDEX events_published_by_last_start ON events (last_starts_at) WHERE status = 'published';
CREATE INDEX events_by_venue ON events (venue_id);
CREATE INDEX events_search ON events USING gin (search);
CREATE INDEX events_tags ON events USING gin (tags);

-- A session is one dated performance: the thing whose seats are sold.
CREATE TABLE sessions (
    id             uuid PRIMARY KEY,
    event_id       uuid NOT NULL CONSTRAINT sessions_event_fkey REFERENCES events (id),
    starts_at      timestamptz NOT NULL,
    ends_at        timestamptz NOT NULL,
    -- NULL: on sale as soon as the event is published.
    sales_start_at timestamptz,
    -- NULL: until the session starts.
    sales_end_at   timestamptz,
    CONSTRAINT sessions_times_check CHECK (ends_at > starts_at)
);
CREATE INDEX sessions_by_event ON sessions (event_id, starts_at, id);

-- Facts for others, by the contract of Debezium's outbox event router; the reader of the write-ahead log publishes inserts.
CREATE TABLE outbox (
    id                 uuid PRIMARY KEY,
    aggregatetype      varchar(255) NOT NULL,
    aggregateid        varchar(255) NOT NULL,
    type               varchar(255) NOT NULL,
    payload            jsonb,
    occurred_at_us     timestamp(6) NOT NULL DEFAULT (now() AT TIME ZONE 'utc'),
    tracingspancontext text
);

-- Whose seats are whose. That nobody is sold a seat that another has is the primary key of seat_claims: a session and a seat have
-- one row, and the row names at most one booking. All else here serves that row.

-- A session whose seats are or were on sale. A draft has no row.
CREATE TABLE sale_sessions (
    session_id      uuid PRIMARY KEY,
    -- Short name in Redis keys and in hold ids, which have 32 bits for it.
    number          bigint GENERATED ALWAYS AS IDENTITY UNIQUE CHECK (number < 4294967296),
    event_id        uuid NOT NULL,
    layout_id       uuid NOT NULL,
    layout_version  integer NOT NULL,
    currency        text NOT NULL,
    -- [{"id", "name", "price"}], price in minor units
    categories      jsonb NOT NULL,
    max_seats       integer NOT NULL CHECK (max_seats > 0),
    starts_at       timestamptz NOT NULL,
    sales_start_at  timestamptz,
    sales_end_at    timestamptz,
    status          text NOT NULL CHECK (status IN ('on_sale', 'closed')),
    seat_count      integer NOT NULL,
    -- Seats and the capacities of areas together.
    capacity        integer NOT NULL,
    updated_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sale_sessions_event_id ON sale_sessions (event_id);

-- What became of the claim of a booking. Its row is the lock under which a booking's claims change, and a booking that was
-- released stays released, however late a reservation of it arrives.
CREATE TABLE booking_claims (
    booking_id  uuid PRIMARY KEY,
    session_id  uuid NOT NULL REFERENCES sale_sessions,
    hold_id     uuid NOT NULL,
    status      text NOT NULL CHECK (status IN ('reserved', 'sold', 'released')),
    updated_at  timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 80);

-- Sparse: a seat has a row from its first claim on. `fence` is that of the last hold that claimed it; an older one never will.
CREATE TABLE seat_claims (
    session_id  uuid NOT NULL REFERENCES sale_sessions,
    seat        text NOT NULL,
    -- The seat's number in the layout.
    seat_index  integer NOT NULL CHECK (seat_index >= 0),
    status      text NOT NULL CHECK (status IN ('free', 'reserved', 'sold')),
    booking_id  uuid,
    fence       bigint NOT NULL,
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (session_id, seat),
    CONSTRAINT seat_claims_owner CHECK ((status = 'free') = (booking_id IS NULL))
) WITH (fillfactor = 80);

-- Standing areas: a counter that the database keeps within the capacity. `version` orders its values for caches.
CREATE TABLE session_areas (
    session_id  uuid NOT NULL REFERENCES sale_sessions,
    area        text NOT NULL,
    capacity    integer NOT NULL,
    claimed     integer NOT NULL DEFAULT 0,
    version     bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (session_id, area),
    CONSTRAINT session_areas_capacity CHECK (claimed BETWEEN 0 AND capacity)
) WITH (fillfactor = 50);

-- Which booking has how many places of an area; the counter changes in the statement that changes a row here.
CREATE TABLE area_claims (
    session_id  uuid NOT NULL,
    area        text NOT NULL,
    booking_id  uuid NOT NULL,
    quantity    integer NOT NULL CHECK (quantity > 0),
    status      text NOT NULL CHECK (status IN ('free', 'reserved', 'sold')),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (session_id, area, booking_id),
    FOREIGN KEY (session_id, area) REFERENCES session_areas
) WITH (fillfactor = 80);

-- Bookings and their tickets. What decides about a booking (status, saga_places, saga_money, free_of_charge) is exactly the
-- state of the saga; version is what two workers compete for.

CREATE TABLE bookings (
    -- Derived from the hold's, so that a repeated request books the same thing.
    id               uuid PRIMARY KEY,
    user_id          uuid NOT NULL,
    event_id         uuid NOT NULL,
    session_id       uuid NOT NULL,
    hold_id          uuid NOT NULL,
    status           text NOT NULL CHECK (status IN ('pending', 'awaiting_payment', 'confirmed', 'cancelled', 'expired', 'failed', 'refunding', 'refunded')),
    saga_places      text NOT NULL CHECK (saga_places IN ('none', 'reserved', 'sold', 'released')),
    saga_money       text NOT NULL CHECK (saga_money IN ('none', 'requested', 'captured', 'refunding', 'refunded')),
    free_of_charge   boolean NOT NULL,
    version          bigint NOT NULL DEFAULT 1,
    -- Of the hold: seat-inventory refuses a claim with an older one.
    fence            bigint NOT NULL,
    -- As in the API: [{"seat","category","price","flags"}], [{"area","category","quantity","price"}].
    seats            jsonb NOT NULL,
    areas            jsonb NOT NULL,
    total            bigint NOT NULL CHECK (total >= 0),
    currency         text NOT NULL CHECK (length(currency) = 3),
    provider         text NOT NULL,
    -- {"id","provider","status","client_secret","publishable_key"}, none until the payment service answered.
    payment          jsonb,
    failure_code     text,
    failure_detail   text,
    -- {"name","email"}
    contact          jsonb,
    -- [{"seat","name"}]
    attendees        jsonb NOT NULL DEFAULT '[]',
    idempotency_key  text NOT NULL,
    -- Until when it must be paid.
    expires_at       timestamptz NOT NULL,
    -- When the timer looks at it again; none where there is nothing left to do.
    next_attempt_at  timestamptz,
    attempts         integer NOT NULL DEFAULT 0,
    traceparent      text NOT NULL DEFAULT '',
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT bookings_hold_key UNIQUE (hold_id),
    CONSTRAINT bookings_idempotency_key UNIQUE (user_id, idempotency_key),
    -- The last word on money: nothing is confirmed that is neither paid nor free, nor refunded that the provider did not refund.
    CONSTRAINT bookings_confirmed_is_paid CHECK (status <> 'confirmed' OR (saga_places = 'sold' AND (free_of_charge OR saga_money = 'captured'))),
    CONSTRAINT bookings_refunded_is_refunded CHECK ((status = 'refunded') = (saga_money = 'refunded'))
);

CREATE INDEX bookings_of_user ON bookings (user_id, created_at DESC, id DESC);
CREATE INDEX bookings_live_of_event ON bookings (event_id) WHERE status IN ('pending', 'awaiting_payment', 'confirmed');
-- The timer's three questions: what has work to do, what has passed its deadline, what waits for its buyer.
CREATE INDEX bookings_due ON bookings (next_attempt_at) WHERE next_attempt_at IS NOT NULL AND NOT (status = 'awaiting_payment' AND saga_money = 'requested');
CREATE INDEX bookings_deadline ON bookings (expires_at) WHERE status = 'awaiting_payment' AND saga_money = 'requested';
CREATE INDEX bookings_waiting ON bookings (next_attempt_at) WHERE status = 'awaiting_payment' AND saga_money = 'requested';

CREATE TABLE tickets (
    id             uuid PRIMARY KEY,
    booking_id     uuid NOT NULL REFERENCES bookings (id),
    session_id     uuid NOT NULL,
    seat           text,
    area           text,
    -- In the QR payload: tells two tickets of one seat apart.
    serial         bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    status         text NOT NULL DEFAULT 'valid' CHECK (status IN ('valid', 'used', 'void')),
    attendee_name  text,
    created_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT tickets_seat_or_area CHECK ((seat IS NULL) <> (area IS NULL))
);

-- The last line of defence: no seat of a session has two live tickets, whatever Redis, the claims or the saga say.
CREATE UNIQUE INDEX tickets_one_live_per_seat ON tickets (session_id, seat) WHERE status <> 'void' AND seat IS NOT NULL;
CREATE INDEX tickets_of_booking ON tickets (booking_id, serial);

CREATE TABLE outbox (
    id uuid PRIMARY KEY,
    aggregatetype varchar(255) NOT NULL,
    aggregateid varchar(255) NOT NULL,
    type varchar(255) NOT NULL,
    payload jsonb,
    occurred_at_us timestamp(6) NOT NULL DEFAULT (now() AT TIME ZONE 'utc'),
    tracingspancontext text
);
-- Rows come in the order of their time: a block range index costs next to nothing.
CREATE INDEX outbox_age ON outbox USING brin (occurred_at_us);

-- Events that were acted upon; written in the transaction of their effect.
CREATE TABLE inbox (event_id uuid PRIMARY KEY, received_at timestamptz NOT NULL DEFAULT now());
CREATE INDEX inbox_age ON inbox USING brin (received_at);

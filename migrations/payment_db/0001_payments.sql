-- Payments, the webhooks that tell of them, and what others must hear.

CREATE TABLE payments (
    id                  uuid PRIMARY KEY,
    -- One payment per booking: a second create finds the first.
    booking_id          uuid NOT NULL UNIQUE,
    user_id             uuid NOT NULL,
    provider            text NOT NULL,
    status              text NOT NULL CHECK (status IN ('created', 'requires_payment', 'processing', 'succeeded', 'cancelled', 'refunding', 'refunded', 'quarantined')),
    amount              bigint NOT NULL CHECK (amount > 0),
    currency            text NOT NULL,
    email               text,
    -- The keys are stored before the provider is asked: asking again never charges, or gives back, twice.
    intent_key          text NOT NULL,
    provider_intent_id  text UNIQUE,
    client_secret       text,
    -- In the provider's words, of the last attempt.
    decline             text,
    refund_attempt      integer NOT NULL DEFAULT 0,
    provider_refund_id  text,
    refund_reason       text,
    expires_at          timestamptz NOT NULL,
    -- When to ask the provider what became of it, should no webhook tell.
    next_check_at       timestamptz NOT NULL,
    version             bigint NOT NULL DEFAULT 1,
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX payments_to_check ON payments (next_check_at) WHERE status IN ('requires_payment', 'processing', 'refunding');

-- Every verified webhook, once. One that came before we knew its intent is applied when the intent is known.
CREATE TABLE webhook_events (
    provider    text NOT NULL,
    event_id    text NOT NULL,
    kind        text NOT NULL,
    intent_id   text,
    received_at timestamptz NOT NULL DEFAULT now(),
    applied_at  timestamptz,
    PRIMARY KEY (provider, event_id)
);

CREATE INDEX webhook_events_unapplied ON webhook_events (received_at) WHERE applied_at IS NULL AND intent_id IS NOT NULL;

CREATE TABLE outbox (
    id                  uuid PRIMARY KEY,
    aggregatetype       varchar(255) NOT NULL,
    aggregateid         varchar(255) NOT NULL,
    type                varchar(255) NOT NULL,
    payload             jsonb,
    occurred_at_us      timestamp(6) NOT NULL DEFAULT (now() AT TIME ZONE 'utc'),
    tracingspancontext  text
);

//! Payments in payment_db. A change is written with the version that it was made from, and the fact
//! that it tells, in one transaction.

use std::time::Duration;

use eventhub_guest::ids::{BookingId, PaymentId};
use eventhub_guest::sql::{Database, Error, Row, Statement, sql};
use eventhub_guest::{Money, Timestamp, outbox};

use crate::domain::{Fact, Payment, Status};
use crate::providers::Provider;

const DB: Database = Database("payment_db");

const BY_BOOKING: &str = "SELECT * FROM payments WHERE booking_id = $1";
const BY_INTENT: &str = "SELECT * FROM payments WHERE provider = $1 AND provider_intent_id = $2";
// A second create finds the first one's row; `xmax` tells nothing away, so the row itself is what
// counts.
const INSERT: &str = "INSERT INTO payments (id, booking_id, user_id, provider, status, amount, currency, email, intent_key, expires_at, next_check_at)
    VALUES ($1, $2, $3, $4, 'created', $5, $6, $7, $8, $9, now() + interval '15 seconds')
    ON CONFLICT (booking_id) DO UPDATE SET booking_id = excluded.booking_id RETURNING *";
const UPDATE: &str = "UPDATE payments SET status = $3, provider_intent_id = $4, client_secret = $5, decline = $6, refund_attempt = $7,
    provider_refund_id = $8, refund_reason = $9, version = version + 1, updated_at = now() WHERE id = $1 AND version = $2";
const NOTICE: &str = "INSERT INTO webhook_events (provider, event_id, kind, intent_id, applied_at)
    VALUES ($1, $2, $3, $4, CASE WHEN $5 THEN now() END) ON CONFLICT (provider, event_id) DO NOTHING";
// The row goes to one caller, who has it for himself until its next check is due. A refund that
// failed more than three times is tried at longer and longer intervals, up to two hours.
const TAKE: &str =
    "UPDATE payments SET next_check_at = now() + (CASE WHEN now() - created_at < interval '2 minutes' THEN interval '15 seconds' ELSE interval '25 seconds' END)
        * power(2, least(greatest(refund_attempt - 3, 0), 8))
    WHERE id = (SELECT id FROM payments WHERE status IN ('requires_payment', 'processing', 'refunding') AND next_check_at <= now()
                ORDER BY next_check_at LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING *";
// The webhook counts as applied: its payment is due, before all others, until the provider has
// answered.
const HASTEN: &str = "WITH told AS (
        UPDATE webhook_events SET applied_at = now() WHERE ctid = ANY (ARRAY(
            SELECT w.ctid FROM webhook_events w JOIN payments p ON p.provider = w.provider AND p.provider_intent_id = w.intent_id
            WHERE w.applied_at IS NULL AND w.received_at > now() - make_interval(secs => $1) FOR UPDATE OF w SKIP LOCKED))
        RETURNING provider, intent_id)
    UPDATE payments p SET next_check_at = to_timestamp(0) FROM told WHERE p.provider = told.provider AND p.provider_intent_id = told.intent_id";
// A provider repeats a webhook for days, and an operator can have it sent again for some weeks;
// until then it must be known. What was never applied stays: it tells of money that nobody here
// knows. A thousand at a time, so that none is locked for long; by their places, since these are
// locked and the table need not be searched again.
const FORGET: &str = "DELETE FROM webhook_events WHERE ctid = ANY (ARRAY(SELECT ctid FROM webhook_events
    WHERE applied_at < now() - interval '30 days' ORDER BY applied_at LIMIT 1000 FOR UPDATE SKIP LOCKED))";

/// A webhook, as it is remembered.
pub struct Heard<'a> {
    pub provider: Provider,
    pub event_id: &'a str,
    pub kind: &'a str,
    pub intent_id: Option<&'a str>,
}

pub fn by_booking(id: BookingId) -> Result<Option<Payment>, Error> {
    DB.optional(sql(BY_BOOKING).bind(id))?
        .as_ref()
        .map(payment)
        .transpose()
}

pub fn by_intent(provider: Provider, intent_id: &str) -> Result<Option<Payment>, Error> {
    DB.optional(sql(BY_INTENT).bind(provider.name()).bind(intent_id))?
        .as_ref()
        .map(payment)
        .transpose()
}

/// Stores a new payment, or finds the booking's own.
pub fn insert(new: &Payment) -> Result<Payment, Error> {
    let statement = sql(INSERT)
        .bind(new.id)
        .bind(new.booking_id)
        .bind(new.user_id)
        .bind(new.provider.as_str())
        .bind(new.total.amount)
        .bind(new.total.currency)
        .bind(new.email.clone())
        .bind(new.intent_key.as_str())
        .bind(new.expires_at);
    payment(&DB.one(statement)?)
}

/// Writes a change, its fact, and the webhook that told of it, if one did.
///
/// # Errors
/// [`Error::Conflict`] of statement 0 where the webhook is known already or the payment has changed
/// in between.
pub fn change(
    next: &Payment,
    fact: Option<Fact>,
    heard: Option<&Heard>,
    traceparent: &str,
) -> Result<(), Error> {
    let mut statements = vec![];
    statements.extend(heard.map(|heard| notice(heard, true).expect(1)));
    statements.push(update(next).expect(1));
    statements.extend(fact.map(|fact| {
        outbox::record(
            "payment",
            &next.booking_id.to_string(),
            fact.name(),
            next.payload(),
            traceparent,
        )
    }));
    DB.transaction(&statements).map(drop)
}

/// Remembers a webhook that changes nothing, or (not `applied`) nothing yet. Known ones stay as
/// they are.
pub fn remember(heard: &Heard, applied: bool) -> Result<(), Error> {
    DB.execute(notice(heard, applied)).map(drop)
}

/// The payment that has been due longest, given to this caller only; none where none is due.
pub fn take() -> Result<Option<Payment>, Error> {
    DB.optional(sql(TAKE))?.as_ref().map(payment).transpose()
}

/// Makes those due of which a webhook of so long ago told before their intent was known.
pub fn hasten(ago: Duration) -> Result<(), Error> {
    DB.execute(sql(HASTEN).bind(ago.as_secs_f64())).map(drop)
}

/// Forgets webhooks that were applied so long ago that nobody sends them again, some at each call.
pub fn forget() -> Result<(), Error> {
    DB.execute(sql(FORGET)).map(drop)
}

fn notice(heard: &Heard, applied: bool) -> Statement {
    sql(NOTICE)
        .bind(heard.provider.name())
        .bind(heard.event_id)
        .bind(heard.kind)
        .bind(heard.intent_id.map(str::to_string))
        .bind(applied)
}

fn update(next: &Payment) -> Statement {
    sql(UPDATE)
        .bind(next.id)
        .bind(next.version)
        .bind(next.status.as_str())
        .bind(next.intent_id.clone())
        .bind(next.client_secret.clone())
        .bind(next.decline.clone())
        .bind(next.refund_attempt)
        .bind(next.refund_id.clone())
        .bind(next.refund_reason.clone())
}

fn payment(row: &Row) -> Result<Payment, Error> {
    let (status, provider): (String, String) = (row.get("status")?, row.get("provider")?);
    Ok(Payment {
        id: row.get::<PaymentId>("id")?,
        booking_id: row.get("booking_id")?,
        user_id: row.get("user_id")?,
        publishable_key: Provider::named(&provider)
            .map(Provider::publishable_key)
            .filter(|key| !key.is_empty()),
        provider,
        status: Status::parse(&status)
            .ok_or_else(|| Error::Invalid(format!("payment status {status}")))?,
        total: Money::new(row.get("amount")?, row.get("currency")?),
        email: row.get("email")?,
        intent_key: row.get("intent_key")?,
        intent_id: row.get("provider_intent_id")?,
        client_secret: row.get("client_secret")?,
        decline: row.get("decline")?,
        refund_attempt: row.get("refund_attempt")?,
        refund_id: row.get("provider_refund_id")?,
        refund_reason: row.get("refund_reason")?,
        expires_at: row.get::<Timestamp>("expires_at")?,
        version: row.get("version")?,
    })
}

#[cfg(test)]
mod tests;

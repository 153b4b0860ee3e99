//! Payments in payment_db. A change is written with the version that it was made from, and the fact
//! that reports it, in one transaction.

use std::time::Duration;

use eventhub_facts::{
    PaymentCancelled, PaymentDetails, PaymentFailed, PaymentRefunded, PaymentSucceeded,
    RefundFailed,
};
use eventhub_guest::Money;
use eventhub_guest::ids::BookingId;
use eventhub_guest::outbox::record_fact;
use eventhub_guest::sql::{Database, Error, Row, Statement, sql};

use crate::domain::payment::{Payment, PaymentEvent};

/// The database of this service.
pub const DB: Database = Database("payment_db");

const BY_BOOKING: &str = "SELECT * FROM payments WHERE booking_id = $1";
const BY_INTENT: &str = "SELECT * FROM payments WHERE provider = $1 AND provider_intent_id = $2";
// A second create finds the row of the first.
const INSERT: &str = "INSERT INTO payments (id, booking_id, user_id, provider, status, amount,
    currency, email, intent_key, expires_at, next_check_at)
    VALUES ($1, $2, $3, $4, 'created', $5, $6, $7, $8, $9, now() + interval '15 seconds')
    ON CONFLICT (booking_id) DO UPDATE SET booking_id = excluded.booking_id RETURNING *";
const UPDATE: &str = "UPDATE payments SET status = $3, provider_intent_id = $4,
    client_secret = $5, decline = $6, refund_attempt = $7, provider_refund_id = $8,
    refund_reason = $9, version = version + 1, updated_at = now()
    WHERE id = $1 AND version = $2";
const INSERT_WEBHOOK: &str = "INSERT INTO webhook_events
    (provider, event_id, kind, intent_id, applied_at)
    VALUES ($1, $2, $3, $4, CASE WHEN $5 THEN now() END)
    ON CONFLICT (provider, event_id) DO NOTHING";
// One caller gets the row, and has it alone until its next check is due. A refund that failed more
// than three times is tried at longer and longer intervals, up to two hours.
const CLAIM_NEXT_DUE: &str = "UPDATE payments SET next_check_at = now()
        + (CASE WHEN now() - created_at < interval '2 minutes'
            THEN interval '15 seconds' ELSE interval '25 seconds' END)
        * power(2, least(greatest(refund_attempt - 3, 0), 8))
    WHERE id = (
        SELECT id FROM payments
        WHERE status IN ('requires_payment', 'processing', 'refunding') AND next_check_at <= now()
        ORDER BY next_check_at LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING *";
// The webhook counts as applied: its payment is due, before all others, until the provider has
// answered.
const REQUEUE_UNMATCHED: &str = "WITH matched AS (
        UPDATE webhook_events SET applied_at = now() WHERE ctid = ANY (ARRAY(
            SELECT w.ctid FROM webhook_events w JOIN payments p
                ON p.provider = w.provider AND p.provider_intent_id = w.intent_id
            WHERE w.applied_at IS NULL AND w.received_at > now() - make_interval(secs => $1)
            FOR UPDATE OF w SKIP LOCKED))
        RETURNING provider, intent_id)
    UPDATE payments p SET next_check_at = to_timestamp(0) FROM matched
    WHERE p.provider = matched.provider AND p.provider_intent_id = matched.intent_id";
// A provider repeats a webhook for days, and an operator can have it sent again for some weeks;
// until then it must be known. A webhook that was never applied stays: it reports money that nobody
// here knows. A thousand at a time, so that none is locked for long; by `ctid`, because these rows
// are locked and the table need not be searched again.
const DELETE_OLD_WEBHOOKS: &str = "DELETE FROM webhook_events WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM webhook_events WHERE applied_at < now() - interval '30 days'
    ORDER BY applied_at LIMIT 1000 FOR UPDATE SKIP LOCKED))";

/// A webhook, as it is stored.
pub struct Webhook<'a> {
    pub provider: &'a str,
    pub event_id: &'a str,
    pub kind: &'a str,
    pub intent_id: Option<&'a str>,
}

/// The payment of a booking.
pub fn find_by_booking(id: BookingId) -> Result<Option<Payment>, Error> {
    let row = DB.optional(sql(BY_BOOKING).bind(id))?;
    row.as_ref().map(read_payment).transpose()
}

/// The payment with that intent of the provider.
pub fn find_by_intent(provider: &str, intent_id: &str) -> Result<Option<Payment>, Error> {
    let row = DB.optional(sql(BY_INTENT).bind(provider).bind(intent_id))?;
    row.as_ref().map(read_payment).transpose()
}

/// Stores a new payment, or finds the booking's own.
pub fn insert_payment(new: &Payment) -> Result<Payment, Error> {
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
    read_payment(&DB.one(statement)?)
}

/// Writes a change, its fact, and the webhook that reported it, if one did.
///
/// # Errors
/// [`Error::Conflict`] of statement 0 where the webhook is known already or the payment has changed
/// in between.
pub fn update_payment(
    next: &Payment,
    event: Option<PaymentEvent>,
    webhook: Option<&Webhook>,
    traceparent: &str,
) -> Result<(), Error> {
    let mut statements = vec![];
    statements.extend(webhook.map(|webhook| webhook_statement(webhook, true).expect(1)));
    statements.push(update_statement(next).expect(1));
    statements.extend(event.map(|event| fact_statement(next, event, traceparent)));
    DB.transaction(&statements).map(drop)
}

/// Stores a webhook that changes nothing, or (not `applied`) nothing yet. A known one stays as it
/// is.
pub fn insert_webhook(webhook: &Webhook, applied: bool) -> Result<(), Error> {
    DB.execute(webhook_statement(webhook, applied)).map(drop)
}

/// The payment that has been due longest, given to this caller only; none where none is due.
pub fn claim_next_due() -> Result<Option<Payment>, Error> {
    let row = DB.optional(sql(CLAIM_NEXT_DUE))?;
    row.as_ref().map(read_payment).transpose()
}

/// Makes the payments due whose webhook came in this time before now, and before their intent was
/// known.
pub fn requeue_unmatched_webhooks(window: Duration) -> Result<(), Error> {
    let statement = sql(REQUEUE_UNMATCHED).bind(window.as_secs_f64());
    DB.execute(statement).map(drop)
}

/// Deletes webhooks that were applied so long ago that nobody sends them again, some at each call.
pub fn delete_old_webhooks() -> Result<(), Error> {
    DB.execute(sql(DELETE_OLD_WEBHOOKS)).map(drop)
}

fn webhook_statement(webhook: &Webhook, applied: bool) -> Statement {
    sql(INSERT_WEBHOOK)
        .bind(webhook.provider)
        .bind(webhook.event_id)
        .bind(webhook.kind)
        .bind(webhook.intent_id.map(str::to_string))
        .bind(applied)
}

fn update_statement(next: &Payment) -> Statement {
    sql(UPDATE)
        .bind(next.id)
        .bind(next.version)
        .bind(next.status.to_string())
        .bind(next.intent_id.clone())
        .bind(next.client_secret.clone())
        .bind(next.decline.clone())
        .bind(next.refund_attempt)
        .bind(next.refund_id.clone())
        .bind(next.refund_reason.clone())
}

fn fact_statement(payment: &Payment, event: PaymentEvent, traceparent: &str) -> Statement {
    let details = PaymentDetails {
        payment_id: payment.id,
        booking_id: payment.booking_id,
        provider: payment.provider.clone(),
        status: payment.status.to_string(),
        amount: payment.total.amount,
        currency: payment.total.currency,
        reason: payment.decline.clone(),
    };
    match event {
        PaymentEvent::Succeeded => record_fact(&PaymentSucceeded::from(details), traceparent),
        PaymentEvent::Failed => record_fact(&PaymentFailed::from(details), traceparent),
        PaymentEvent::Cancelled => record_fact(&PaymentCancelled::from(details), traceparent),
        PaymentEvent::Refunded => record_fact(&PaymentRefunded::from(details), traceparent),
        PaymentEvent::RefundFailed => record_fact(&RefundFailed::from(details), traceparent),
    }
}

fn read_payment(row: &Row) -> Result<Payment, Error> {
    Ok(Payment {
        id: row.get("id")?,
        booking_id: row.get("booking_id")?,
        user_id: row.get("user_id")?,
        provider: row.get("provider")?,
        status: row.parse("status")?,
        total: Money::new(row.get("amount")?, row.get("currency")?),
        email: row.get("email")?,
        intent_key: row.get("intent_key")?,
        intent_id: row.get("provider_intent_id")?,
        client_secret: row.get("client_secret")?,
        decline: row.get("decline")?,
        refund_attempt: row.get("refund_attempt")?,
        refund_id: row.get("provider_refund_id")?,
        refund_reason: row.get("refund_reason")?,
        expires_at: row.get("expires_at")?,
        version: row.get("version")?,
    })
}

#[cfg(test)]
mod tests;

//! What is done with payments: asked of the provider, heard from it, reconciled. Everything may be
//! done twice.

use std::time::Duration;

use eventhub_guest::bindings::eventhub::timers::types::Moment;
use eventhub_guest::ids::PaymentId;
use eventhub_guest::{Money, Timestamp, sql};

use crate::bindings::eventhub::payment_provider::types as provider;
use crate::bindings::exports::eventhub::payment::payments as wit;
use crate::domain::{Change, Payment, Status};
use crate::providers::Provider;
use crate::store::{self, Heard};

/// Whose fault it is that something could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller's: no such payment.
    #[error("no such payment")]
    NotFound,
    /// The caller's, or the provider's rules: trying again does not help.
    #[error("refused: {0}")]
    Refused(String),
    /// Nobody's: try again.
    #[error("unavailable: {0}")]
    Unavailable(String),
    #[error(transparent)]
    Store(#[from] sql::Error),
}

impl Error {
    /// Not this payment's alone: the next one would meet it, too.
    fn is_everyones(&self) -> bool {
        matches!(self, Error::Unavailable(_) | Error::Store(_))
    }
}

impl From<provider::Error> for Error {
    fn from(error: provider::Error) -> Self {
        match error {
            provider::Error::NotFound => Error::NotFound,
            provider::Error::Refused(text) => Error::Refused(text),
            provider::Error::BadSignature(text) | provider::Error::Unavailable(text) => {
                Error::Unavailable(text)
            }
        }
    }
}

impl From<Error> for wit::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound => wit::Error::NotFound,
            Error::Refused(text) => wit::Error::Refused(text),
            Error::Unavailable(text) => wit::Error::Unavailable(text),
            Error::Store(error) => wit::Error::Unavailable(error.to_string()),
        }
    }
}

// Two who change the same payment at once: the second reads again. More than a few in a row are no
// coincidence.
const ATTEMPTS: usize = 5;

/// After this time a tick takes no other payment; the next tick comes within a second. The provider
/// may take 15 seconds for the one that is under way then, and the tick has a deadline of 30.
const ENOUGH: Duration = Duration::from_secs(4);

/// Stores the payment, then asks the provider for an intent.
pub fn create(order: wit::Order) -> Result<Payment, Error> {
    let refused = |what: &str| Error::Refused(format!("{what} is not valid"));
    let provider = Provider::named(&order.provider)
        .ok_or_else(|| Error::Refused(format!("there is no provider {}", order.provider)))?;
    let total = Money::from_wit(&order.total).map_err(|_| refused("the currency"))?;
    if total.amount <= 0 {
        return Err(refused("the amount"));
    }
    let id = PaymentId::new();
    let stored = store::insert(&Payment {
        id,
        booking_id: order
            .booking_id
            .parse()
            .map_err(|_| refused("the booking's id"))?,
        user_id: order
            .user_id
            .parse()
            .map_err(|_| refused("the user's id"))?,
        provider: order.provider,
        status: Status::Created,
        total,
        email: order.email,
        intent_key: format!("{id}:intent:1"),
        intent_id: None,
        client_secret: None,
        decline: None,
        refund_attempt: 0,
        refund_id: None,
        refund_reason: None,
        expires_at: Timestamp::from_micros(order.expires_at),
        version: 1,
        publishable_key: None,
    })?;
    if stored.status != Status::Created {
        return Ok(stored);
    }
    let intent = provider.create_intent(&provider::IntentRequest {
        idempotency_key: stored.intent_key.clone(),
        total: stored.total.to_wit(),
        booking_id: stored.booking_id.to_string(),
        payment_id: stored.id.to_string(),
        email: stored.email.clone(),
    })?;
    apply(stored, "", |payment| payment.hear_intent(&intent))
}

/// As the database has it; but an overdue one as the provider has it. Whoever asks then gives up
/// what is not paid, and the webhook may have been lost.
pub fn get(booking_id: &str) -> Result<Payment, Error> {
    known(stored(booking_id)?, Timestamp::now(), |payment| {
        look_up(payment, "")
    })
}

fn known(
    payment: Payment,
    now: Timestamp,
    look_up: impl FnOnce(Payment) -> Result<Payment, Error>,
) -> Result<Payment, Error> {
    if payment.is_overdue(now) {
        look_up(payment)
    } else {
        Ok(payment)
    }
}

fn stored(booking_id: &str) -> Result<Payment, Error> {
    let id = booking_id.parse().map_err(|_| Error::NotFound)?;
    store::by_booking(id)?.ok_or(Error::NotFound)
}

/// No longer wanted; the answer may say that the buyer was quicker.
pub fn cancel(booking_id: &str) -> Result<Payment, Error> {
    let payment = stored(booking_id)?;
    match (payment.status, &payment.intent_id) {
        (Status::Created, _) | (Status::RequiresPayment | Status::Processing, None) => {
            apply(payment, "", |payment| {
                // Nobody has seen a client secret: it cannot be paid. Should it be all the same,
                // the webhook tells.
                (payment.status == Status::Created).then(|| {
                    (
                        Payment {
                            status: Status::Cancelled,
                            ..payment.clone()
                        },
                        None,
                    )
                })
            })
        }
        (Status::RequiresPayment | Status::Processing, Some(intent_id)) => {
            let provider = strategy(&payment)?;
            let intent = match provider.cancel_intent(intent_id) {
                // Too late to cancel: what is it then?
                Err(provider::Error::Refused(_)) => provider.get_intent(intent_id)?,
                other => other?,
            };
            apply(payment, "", |payment| payment.hear_intent(&intent))
        }
        _ => Ok(payment),
    }
}

/// Gives all of it back that somebody has not given back by hand.
pub fn refund(booking_id: &str, reason: &str) -> Result<Payment, Error> {
    let payment = stored(booking_id)?;
    let payment = match payment.status {
        Status::Succeeded => {
            let reason = Some(reason.to_string());
            // Stored before the call: a crash in between asks again with the same key.
            apply(payment, "", |payment| {
                let next = Payment {
                    status: Status::Refunding,
                    refund_reason: reason.clone(),
                    ..payment.clone()
                };
                (payment.status == Status::Succeeded).then_some((next, None))
            })?
        }
        Status::Refunding | Status::Refunded => payment,
        other => {
            return Err(Error::Refused(format!(
                "a payment that is {} cannot be refunded",
                other.as_str()
            )));
        }
    };
    if payment.status == Status::Refunding {
        ask_refund(payment)
    } else {
        Ok(payment)
    }
}

fn ask_refund(payment: Payment) -> Result<Payment, Error> {
    let provider = strategy(&payment)?;
    let refund = match &payment.refund_id {
        Some(id) => provider.get_refund(id)?,
        None => provider.create_refund(&provider::RefundRequest {
            idempotency_key: payment.refund_key(),
            intent_id: payment.intent_id.clone().ok_or(Error::NotFound)?,
            total: payment.total.to_wit(),
            payment_id: payment.id.to_string(),
        })?,
    };
    let attempt = payment.refund_attempt;
    apply(payment, "", |payment| {
        payment.hear_own_refund(attempt, &refund)
    })
}

/// A verified webhook: stored once by its id, and acted upon in the same transaction.
pub fn hear(provider: Provider, notice: &provider::Notice, traceparent: &str) -> Result<(), Error> {
    let intent_id = match &notice.subject {
        provider::NoticeSubject::Intent(intent) => Some(intent.id.as_str()),
        provider::NoticeSubject::Refund(refund) => Some(refund.intent_id.as_str()),
        provider::NoticeSubject::Other => None,
    };
    let heard = Heard {
        provider,
        event_id: &notice.id,
        kind: &notice.kind,
        intent_id,
    };
    let Some(intent_id) = intent_id else {
        return Ok(store::remember(&heard, true)?);
    };
    for _ in 0..ATTEMPTS {
        let Some(payment) = store::by_intent(provider, intent_id)? else {
            // It came before the answer to our own create: the reconciliation applies it.
            return Ok(store::remember(&heard, false)?);
        };
        let change = match &notice.subject {
            provider::NoticeSubject::Intent(intent) => payment.hear_intent(intent),
            provider::NoticeSubject::Refund(refund) => hear_refund(payment, refund, traceparent)?,
            provider::NoticeSubject::Other => None,
        };
        let Some((next, fact)) = change else {
            return Ok(store::remember(&heard, true)?);
        };
        warn_of_quarantine(&next);
        match store::change(&next, fact, Some(&heard), traceparent) {
            Ok(()) => return Ok(()),
            // Statement 0 is the webhook: it is known, another copy was quicker.
            Err(sql::Error::Conflict { statement: 0, .. }) => return Ok(()),
            Err(sql::Error::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::Unavailable("the payment keeps changing".into()))
}

/// Webhooks come in any order. A refund may be told of before its payment, and its success after
/// its failure: then the provider is asked how it is now.
fn hear_refund(
    payment: Payment,
    told: &provider::Refund,
    traceparent: &str,
) -> Result<Change, Error> {
    let payment = if payment.status.is_unpaid() {
        look_up(payment, traceparent)?
    } else {
        payment
    };
    if !payment.is_undone_by(told) {
        warn_of_failed_part(&payment, told);
        return Ok(None);
    }
    if payment.refund_attempt == 0 {
        return Ok(payment.hear_refund(told));
    }
    Ok(payment.hear_refund(&strategy(&payment)?.get_refund(&told.id)?))
}

/// Finds what no webhook told: asks the provider about payments that have been open for a while, or
/// of which a webhook told too early, and goes on with refunds. Forgets webhooks of long ago.
/// Several of these run at once, on one node and on many.
pub fn reconcile(moment: &Moment) -> Result<(), Error> {
    store::hasten(told_since(moment))?;
    one_by_one(
        Timestamp::now,
        || Ok(store::take()?),
        |payment| look_up(payment, &moment.traceparent).map(drop),
    )?;
    Ok(store::forget()?)
}

/// The webhooks to look through for those that came too early: of the last minute, and once a
/// minute of the last day, for most of these are of others who have the same account with the
/// provider.
const fn told_since(moment: &Moment) -> Duration {
    let once_a_minute = moment.now.div_euclid(1_000_000) % 60 == 7;
    Duration::from_secs(if once_a_minute { 86_400 } else { 60 })
}

/// Takes a payment and asks about it, then the next one: none is taken that has to wait for its
/// turn. One that fails by itself keeps no other waiting; a provider that is away leaves the others
/// due, so that they are asked about as soon as it is back.
fn one_by_one(
    now: impl Fn() -> Timestamp,
    take: impl Fn() -> Result<Option<Payment>, Error>,
    ask: impl Fn(Payment) -> Result<(), Error>,
) -> Result<(), Error> {
    let enough = now().plus(ENOUGH);
    while now() < enough {
        let Some(payment) = take()? else { break };
        let id = payment.id;
        if let Err(error) = ask(payment) {
            tracing::warn!(payment.id = %id, error.cause = %error, "payment cannot be reconciled just now");
            if error.is_everyones() {
                break;
            }
        }
    }
    Ok(())
}

fn look_up(payment: Payment, traceparent: &str) -> Result<Payment, Error> {
    if payment.status == Status::Refunding {
        return ask_refund(payment);
    }
    let Some(intent_id) = payment.intent_id.clone() else {
        return Ok(payment);
    };
    let intent = strategy(&payment)?.get_intent(&intent_id)?;
    apply(payment, traceparent, |payment| payment.hear_intent(&intent))
}

fn strategy(payment: &Payment) -> Result<Provider, Error> {
    Provider::named(&payment.provider)
        .ok_or_else(|| Error::Refused(format!("there is no provider {}", payment.provider)))
}

/// Makes a change to the newest version of a payment.
fn apply(
    mut payment: Payment,
    traceparent: &str,
    change: impl Fn(&Payment) -> Change,
) -> Result<Payment, Error> {
    for _ in 0..ATTEMPTS {
        let Some((next, fact)) = change(&payment) else {
            return Ok(payment);
        };
        warn_of_quarantine(&next);
        match store::change(&next, fact, None, traceparent) {
            Ok(()) => {
                return Ok(Payment {
                    version: next.version + 1,
                    ..next
                });
            }
            Err(error) if error.is_conflict() => {
                payment = store::by_booking(payment.booking_id)?.ok_or(Error::NotFound)?
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::Unavailable("the payment keeps changing".into()))
}

fn warn_of_quarantine(payment: &Payment) {
    if payment.status == Status::Quarantined {
        tracing::error!(payment.id = %payment.id, payment.booking_id = %payment.booking_id, "the provider captured another amount than was asked; an operator must look");
    }
}

/// A part that somebody gave back by hand was not asked for again when we gave back the rest.
fn warn_of_failed_part(payment: &Payment, part: &provider::Refund) {
    if part.status == provider::RefundStatus::Failed && payment.refund_id.is_some() {
        tracing::error!(payment.id = %payment.id, refund.id = part.id, "a part that was given back by hand has failed, after the rest was given back; an operator must look");
    }
}

#[cfg(test)]
mod tests;

//! A provider reports what became of a payment.

use eventhub_guest::{Request, Timestamp, sql};

use super::{MAX_CONFLICTS, look_up_payment, too_many_conflicts, warn_of_quarantine};
use crate::domain::payment::{Change, Payment};
use crate::domain::provider::{Notice, Refund, RefundStatus, Subject};
use crate::error::Error;
use crate::ports::{Ports, ProviderError};
use crate::store::{self, Webhook};

/// Verifies a webhook and acts on it.
///
/// # Errors [`Error::UnknownProvider`], [`Error::BadSignature`], [`Error::UnreadableNotice`], or
/// that it could not be stored.
pub fn receive_webhook(
    ports: &dyn Ports,
    provider: &str,
    request: &Request,
    now: Timestamp,
) -> Result<(), Error> {
    if !ports.has_provider(provider) {
        return Err(Error::UnknownProvider(provider.to_string()));
    }
    let body = std::str::from_utf8(&request.body)
        .map_err(|_| Error::BadSignature("the body is not UTF-8".into()))?;
    let notice = ports
        .verify_notice(provider, &request.headers, body, now)
        .map_err(|error| match error {
            ProviderError::BadSignature(why) => Error::BadSignature(why),
            ProviderError::Refused(why) => Error::UnreadableNotice(why),
            other => other.into(),
        })?;
    apply_notice(ports, provider, &notice, &request.traceparent)
}

/// Stores a verified webhook once by its id, and acts on it in the same transaction.
fn apply_notice(
    ports: &dyn Ports,
    provider: &str,
    notice: &Notice,
    traceparent: &str,
) -> Result<(), Error> {
    let webhook = Webhook {
        provider,
        event_id: &notice.id,
        kind: &notice.kind,
        intent_id: notice.subject.intent_id(),
    };
    let Some(intent_id) = webhook.intent_id else {
        return Ok(store::insert_webhook(&webhook, true)?);
    };
    for _ in 0..MAX_CONFLICTS {
        let Some(payment) = store::find_by_intent(provider, intent_id)? else {
            // It came before the answer to our own create: the reconciliation applies it.
            return Ok(store::insert_webhook(&webhook, false)?);
        };
        let change = match &notice.subject {
            Subject::Intent(intent) => payment.apply_intent(intent),
            Subject::Refund(refund) => apply_reported_refund(ports, payment, refund, traceparent)?,
            Subject::Other => None,
        };
        let Some((next, event)) = change else {
            return Ok(store::insert_webhook(&webhook, true)?);
        };
        warn_of_quarantine(&next);
        match store::update_payment(&next, event, Some(&webhook), traceparent) {
            Ok(()) => return Ok(()),
            // Statement 0 is the webhook: it is known, another copy was quicker.
            Err(sql::Error::Conflict { statement: 0, .. }) => return Ok(()),
            Err(sql::Error::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(too_many_conflicts())
}

/// Webhooks come in any order. A refund may be reported before its payment, and its success after
/// its failure: then the provider is asked how it is now.
fn apply_reported_refund(
    ports: &dyn Ports,
    payment: Payment,
    refund: &Refund,
    traceparent: &str,
) -> Result<Change, Error> {
    let payment = if payment.status.is_unpaid() {
        look_up_payment(ports, payment, traceparent)?
    } else {
        payment
    };
    if !payment.is_undone_by(refund) {
        warn_of_failed_part(&payment, refund);
        return Ok(None);
    }
    if payment.refund_attempt == 0 {
        return Ok(payment.apply_refund(refund));
    }
    let current = ports.get_refund(&payment.provider, &refund.id)?;
    Ok(payment.apply_refund(&current))
}

/// Our refund of the rest did not ask for a part that somebody had given back by hand.
fn warn_of_failed_part(payment: &Payment, part: &Refund) {
    if part.status == RefundStatus::Failed && payment.refund_id.is_some() {
        tracing::error!(
            payment.id = %payment.id,
            refund.id = part.id,
            "refund by hand failed after the rest was refunded; an operator must look"
        );
    }
}

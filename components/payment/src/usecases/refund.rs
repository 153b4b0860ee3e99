//! A booking gives its money back.

use super::{find_payment, save_change};
use crate::domain::payment::{Payment, Status};
use crate::error::Error;
use crate::ports::{NewRefund, Ports};

/// Gives back everything that nobody has given back by hand.
///
/// # Errors
/// [`Error::NotFound`], [`Error::Refused`] where the payment is not paid, or as the provider
/// answers.
pub fn refund_payment(ports: &dyn Ports, booking_id: &str, reason: &str) -> Result<Payment, Error> {
    let payment = find_payment(booking_id)?;
    let payment = match payment.status {
        // Stored before the call: after a crash in between, the next call uses the same key.
        Status::Succeeded => save_change(payment, "", |payment| {
            let next = Payment {
                status: Status::Refunding,
                refund_reason: Some(reason.to_string()),
                ..payment.clone()
            };
            (payment.status == Status::Succeeded).then_some((next, None))
        })?,
        Status::Refunding | Status::Refunded => payment,
        other => {
            return Err(Error::Refused(format!(
                "a payment that is {other} cannot be refunded"
            )));
        }
    };
    if payment.status == Status::Refunding {
        continue_refund(ports, payment)
    } else {
        Ok(payment)
    }
}

/// Asks for the refund of a payment that is `refunding`, or what became of it.
pub(super) fn continue_refund(ports: &dyn Ports, payment: Payment) -> Result<Payment, Error> {
    let provider = &payment.provider;
    let refund = match &payment.refund_id {
        Some(id) => ports.get_refund(provider, id)?,
        None => ports.create_refund(
            provider,
            &NewRefund {
                idempotency_key: payment.refund_key(),
                intent_id: payment.intent_id.clone().ok_or(Error::NotFound)?,
                total: payment.total,
                payment_id: payment.id.to_string(),
            },
        )?,
    };
    let attempt = payment.refund_attempt;
    save_change(payment, "", |payment| {
        payment.apply_own_refund(attempt, &refund)
    })
}

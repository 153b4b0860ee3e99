//! A booking no longer wants its payment.

use super::{find_payment, save_change};
use crate::domain::payment::{Payment, Status};
use crate::error::Error;
use crate::ports::{Ports, ProviderError};

/// Cancels an open payment; the answer may say that the buyer was quicker.
///
/// # Errors
/// [`Error::NotFound`], or as the provider answers.
pub fn cancel_payment(ports: &dyn Ports, booking_id: &str) -> Result<Payment, Error> {
    let payment = find_payment(booking_id)?;
    match (payment.status, &payment.intent_id) {
        (Status::Created, _) | (Status::RequiresPayment | Status::Processing, None) => {
            save_change(payment, "", |payment| {
                // Nobody has seen a client secret, so it cannot be paid. Should it be paid all the
                // same, the webhook reports it.
                (payment.status == Status::Created).then(|| {
                    let next = Payment {
                        status: Status::Cancelled,
                        ..payment.clone()
                    };
                    (next, None)
                })
            })
        }
        (Status::RequiresPayment | Status::Processing, Some(intent_id)) => {
            let provider = &payment.provider;
            let intent = match ports.cancel_intent(provider, intent_id) {
                // Too late to cancel: what is it then?
                Err(ProviderError::Refused(_)) => ports.get_intent(provider, intent_id)?,
                other => other?,
            };
            save_change(payment, "", |payment| payment.apply_intent(&intent))
        }
        _ => Ok(payment),
    }
}

//! The steps of a payment: what the saga asks for, what a provider reports, and what the timer
//! finds. Every step may be done twice.

mod cancel;
mod create;
mod get;
pub mod reconcile;
mod refund;
pub mod webhooks;

pub use cancel::cancel_payment;
pub use create::create_payment;
pub use get::get_payment;
pub use refund::refund_payment;

use crate::domain::payment::{Change, Payment, Status};
use crate::error::Error;
use crate::ports::Ports;
use crate::store;

/// When two change the same payment at once, the second reads again. More conflicts than this in a
/// row are no coincidence.
const MAX_CONFLICTS: usize = 5;

fn find_payment(booking_id: &str) -> Result<Payment, Error> {
    let id = booking_id.parse().map_err(|_| Error::NotFound)?;
    store::find_by_booking(id)?.ok_or(Error::NotFound)
}

/// The payment as the provider has it now.
fn look_up_payment(
    ports: &dyn Ports,
    payment: Payment,
    traceparent: &str,
) -> Result<Payment, Error> {
    if payment.status == Status::Refunding {
        return refund::continue_refund(ports, payment);
    }
    let Some(intent_id) = &payment.intent_id else {
        return Ok(payment);
    };
    let intent = ports.get_intent(&payment.provider, intent_id)?;
    save_change(payment, traceparent, |payment| {
        payment.apply_intent(&intent)
    })
}

/// Makes a change to the newest version of a payment.
fn save_change(
    mut payment: Payment,
    traceparent: &str,
    change: impl Fn(&Payment) -> Change,
) -> Result<Payment, Error> {
    for _ in 0..MAX_CONFLICTS {
        let Some((next, event)) = change(&payment) else {
            return Ok(payment);
        };
        warn_of_quarantine(&next);
        match store::update_payment(&next, event, None, traceparent) {
            Ok(()) => {
                return Ok(Payment {
                    version: next.version + 1,
                    ..next
                });
            }
            Err(error) if error.is_conflict() => {
                payment = store::find_by_booking(payment.booking_id)?.ok_or(Error::NotFound)?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(too_many_conflicts())
}

fn too_many_conflicts() -> Error {
    Error::Unavailable("the payment keeps changing".into())
}

fn warn_of_quarantine(payment: &Payment) {
    if payment.status == Status::Quarantined {
        tracing::error!(
            payment.id = %payment.id,
            payment.booking_id = %payment.booking_id,
            "provider captured another amount than was asked; an operator must look"
        );
    }
}

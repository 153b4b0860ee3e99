//! A booking asks for a payment.

use eventhub_guest::ids::PaymentId;

use super::save_change;
use crate::domain::payment::{NewPayment, Payment, Status};
use crate::error::Error;
use crate::ports::{NewIntent, Ports};
use crate::store;

/// Stores the payment, then asks the provider for an intent.
///
/// # Errors
/// [`Error::UnknownProvider`], [`Error::Refused`] for an amount that is not positive, or as the
/// provider answers.
pub fn create_payment(ports: &dyn Ports, new: NewPayment) -> Result<Payment, Error> {
    if !ports.has_provider(&new.provider) {
        return Err(Error::UnknownProvider(new.provider));
    }
    if new.total.amount <= 0 {
        return Err(Error::Refused("the amount is not valid".into()));
    }
    let payment = store::insert_payment(&Payment::new(PaymentId::new(), new))?;
    if payment.status != Status::Created {
        return Ok(payment);
    }
    let intent = ports.create_intent(
        &payment.provider,
        &NewIntent {
            idempotency_key: payment.intent_key.clone(),
            total: payment.total,
            booking_id: payment.booking_id.to_string(),
            payment_id: payment.id.to_string(),
            email: payment.email.clone(),
        },
    )?;
    save_change(payment, "", |payment| payment.apply_intent(&intent))
}

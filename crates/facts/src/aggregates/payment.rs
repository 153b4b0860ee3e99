//! Facts about payments. Published by the payment service; the key is the booking.

use eventhub_guest::Currency;
use eventhub_guest::ids::{BookingId, PaymentId};
use serde::{Deserialize, Serialize};

/// The members of all facts about a payment.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub struct PaymentDetails {
    pub payment_id: PaymentId,
    pub booking_id: BookingId,
    /// `stripe`
    pub provider: String,
    /// As in `eventhub:payment/payments`, in snake_case: `succeeded`.
    pub status: String,
    /// Minor units of `currency`.
    pub amount: i64,
    pub currency: Currency,
    /// Why an attempt was declined; absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

same_members! {
    PaymentDetails {
        payment_id: PaymentId::from_u128(6),
        booking_id: BookingId::from_u128(1),
        provider: "stripe".into(),
        status: "succeeded".into(),
        amount: 4500,
        currency: "EUR".parse()?,
        reason: Some("card_declined".into()),
    }:
    PaymentSucceeded PaymentFailed PaymentCancelled PaymentRefunded RefundFailed
}

facts! {
    "payment";
    /// The provider has the money.
    PaymentSucceeded keyed by details.booking_id;
    /// One attempt to pay was declined; the buyer may make another.
    PaymentFailed keyed by details.booking_id;
    /// Nothing will be paid any more.
    PaymentCancelled keyed by details.booking_id;
    /// The whole amount was given back.
    PaymentRefunded keyed by details.booking_id;
    /// The provider could not give the money back; the payment service tries again.
    RefundFailed keyed by details.booking_id;
}

//! What a booking is told: an event of the saga, with what came along.

use eventhub_guest::ids::{BookingId, EventId};
use serde::Deserialize;

use super::booking::Failure;
use super::payment::Payment;
use super::saga::Event;

#[derive(Clone, PartialEq, Debug)]
pub struct Fact {
    /// None where only the payment's or the failure's description changes.
    pub event: Option<Event>,
    pub payment: Option<Payment>,
    /// Recorded if the event changes the booking's status.
    pub failure: Option<Failure>,
}

impl Fact {
    pub const fn of(event: Event) -> Self {
        Self {
            event: Some(event),
            payment: None,
            failure: None,
        }
    }

    pub fn because(mut self, failure: Failure) -> Self {
        self.failure = Some(failure);
        self
    }

    pub fn with_payment(mut self, payment: Payment) -> Self {
        self.payment = Some(payment);
        self
    }
}

/// The payload of every event on `outbox.event.payment`. Members that are null may be missing:
/// Debezium drops them.
#[derive(Clone, PartialEq, Debug, Deserialize)]
pub struct PaymentTold {
    pub payment_id: String,
    pub booking_id: BookingId,
    pub provider: String,
    pub status: super::saga::PaymentStatus,
    pub amount: i64,
    pub currency: String,
    #[serde(default)]
    pub reason: Option<String>,
}

impl PaymentTold {
    fn payment(&self) -> Payment {
        Payment {
            id: self.payment_id.clone(),
            provider: self.provider.clone(),
            status: self.status,
            client_secret: None,
            publishable_key: None,
        }
    }
}

/// The payload of `BookingCreated`, as far as this service reads it.
#[derive(Deserialize)]
pub struct BookingTold {
    pub booking_id: BookingId,
}

/// The payload of `EventCancelled`, as far as this service reads it.
#[derive(Deserialize)]
pub struct EventTold {
    pub event_id: EventId,
}

/// What an event of the payment service means; none for types that do not concern a booking.
pub fn of_payment(kind: &str, told: &PaymentTold) -> Option<Fact> {
    let reason = |otherwise: &str| {
        told.reason
            .clone()
            .filter(|text| !text.is_empty())
            .unwrap_or_else(|| otherwise.into())
    };
    let fact = match kind {
        "PaymentSucceeded" => Fact::of(Event::PaymentCaptured),
        // One attempt was declined; the buyer may try another card until the deadline.
        "PaymentFailed" => Fact {
            event: None,
            payment: None,
            failure: Some(Failure::new(
                "payment_declined",
                reason("The payment was declined."),
            )),
        },
        "PaymentCancelled" => Fact::of(Event::PaymentCancelled).because(Failure::new(
            "payment_cancelled",
            reason("The payment was given up."),
        )),
        "PaymentRefunded" => Fact::of(Event::RefundDone),
        "RefundFailed" => Fact::of(Event::RefundFailed),
        _ => return None,
    };
    Some(fact.with_payment(told.payment()))
}

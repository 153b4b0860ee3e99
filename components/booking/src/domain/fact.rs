//! The input of a step: an event of the saga, with the details that came along.

use super::booking::Failure;
use super::payment::Payment;
use super::saga::Event;

/// Something that happened to a booking.
#[derive(Clone, PartialEq, Debug)]
pub struct Fact {
    /// None where only the payment's or the failure's description changes.
    pub event: Option<Event>,
    pub payment: Option<Payment>,
    /// Recorded if the event changes the booking's status.
    pub failure: Option<Failure>,
}

impl Fact {
    /// An event without details.
    pub const fn new(event: Event) -> Self {
        Self {
            event: Some(event),
            payment: None,
            failure: None,
        }
    }

    /// With the reason why the booking ends, if the event ends it.
    pub fn with_failure(mut self, failure: Failure) -> Self {
        self.failure = Some(failure);
        self
    }

    /// With the payment as it is now.
    pub fn with_payment(mut self, payment: Payment) -> Self {
        self.payment = Some(payment);
        self
    }

    /// Others have the seats, though they were paid.
    pub fn seats_lost() -> Self {
        Self::new(Event::SeatsLost).with_failure(Failure::new(
            "seats_unavailable",
            "The seats were taken by others.",
        ))
    }
}

//! The world as the driver sees it: the saga, seat-inventory and payment components, the database,
//! the clock.

use std::time::Duration;

use eventhub_guest::Timestamp;
use eventhub_guest::ids::BookingId;

use crate::bindings::eventhub::payment::payments;
use crate::bindings::eventhub::saga::machine;
use crate::bindings::eventhub::seat_inventory::holds;
use crate::config::CONFIG;
use crate::domain::booking::{Booking, Failure};
use crate::domain::fact::Fact;
use crate::domain::payment::{Payment, meaning};
use crate::domain::saga::{Command, Event, PaymentStatus, Refusal, State, Transition};
use crate::driver::{Record, SaveError, Trouble, World, seats_lost};
use crate::store;

pub struct Services;

impl World for Services {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn grace(&self) -> Duration {
        CONFIG.grace
    }

    fn step(&self, state: State, event: Event) -> Result<Transition, Refusal> {
        machine::step(state, event)
    }

    fn resume(&self, state: State) -> Vec<Command> {
        machine::resume(state)
    }

    fn load(&self, id: BookingId) -> Result<Option<Booking>, Trouble> {
        store::bookings::find(id).map_err(|error| Trouble(error.to_string()))
    }

    fn save(&self, record: &Record) -> Result<Timestamp, SaveError> {
        store::record::save(record)
    }

    fn perform(&self, command: Command, booking: &Booking) -> Result<Vec<Fact>, Trouble> {
        match command {
            Command::ReserveSeats => reserve(booking),
            Command::ConfirmSeats => confirm(booking),
            Command::ReleaseSeats => release(booking),
            Command::RequestPayment => request_payment(booking),
            Command::CancelPayment => cancel_payment(booking),
            Command::RefundPayment => refund_payment(booking),
            // Part of the record itself.
            Command::IssueTickets | Command::VoidTickets => Ok(vec![]),
        }
    }

    fn ask_payment(&self, booking: &Booking) -> Result<Vec<Fact>, Trouble> {
        match payments::get(&booking.id.to_string()) {
            Ok(payment) => told(booking, payment),
            Err(payments::Error::NotFound) => Ok(vec![]),
            Err(payments::Error::Refused(text) | payments::Error::Unavailable(text)) => {
                Err(Trouble(text))
            }
        }
    }

    fn rest(&self, booking: &Booking) -> Result<(), Trouble> {
        store::due::rest(booking).map_err(|error| Trouble(error.to_string()))
    }
}

fn reserve(booking: &Booking) -> Result<Vec<Fact>, Trouble> {
    let refused = |code: &str, detail: &str| {
        Ok(vec![
            Fact::of(Event::SeatsRefused).because(Failure::new(code, detail)),
        ])
    };
    match holds::reserve(
        &booking.id.to_string(),
        &booking.hold_id.to_string(),
        &booking.places(),
        booking.fence,
    ) {
        Ok(()) => Ok(vec![Fact::of(Event::SeatsReserved)]),
        Err(holds::Error::Taken(places) | holds::Error::NotInHold(places)) => refused(
            "seats_unavailable",
            &format!("Taken by others: {}.", places.join(", ")),
        ),
        Err(holds::Error::Closed) => {
            refused("session_closed", "The session is not on sale any more.")
        }
        Err(holds::Error::NotFound | holds::Error::Expired) => refused(
            "hold_expired",
            "The hold expired before the booking was made.",
        ),
        Err(holds::Error::AlreadyBooked) => {
            refused("hold_already_booked", "The hold serves another booking.")
        }
        Err(holds::Error::Unavailable(text)) => Err(Trouble(text)),
    }
}

fn confirm(booking: &Booking) -> Result<Vec<Fact>, Trouble> {
    match holds::confirm(&booking.id.to_string(), &booking.places()) {
        Ok(()) => Ok(vec![Fact::of(Event::SeatsConfirmed)]),
        Err(holds::Error::Unavailable(text)) => Err(Trouble(text)),
        Err(error) => {
            tracing::warn!(booking.id = %booking.id, error.cause = ?error, "paid seats cannot be confirmed");
            Ok(vec![seats_lost()])
        }
    }
}

fn release(booking: &Booking) -> Result<Vec<Fact>, Trouble> {
    match holds::release(
        &booking.id.to_string(),
        &booking.hold_id.to_string(),
        &booking.places(),
    ) {
        Err(holds::Error::Unavailable(text)) => Err(Trouble(text)),
        // What is not there needs no giving back.
        Ok(()) | Err(_) => Ok(vec![Fact::of(Event::SeatsReleased)]),
    }
}

fn request_payment(booking: &Booking) -> Result<Vec<Fact>, Trouble> {
    let order = payments::Order {
        booking_id: booking.id.to_string(),
        user_id: booking.user_id.to_string(),
        provider: booking.provider.clone(),
        total: booking.total.to_wit(),
        email: booking
            .contact
            .as_ref()
            .map(|contact| contact.email.clone()),
        expires_at: booking.expires_at.micros(),
    };
    match payments::create(&order) {
        // Stored, but the provider has not answered: there is nothing that a buyer could pay.
        Ok(payment) if payment.status == PaymentStatus::Created => {
            Err(Trouble("the payment provider has not answered yet".into()))
        }
        Ok(payment) => told(booking, payment),
        Err(payments::Error::Refused(text)) => Ok(vec![
            Fact::of(Event::PaymentRefused).because(Failure::new("payment_refused", text)),
        ]),
        Err(payments::Error::NotFound) => Err(Trouble(
            "the payment service does not know the payment that it was to make".into(),
        )),
        Err(payments::Error::Unavailable(text)) => Err(Trouble(text)),
    }
}

fn cancel_payment(booking: &Booking) -> Result<Vec<Fact>, Trouble> {
    match payments::cancel(&booking.id.to_string()) {
        Ok(payment) => match payment.status {
            PaymentStatus::Created | PaymentStatus::RequiresPayment | PaymentStatus::Processing => {
                Err(Trouble("the payment is not cancelled yet".into()))
            }
            PaymentStatus::Quarantined => {
                tracing::error!(booking.id = %booking.id, payment.id = payment.id, "a booking has ended whose payment is in quarantine: an operator must look");
                Ok(vec![
                    Fact::of(Event::PaymentCancelled).with_payment(snapshot(payment)),
                ])
            }
            _ => told(booking, payment),
        },
        // Nothing was ever asked for.
        Err(payments::Error::NotFound) => Ok(vec![Fact::of(Event::PaymentCancelled)]),
        Err(payments::Error::Refused(text) | payments::Error::Unavailable(text)) => {
            Err(Trouble(text))
        }
    }
}

fn refund_payment(booking: &Booking) -> Result<Vec<Fact>, Trouble> {
    let reason = booking
        .failure
        .as_ref()
        .map_or("cancelled", |failure| failure.code.as_str());
    match payments::refund(&booking.id.to_string(), reason) {
        Ok(payment)
            if matches!(
                payment.status,
                PaymentStatus::Refunding | PaymentStatus::Refunded
            ) =>
        {
            told(booking, payment)
        }
        Ok(payment) => Err(Trouble(format!(
            "the refund has not begun: the payment is {}",
            payment.status.as_str()
        ))),
        Err(payments::Error::Unavailable(text)) => Err(Trouble(text)),
        Err(error) => {
            tracing::error!(booking.id = %booking.id, error.cause = ?error, "a refund was refused; it will be tried again");
            Err(Trouble(format!("the refund was refused: {error:?}")))
        }
    }
}

/// What the payment service's answer tells the saga. A payment over another amount is no payment of
/// this booking.
fn told(booking: &Booking, payment: payments::Payment) -> Result<Vec<Fact>, Trouble> {
    if payment.total.amount != booking.total.amount
        || payment.total.currency != booking.total.currency.as_str()
    {
        tracing::error!(booking.id = %booking.id, payment.id = payment.id, "the payment's amount is not the booking's: an operator must look");
        return Err(Trouble("the payment's amount is not the booking's".into()));
    }
    let event = meaning(payment.status, booking.state.money);
    let failure = (event == Some(Event::PaymentCancelled))
        .then(|| Failure::new("payment_cancelled", "The payment was given up."));
    Ok(vec![Fact {
        event,
        payment: Some(snapshot(payment)),
        failure,
    }])
}

fn snapshot(payment: payments::Payment) -> Payment {
    Payment {
        id: payment.id,
        provider: payment.provider,
        status: payment.status,
        client_secret: payment.client_secret,
        publishable_key: payment.publishable_key,
    }
}

//! The calls to other services: holds of the seat inventory, payments, and the rules of the saga.
//! Domain types in and out; only [`Linked`] knows the bindings.

use eventhub_guest::ids::{BookingId, HoldId, UserId};
use eventhub_guest::{Money, Timestamp};

use crate::bindings::eventhub::payment::payments;
use crate::bindings::eventhub::saga::machine;
use crate::bindings::eventhub::seat_inventory::holds;
use crate::domain::booking::{Area, Booking, Seat};
use crate::domain::hold::{Hold, InvalidHold};
use crate::domain::payment::{Payment, PaymentStatus};
use crate::domain::saga::{Command, Event, MoneyState, Places, Refusal, State, Status, Transition};

/// A booking that wants a hold for itself.
#[derive(Debug)]
pub struct Binding<'a> {
    pub hold_id: HoldId,
    pub user_id: UserId,
    pub booking_id: BookingId,
    /// How long the hold lasts once the booking has reserved it.
    pub until: Timestamp,
    /// The seats that the booking names.
    pub seats: &'a [String],
}

/// Why the seat inventory refuses a call about a hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HoldError {
    #[error("there is no such hold, or it is another user's")]
    NotFound,
    #[error("the hold has expired")]
    Expired,
    #[error("the hold is bound to another booking")]
    AlreadyBooked,
    #[error("the hold does not have {}", .0.join(", "))]
    NotInHold(Vec<String>),
    #[error("the session is not on sale any more")]
    Closed,
    #[error("others have {}", .0.join(", "))]
    Taken(Vec<String>),
    #[error("the seat inventory does not answer: {0}")]
    Unavailable(String),
    #[error(transparent)]
    Invalid(#[from] InvalidHold),
}

/// A payment, with the amount that the payment service asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct BookingPayment {
    pub payment: Payment,
    pub total: Money,
}

/// Why the payment service refuses a call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PaymentError {
    #[error("the booking has no payment")]
    NotFound,
    #[error("{0}")]
    Refused(String),
    #[error("the payment service does not answer: {0}")]
    Unavailable(String),
}

/// The calls to other services. Each may be repeated to the same effect.
pub trait Ports {
    /// Gives a hold to one booking.
    fn bind_hold(&self, binding: &Binding) -> Result<Hold, HoldError>;
    /// Claims the places of a booking: all or none.
    fn reserve_seats(&self, booking: &Booking) -> Result<(), HoldError>;
    /// Makes the claims of a booking final.
    fn confirm_seats(&self, booking: &Booking) -> Result<(), HoldError>;
    /// Gives the places of a booking back, and ends its hold.
    fn release_seats(&self, booking: &Booking) -> Result<(), HoldError>;

    /// Stores the payment of a booking and asks the provider for an intent.
    fn create_payment(&self, booking: &Booking) -> Result<BookingPayment, PaymentError>;
    /// The payment as the payment service knows it; after the deadline of an open one as the
    /// provider knows it.
    fn find_payment(&self, booking: BookingId) -> Result<BookingPayment, PaymentError>;
    /// Gives a payment up. The answer may say that the buyer was quicker.
    fn cancel_payment(&self, booking: BookingId) -> Result<BookingPayment, PaymentError>;
    /// Gives the whole amount back.
    fn refund_payment(
        &self,
        booking: BookingId,
        reason: &str,
    ) -> Result<BookingPayment, PaymentError>;

    /// The state of a new booking.
    fn start_saga(&self, free_of_charge: bool) -> State;
    /// The state after an event, and the commands that it demands.
    fn step_saga(&self, state: State, event: Event) -> Result<Transition, Refusal>;
    /// The commands that a state still demands.
    fn resume_saga(&self, state: State) -> Vec<Command>;
}

/// The components that this one is linked to.
pub struct Linked;

impl Ports for Linked {
    fn bind_hold(&self, binding: &Binding) -> Result<Hold, HoldError> {
        let hold = holds::bind(
            &binding.hold_id.to_string(),
            &binding.user_id.to_string(),
            &binding.booking_id.to_string(),
            binding.until.micros(),
            binding.seats,
        )?;
        Ok(parse_hold(&hold)?)
    }

    fn reserve_seats(&self, booking: &Booking) -> Result<(), HoldError> {
        Ok(holds::reserve(
            &booking.id.to_string(),
            &booking.hold_id.to_string(),
            &places_to_wit(booking),
            booking.fence,
        )?)
    }

    fn confirm_seats(&self, booking: &Booking) -> Result<(), HoldError> {
        Ok(holds::confirm(
            &booking.id.to_string(),
            &places_to_wit(booking),
        )?)
    }

    fn release_seats(&self, booking: &Booking) -> Result<(), HoldError> {
        Ok(holds::release(
            &booking.id.to_string(),
            &booking.hold_id.to_string(),
            &places_to_wit(booking),
        )?)
    }

    fn create_payment(&self, booking: &Booking) -> Result<BookingPayment, PaymentError> {
        let contact = booking.contact.as_ref();
        parse_payment(payments::create(&payments::Order {
            booking_id: booking.id.to_string(),
            user_id: booking.user_id.to_string(),
            provider: booking.provider.clone(),
            total: booking.total.to_wit(),
            email: contact.map(|contact| contact.email.clone()),
            expires_at: booking.expires_at.micros(),
        })?)
    }

    fn find_payment(&self, booking: BookingId) -> Result<BookingPayment, PaymentError> {
        parse_payment(payments::get(&booking.to_string())?)
    }

    fn cancel_payment(&self, booking: BookingId) -> Result<BookingPayment, PaymentError> {
        parse_payment(payments::cancel(&booking.to_string())?)
    }

    fn refund_payment(
        &self,
        booking: BookingId,
        reason: &str,
    ) -> Result<BookingPayment, PaymentError> {
        parse_payment(payments::refund(&booking.to_string(), reason)?)
    }

    fn start_saga(&self, free_of_charge: bool) -> State {
        machine::start(free_of_charge).into()
    }

    fn step_saga(&self, state: State, event: Event) -> Result<Transition, Refusal> {
        let machine::Transition { state, commands } = machine::step(state.into(), event.into())
            .map_err(|machine::Refusal::InvalidTransition((from, to))| Refusal {
                from: from.into(),
                to: to.into(),
            })?;
        Ok(Transition {
            state: state.into(),
            commands: commands.into_iter().map(Into::into).collect(),
        })
    }

    fn resume_saga(&self, state: State) -> Vec<Command> {
        let commands = machine::resume(state.into());
        commands.into_iter().map(Into::into).collect()
    }
}

fn places_to_wit(booking: &Booking) -> holds::Places {
    let seats = booking.seats.iter().map(|seat| holds::SeatPlace {
        seat: seat.seat.clone(),
        seat_index: seat.seat_index,
    });
    let areas = booking.areas.iter();
    holds::Places {
        session_id: booking.session_id.to_string(),
        seats: seats.collect(),
        areas: areas
            .map(|area| (area.area.clone(), area.quantity))
            .collect(),
    }
}

fn parse_hold(hold: &holds::Hold) -> Result<Hold, InvalidHold> {
    let seat = |held: &holds::HeldSeat| {
        Some(Seat {
            seat: held.seat.clone(),
            seat_index: Some(held.seat_index),
            category: held.category.clone(),
            price: Money::from_wit(&held.price).ok()?,
            flags: held.flags.clone(),
        })
    };
    let area = |held: &holds::HeldArea| {
        Some(Area {
            area: held.area.clone(),
            category: held.category.clone(),
            quantity: held.quantity,
            price: Money::from_wit(&held.price).ok()?,
        })
    };
    let seats = hold.seats.iter().map(seat).collect::<Option<_>>();
    let areas = hold.areas.iter().map(area).collect::<Option<_>>();
    Hold {
        event_id: hold.event_id.parse().map_err(|_| InvalidHold("event"))?,
        session_id: hold
            .session_id
            .parse()
            .map_err(|_| InvalidHold("session"))?,
        seats: seats.ok_or(InvalidHold("price of a seat"))?,
        areas: areas.ok_or(InvalidHold("price of an area"))?,
        total: Money::from_wit(&hold.total).map_err(|_| InvalidHold("total"))?,
        fence: hold.fence,
    }
    .check()
}

fn parse_payment(payment: payments::Payment) -> Result<BookingPayment, PaymentError> {
    let unreadable =
        |part: &str| PaymentError::Unavailable(format!("the {part} of a payment is unreadable"));
    Ok(BookingPayment {
        total: Money::from_wit(&payment.total).map_err(|_| unreadable("total"))?,
        payment: Payment {
            id: payment.id.parse().map_err(|_| unreadable("id"))?,
            provider: payment.provider,
            status: payment.status.into(),
            client_secret: payment.client_secret,
            publishable_key: payment.publishable_key,
        },
    })
}

impl From<holds::Error> for HoldError {
    fn from(error: holds::Error) -> Self {
        match error {
            holds::Error::NotFound => HoldError::NotFound,
            holds::Error::Expired => HoldError::Expired,
            holds::Error::AlreadyBooked => HoldError::AlreadyBooked,
            holds::Error::NotInHold(seats) => HoldError::NotInHold(seats),
            holds::Error::Closed => HoldError::Closed,
            holds::Error::Taken(places) => HoldError::Taken(places),
            holds::Error::Unavailable(text) => HoldError::Unavailable(text),
        }
    }
}

impl From<payments::Error> for PaymentError {
    fn from(error: payments::Error) -> Self {
        match error {
            payments::Error::NotFound => PaymentError::NotFound,
            payments::Error::Refused(text) => PaymentError::Refused(text),
            payments::Error::Unavailable(text) => PaymentError::Unavailable(text),
        }
    }
}

/// Conversions between an enum of the bindings and its twin of the domain.
macro_rules! twins {
    ($($from:ty => $to:ty { $($variant:ident),* $(,)? })*) => {$(
        impl From<$from> for $to {
            fn from(value: $from) -> Self {
                match value { $(<$from>::$variant => <$to>::$variant),* }
            }
        }
    )*};
}

twins! {
    Status => machine::Status {
        Pending, AwaitingPayment, Confirmed, Cancelled, Expired, Failed, Refunding, Refunded,
    }
    machine::Status => Status {
        Pending, AwaitingPayment, Confirmed, Cancelled, Expired, Failed, Refunding, Refunded,
    }
    Places => machine::Places { None, Reserved, Sold, Released }
    machine::Places => Places { None, Reserved, Sold, Released }
    MoneyState => machine::Money { None, Requested, Captured, Refunding, Refunded }
    machine::Money => MoneyState { None, Requested, Captured, Refunding, Refunded }
    Event => machine::Event {
        Created, SeatsReserved, SeatsRefused, PaymentRequested, PaymentRefused, PaymentCaptured,
        PaymentCancelled, SeatsConfirmed, SeatsLost, SeatsReleased, RefundStarted, RefundDone,
        RefundFailed, CancelRequested, DeadlinePassed, EventCancelled,
    }
    machine::Command => Command {
        ReserveSeats, RequestPayment, CancelPayment, ConfirmSeats, IssueTickets, VoidTickets,
        ReleaseSeats, RefundPayment,
    }
    payments::Status => PaymentStatus {
        Created, RequiresPayment, Processing, Succeeded, Cancelled, Refunding, Refunded,
        Quarantined,
    }
}

impl From<State> for machine::State {
    fn from(state: State) -> Self {
        Self {
            status: state.status.into(),
            places: state.places.into(),
            money: state.money.into(),
            free_of_charge: state.free_of_charge,
        }
    }
}

impl From<machine::State> for State {
    fn from(state: machine::State) -> Self {
        Self {
            status: state.status.into(),
            places: state.places.into(),
            money: state.money.into(),
            free_of_charge: state.free_of_charge,
        }
    }
}

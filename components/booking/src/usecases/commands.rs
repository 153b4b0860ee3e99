//! The commands of the saga as calls to other services, and the facts that their answers are.

use crate::domain::booking::{Booking, Failure};
use crate::domain::fact::Fact;
use crate::domain::payment::{PaymentStatus, event_from_status};
use crate::domain::saga::{Command, Event};
use crate::error::Unavailable;
use crate::ports::{BookingPayment, HoldError, PaymentError, Ports};

/// Does a command and answers the facts that came of it. Repeating is harmless.
///
/// # Errors
/// The service does not answer, or its work is not done yet.
pub fn perform_command(
    ports: &dyn Ports,
    command: Command,
    booking: &Booking,
) -> Result<Vec<Fact>, Unavailable> {
    match command {
        Command::ReserveSeats => reserve_seats(ports, booking),
        Command::ConfirmSeats => confirm_seats(ports, booking),
        Command::ReleaseSeats => release_seats(ports, booking),
        Command::RequestPayment => request_payment(ports, booking),
        Command::CancelPayment => cancel_payment(ports, booking),
        Command::RefundPayment => refund_payment(ports, booking),
        // These are part of the record itself.
        Command::IssueTickets | Command::VoidTickets => Ok(vec![]),
    }
}

/// Asks the payment service for the payment of a booking; after the deadline it asks the provider.
///
/// # Errors
/// The payment service does not answer, or the provider does not after the deadline.
pub fn check_payment(ports: &dyn Ports, booking: &Booking) -> Result<Vec<Fact>, Unavailable> {
    match ports.find_payment(booking.id) {
        Ok(payment) => facts_from(booking, payment),
        Err(PaymentError::NotFound) => Ok(vec![]),
        Err(error @ (PaymentError::Refused(_) | PaymentError::Unavailable(_))) => {
            Err(Unavailable(error.to_string()))
        }
    }
}

fn reserve_seats(ports: &dyn Ports, booking: &Booking) -> Result<Vec<Fact>, Unavailable> {
    let refused = |code: &str, detail: &str| {
        let failure = Failure::new(code, detail);
        Ok(vec![Fact::new(Event::SeatsRefused).with_failure(failure)])
    };
    match ports.reserve_seats(booking) {
        Ok(()) => Ok(vec![Fact::new(Event::SeatsReserved)]),
        Err(HoldError::Taken(places) | HoldError::NotInHold(places)) => refused(
            "seats_unavailable",
            &format!("Taken by others: {}.", places.join(", ")),
        ),
        Err(HoldError::Closed) => refused("session_closed", "The session is not on sale any more."),
        Err(HoldError::NotFound | HoldError::Expired) => refused(
            "hold_expired",
            "The hold expired before the booking was made.",
        ),
        Err(HoldError::AlreadyBooked) => {
            refused("hold_already_booked", "The hold serves another booking.")
        }
        Err(error @ (HoldError::Unavailable(_) | HoldError::Invalid(_))) => {
            Err(Unavailable(error.to_string()))
        }
    }
}

fn confirm_seats(ports: &dyn Ports, booking: &Booking) -> Result<Vec<Fact>, Unavailable> {
    match ports.confirm_seats(booking) {
        Ok(()) => Ok(vec![Fact::new(Event::SeatsConfirmed)]),
        Err(HoldError::Unavailable(text)) => Err(Unavailable(text)),
        Err(error) => {
            tracing::warn!(booking.id = %booking.id, error.cause = %error, "paid seats cannot be confirmed; the money goes back");
            Ok(vec![Fact::seats_lost()])
        }
    }
}

fn release_seats(ports: &dyn Ports, booking: &Booking) -> Result<Vec<Fact>, Unavailable> {
    match ports.release_seats(booking) {
        Err(HoldError::Unavailable(text)) => Err(Unavailable(text)),
        // Seats that are not reserved need no release.
        Ok(()) | Err(_) => Ok(vec![Fact::new(Event::SeatsReleased)]),
    }
}

fn request_payment(ports: &dyn Ports, booking: &Booking) -> Result<Vec<Fact>, Unavailable> {
    match ports.create_payment(booking) {
        // Stored, but the provider has not answered: the buyer has nothing to pay yet.
        Ok(answer) if answer.payment.status == PaymentStatus::Created => Err(Unavailable(
            "the payment provider has not answered yet".into(),
        )),
        Ok(answer) => facts_from(booking, answer),
        Err(PaymentError::Refused(text)) => Ok(vec![
            Fact::new(Event::PaymentRefused).with_failure(Failure::new("payment_refused", text)),
        ]),
        Err(error @ (PaymentError::NotFound | PaymentError::Unavailable(_))) => {
            Err(Unavailable(error.to_string()))
        }
    }
}

fn cancel_payment(ports: &dyn Ports, booking: &Booking) -> Result<Vec<Fact>, Unavailable> {
    let answer = match ports.cancel_payment(booking.id) {
        Ok(answer) => answer,
        // No payment was ever requested.
        Err(PaymentError::NotFound) => return Ok(vec![Fact::new(Event::PaymentCancelled)]),
        Err(error @ (PaymentError::Refused(_) | PaymentError::Unavailable(_))) => {
            return Err(Unavailable(error.to_string()));
        }
    };
    match answer.payment.status {
        PaymentStatus::Created | PaymentStatus::RequiresPayment | PaymentStatus::Processing => {
            Err(Unavailable("the payment is not cancelled yet".into()))
        }
        PaymentStatus::Quarantined => {
            tracing::error!(booking.id = %booking.id, payment.id = %answer.payment.id, "the payment of an ended booking is in quarantine: compare it with the provider's and refund it there if it was paid");
            Ok(vec![
                Fact::new(Event::PaymentCancelled).with_payment(answer.payment),
            ])
        }
        _ => facts_from(booking, answer),
    }
}

fn refund_payment(ports: &dyn Ports, booking: &Booking) -> Result<Vec<Fact>, Unavailable> {
    let failure = booking.failure.as_ref();
    let reason = failure.map_or("cancelled", |failure| failure.code.as_str());
    match ports.refund_payment(booking.id, reason) {
        Ok(answer) => match answer.payment.status {
            PaymentStatus::Refunding | PaymentStatus::Refunded => facts_from(booking, answer),
            status => Err(Unavailable(format!(
                "the refund has not begun: the payment is {}",
                status.into_str()
            ))),
        },
        Err(PaymentError::Unavailable(text)) => Err(Unavailable(text)),
        Err(error) => {
            tracing::error!(booking.id = %booking.id, error.cause = %error, "refund refused; it will be tried again");
            Err(Unavailable(format!("the refund was refused: {error}")))
        }
    }
}

/// The facts in an answer of the payment service. A payment over another amount is not the
/// booking's.
fn facts_from(booking: &Booking, answer: BookingPayment) -> Result<Vec<Fact>, Unavailable> {
    let BookingPayment { payment, total } = answer;
    if total != booking.total {
        tracing::error!(booking.id = %booking.id, payment.id = %payment.id, "the amount of the payment is not that of the booking: compare both with the provider's");
        return Err(Unavailable(
            "the amount of the payment is not that of the booking".into(),
        ));
    }
    let event = event_from_status(payment.status, booking.state.money);
    let failure = (event == Some(Event::PaymentCancelled))
        .then(|| Failure::new("payment_cancelled", "The payment was given up."));
    Ok(vec![Fact {
        event,
        payment: Some(payment),
        failure,
    }])
}

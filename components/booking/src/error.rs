//! The errors of this service, and the answer to each: the only place that chooses HTTP codes.

use eventhub_guest::problem::Fault;
use eventhub_guest::{Code, Problem, sql};

use crate::domain::hold::InvalidHold;
use crate::domain::new_booking::InvalidBooking;
use crate::domain::saga::Refusal;
use crate::domain::ticket::{KeyError, PlaceTooLong};
use crate::ports::HoldError;

/// A service or the database does not answer just now. The cause is for the log.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unavailable(pub String);

/// Why a call of this service fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Names the kind of thing: `booking`.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    #[error("the request has {} faults", .0.len())]
    Invalid(Vec<Fault>),
    #[error("the hold has expired")]
    HoldExpired,
    #[error("the hold is bound to another booking")]
    HoldAlreadyBooked,
    #[error("the session is not on sale any more")]
    SessionClosed,
    #[error("others have {}", .0.join(", "))]
    SeatsTaken(Vec<String>),
    #[error("the Idempotency-Key was used for another hold")]
    KeyReused,
    #[error(transparent)]
    TooLate(#[from] Refusal),
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    #[error(transparent)]
    InvalidHold(#[from] InvalidHold),
    #[error(transparent)]
    Keys(#[from] KeyError),
    #[error(transparent)]
    PlaceTooLong(#[from] PlaceTooLong),
    #[error("a QR code cannot be rendered: {0}")]
    QrCode(String),
    #[error(transparent)]
    Sql(#[from] sql::Error),
}

impl Error {
    /// One fault of the request.
    pub fn invalid(
        pointer: impl Into<String>,
        code: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self::Invalid(vec![Fault::new(pointer, code, detail)])
    }
}

impl From<InvalidBooking> for Error {
    fn from(error: InvalidBooking) -> Self {
        match error {
            InvalidBooking::Faults(faults) => Self::Invalid(faults),
            InvalidBooking::UnknownHold => Self::NotFound("hold"),
        }
    }
}

impl From<HoldError> for Error {
    fn from(error: HoldError) -> Self {
        match error {
            HoldError::NotFound => Self::NotFound("hold"),
            HoldError::Expired => Self::HoldExpired,
            HoldError::AlreadyBooked => Self::HoldAlreadyBooked,
            HoldError::Closed => Self::SessionClosed,
            HoldError::Taken(places) | HoldError::NotInHold(places) => Self::SeatsTaken(places),
            HoldError::Unavailable(text) => Unavailable(text).into(),
            HoldError::Invalid(error) => error.into(),
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound(what) => Problem::not_found(what),
            Error::Invalid(faults) => Problem::faults(Code::ValidationFailed, faults),
            Error::HoldExpired => Problem::new(
                Code::HoldExpired,
                "The hold has expired: hold the seats again.",
            ),
            Error::HoldAlreadyBooked => {
                Problem::new(Code::HoldAlreadyBooked, "This hold has been booked.")
            }
            Error::SessionClosed => Problem::invalid_transition(
                "cancelled",
                "booked",
                "The session is not on sale any more.",
            ),
            Error::SeatsTaken(places) => Problem::new(
                Code::SeatsUnavailable,
                "Some of the seats were taken by others.",
            )
            .with("unavailable", places),
            Error::KeyReused => Problem::new(
                Code::IdempotencyKeyReused,
                "This Idempotency-Key was used for a booking of another hold: use a new key for \
                 every new request.",
            ),
            Error::TooLate(Refusal { from, to }) => Problem::invalid_transition(
                from.into_str(),
                to.into_str(),
                "A booking can be cancelled until it is paid.",
            ),
            Error::Unavailable(cause) => {
                tracing::warn!(error.cause = %cause, "booking needs a service that does not answer");
                Problem::unavailable("Bookings cannot be made just now; try again in a moment.")
            }
            Error::Keys(cause) => {
                tracing::error!(error.cause = %cause, "tickets cannot be signed");
                Problem::unavailable(
                    "Tickets cannot be shown just now; they remain yours. Try again later.",
                )
            }
            Error::Sql(error) => error.into(),
            error @ (Error::InvalidHold(_) | Error::PlaceTooLong(_) | Error::QrCode(_)) => {
                Problem::internal(error)
            }
        }
    }
}

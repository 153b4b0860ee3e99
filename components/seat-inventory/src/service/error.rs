//! Why the service refuses or fails. `routes` makes problems of it, `lib` the errors of the typed
//! interfaces.

use eventhub_guest::{redis, sql};

use crate::bindings::eventhub::seat_lock::lock;
use crate::domain::sale::Phase;
use crate::leases::Unexpected;

/// The first group is the client's, the last ours.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no such {0}")]
    NotFound(&'static str),
    #[error("nothing asked for")]
    Empty,
    #[error("the layout does not have: {}", .0.join(", "))]
    Unknown(Vec<String>),
    #[error("named twice: {}", .0.join(", "))]
    Duplicate(Vec<String>),
    #[error("more than {most} places; held already: {had}")]
    LimitExceeded { most: u32, had: u32 },
    /// Seat keys and area ids; none where there are not enough for the best.
    #[error("taken: {}", .0.join(", "))]
    Taken(Vec<String>),
    #[error("the session is not on sale: {}", .0.as_str())]
    NotOnSale(Phase),
    #[error("the hold has expired or was released")]
    Expired,
    #[error("the hold serves a booking")]
    AlreadyBooked,
    #[error("the hold was extended before")]
    AlreadyExtended,
    #[error("{0}")]
    Invalid(String),

    /// Something that we need does not answer just now.
    #[error("unavailable: {0}")]
    Unavailable(String),

    /// A bug of ours.
    #[error("{0}")]
    Internal(String),
}

impl From<sql::Error> for Error {
    fn from(error: sql::Error) -> Self {
        match error {
            sql::Error::Unavailable(_) | sql::Error::Serialization(_) => {
                Error::Unavailable(format!("event_db: {error}"))
            }
            other => Error::Internal(format!("event_db: {other}")),
        }
    }
}

impl From<redis::Error> for Error {
    fn from(error: redis::Error) -> Self {
        match error {
            redis::Error::Unavailable(text) => Error::Unavailable(format!("redis: {text}")),
            redis::Error::Refused(text) | redis::Error::Invalid(text) => {
                Error::Internal(format!("redis: {text}"))
            }
        }
    }
}

impl From<Unexpected> for Error {
    fn from(error: Unexpected) -> Self {
        Error::Internal(error.to_string())
    }
}

impl From<lock::Error> for Error {
    fn from(error: lock::Error) -> Self {
        match error {
            lock::Error::Unknown(names) => Error::Unknown(names),
            lock::Error::Duplicate(names) => Error::Duplicate(names),
            lock::Error::Empty => Error::Empty,
            lock::Error::LimitExceeded(most) => Error::LimitExceeded { most, had: 0 },
            lock::Error::NoneLeft => Error::Taken(vec![]),
            lock::Error::InvalidLayout(text) => {
                Error::Internal(format!("the layout cannot be used: {text}"))
            }
            lock::Error::UnknownLayout => Error::Internal("the layout was forgotten".into()),
        }
    }
}

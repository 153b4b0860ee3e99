//! Why a request fails, and the problem that the client gets for it.

use eventhub_guest::problem::Fault;
use eventhub_guest::{Code, Problem, etag, json, sql};
use serde::de::IgnoredAny;

use crate::domain::access::Denied;
use crate::domain::templates::TooManySeats;
use crate::ports::Unavailable;

/// Why a use case failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    #[error(transparent)]
    Database(#[from] sql::Error),
    /// A layout cannot be written as JSON: a bug.
    #[error("the layout cannot be written: {0}")]
    Document(#[from] serde_json::Error),
    /// The body has more bytes than a layout may have.
    #[error("the body is too large")]
    BodyTooLarge,
    /// The body is not JSON, and why.
    #[error("the body is not JSON: {0}")]
    NotJson(String),
    /// The body is JSON and breaks rules: all of its faults.
    #[error("the body has {} faults", .0.len())]
    Invalid(Vec<Fault>),
    /// There is no such thing: `layout`.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The client has read an older version.
    #[error("the layout has another version by now")]
    Stale,
    /// The Idempotency-Key was used with another request.
    #[error("the idempotency key belongs to another request")]
    KeyReused,
}

impl Error {
    /// Why a body with these faults is refused. The reader of layouts calls text that is not JSON a
    /// fault as well; only then is the body read once more.
    pub fn from_faults(body: &[u8], faults: Vec<Fault>) -> Self {
        if json::is_json(body) {
            return Error::Invalid(faults);
        }
        Error::NotJson(match serde_json::from_slice::<IgnoredAny>(body) {
            Err(error) => error.to_string(),
            Ok(_) => "it has text that is not UTF-8, or a number that is too large".into(),
        })
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::BodyTooLarge => Problem::new(Code::BodyTooLarge, "A layout has at most 20 MB."),
            Error::NotJson(cause) => Problem::new(
                Code::MalformedJson,
                format!("The body is not JSON: {cause}."),
            ),
            Error::Invalid(faults) => {
                let mut pointers = faults.iter().map(|fault| &fault.pointer);
                let code = if pointers.any(|pointer| pointer.starts_with("/layout")) {
                    Code::LayoutInvalid
                } else {
                    Code::ValidationFailed
                };
                Problem::faults(code, faults)
            }
            Error::Denied(error) => error.into(),
            Error::Unavailable(error) => error.into(),
            Error::Database(error) => error.into(),
            Error::Document(_) => Problem::internal(error),
            Error::NotFound(what) => Problem::not_found(what),
            Error::Stale => etag::stale(),
            Error::KeyReused => Problem::key_reused(),
        }
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::UnknownVenue => {
                Problem::invalid("/venue_id", "unknown", "names no venue of yours")
            }
            Denied::Viewer => Problem::forbidden(
                "Viewers of an organizer change nothing; ask an owner for the role editor.",
            ),
            Denied::NoEditor => {
                Problem::forbidden("Only editors of the venue's organizer change its layouts.")
            }
            Denied::Hidden => Problem::not_found("venue"),
        }
    }
}

impl From<Unavailable> for Problem {
    fn from(error: Unavailable) -> Self {
        tracing::warn!(error.cause = %error, "a call of another service failed");
        Problem::unavailable(match error {
            Unavailable::Roles(_) => {
                "Who may do this cannot be looked up just now; try again in a moment."
            }
        })
    }
}

impl From<TooManySeats> for Problem {
    fn from(error: TooManySeats) -> Self {
        Problem::invalid("/parameters", "too_many_seats", error.to_string())
    }
}

//! Why a request fails, and the problem that the client gets for it.

use eventhub_guest::problem::Fault;
use eventhub_guest::{Code, Problem, etag, sql};

use crate::domain::access::Denied;
use crate::domain::lifecycle;
use crate::domain::reference;
use crate::ports::{self, Unavailable};

/// Why a use case failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Denied(#[from] Denied),
    #[error(transparent)]
    Lifecycle(#[from] lifecycle::Error),
    #[error(transparent)]
    Reference(#[from] reference::Error),
    #[error(transparent)]
    Port(#[from] ports::Error),
    #[error(transparent)]
    Database(#[from] sql::Error),
    /// There is no such thing: `event`.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The client has read an older version.
    #[error("the event has another version by now")]
    Stale,
    /// Others changed the event during each attempt.
    #[error("the event is changed by others all the time")]
    Contended,
    /// The Idempotency-Key was used with another request.
    #[error("the idempotency key belongs to another request")]
    KeyReused,
}

impl From<Unavailable> for Error {
    fn from(error: Unavailable) -> Self {
        Error::Port(error.into())
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Denied(error) => error.into(),
            Error::Lifecycle(error) => error.into(),
            Error::Reference(error) => error.into(),
            Error::Port(error) => error.into(),
            Error::Database(error) => error.into(),
            Error::NotFound(what) => Problem::not_found(what),
            Error::Stale => etag::stale(),
            Error::Contended => Problem::unavailable(
                "The event is being changed by others just now; try again in a moment.",
            ),
            Error::KeyReused => Problem::key_reused(),
        }
    }
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::UnknownOrganizer => {
                Problem::invalid("/organizer_id", "unknown", "names no organizer of yours")
            }
            Denied::Viewer => Problem::forbidden(
                "Viewers of an organizer change nothing; ask an owner for the role editor.",
            ),
            Denied::NoEditor => Problem::forbidden("Only the organizer's editors change an event."),
            Denied::Hidden => Problem::not_found("event"),
        }
    }
}

impl From<lifecycle::Error> for Problem {
    fn from(error: lifecycle::Error) -> Self {
        match error {
            lifecycle::Error::CancelledForGood => Problem::invalid_transition(
                "cancelled",
                "published",
                "A cancelled event stays cancelled.",
            ),
            lifecycle::Error::Frozen => Problem::new(
                Code::Conflict,
                "A cancelled event does not change any more.",
            ),
            lifecycle::Error::Begun(sessions) => {
                let faults = sessions.into_iter().map(|index| {
                    Fault::new(
                        format!("/sessions/{index}/starts_at"),
                        "in_the_past",
                        "is in the past: move the session before you publish",
                    )
                });
                Problem::faults(Code::ValidationFailed, faults.collect())
            }
            lifecycle::Error::Immutable(members) => {
                let faults = members.into_iter().map(|name| {
                    Fault::new(
                        format!("/{name}"),
                        "immutable",
                        "does not change once the event is published",
                    )
                });
                Problem::faults(Code::ValidationFailed, faults.collect())
            }
        }
    }
}

impl From<reference::Error> for Problem {
    fn from(error: reference::Error) -> Self {
        match error {
            reference::Error::UnknownVenue => {
                Problem::invalid("/venue_id", "unknown", "names no venue of this organizer")
            }
            reference::Error::UnknownLayout => {
                Problem::invalid("/layout_id", "unknown", "names no layout of this venue")
            }
            reference::Error::LayoutRequired => Problem::invalid(
                "/layout_id",
                "required",
                "must name a layout of the new venue",
            ),
            reference::Error::MissingCategories(missing) => Problem::invalid(
                "/categories",
                "missing",
                format!(
                    "must have every category of the layout; missing: {}",
                    missing.join(", ")
                ),
            ),
        }
    }
}

impl From<ports::Error> for Problem {
    fn from(error: ports::Error) -> Self {
        match error {
            ports::Error::Unavailable(error) => error.into(),
            ports::Error::SaleRefused(cause) => {
                tracing::warn!(
                    error.cause = cause,
                    "the seats of an event cannot be put on sale"
                );
                Problem::new(
                    Code::Conflict,
                    format!("The seats cannot be put on sale: {cause}."),
                )
            }
            ports::Error::Protocol(_) => Problem::internal(error),
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
            Unavailable::Layouts(_) => "Layouts cannot be read just now; try again in a moment.",
            Unavailable::Venues(_) => "Venues cannot be made just now; try again in a moment.",
            Unavailable::Sales(_) => {
                "The sale of seats does not answer just now; try again in a moment."
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_begun_session_is_named_by_its_pointer() {
        let problem = Problem::from(lifecycle::Error::Begun(vec![0]));
        assert_eq!(
            (problem.code, problem.faults[0].pointer.as_str()),
            (Code::ValidationFailed, "/sessions/0/starts_at")
        );
    }

    #[test]
    fn publishing_a_cancelled_event_names_both_states() {
        let problem = Problem::from(lifecycle::Error::CancelledForGood);
        assert_eq!(
            (
                problem.code,
                &problem.members["from"],
                &problem.members["to"]
            ),
            (
                Code::InvalidTransition,
                &"cancelled".into(),
                &"published".into()
            )
        );
    }

    #[test]
    fn an_immutable_member_is_named_by_its_pointer() {
        let problem = Problem::from(lifecycle::Error::Immutable(vec!["currency"]));
        assert_eq!(
            (problem.faults[0].pointer.as_str(), problem.faults[0].code),
            ("/currency", "immutable")
        );
        assert_eq!(Problem::from(lifecycle::Error::Frozen).code, Code::Conflict);
    }
}

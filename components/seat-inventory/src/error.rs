//! Why the service refuses or fails. Problems of the API are made of it here and nowhere else;
//! `exports` turns it into the errors of the typed interfaces.

use eventhub_guest::problem::{Code, Fault, Problem};
use eventhub_guest::{redis, sql};

use crate::domain::hold::Unpriced;
use crate::domain::sale::Phase;
use crate::domain::selection::NewHold;
use crate::{leases, ports};

/// The first group is the client's fault, the second one is another component's, the last one is a
/// bug.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A session, a hold or a layout.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    #[error("nothing is asked for")]
    Empty,
    #[error("the layout does not have: {}", .0.join(", "))]
    Unknown(Vec<String>),
    #[error("named twice: {}", .0.join(", "))]
    Duplicate(Vec<String>),
    /// Seat keys that a booking names.
    #[error("the hold does not have: {}", .0.join(", "))]
    NotInHold(Vec<String>),
    #[error("more than {most} places; held already: {had}")]
    LimitExceeded { most: u32, had: u32 },
    /// Seat keys and area ids; none where there are not enough seats for the best.
    #[error("taken: {}", .0.join(", "))]
    Taken(Vec<String>),
    #[error("the session is not on sale: {0}")]
    NotOnSale(Phase),
    #[error("the hold has expired or was released")]
    Expired,
    #[error("the hold is bound to a booking")]
    AlreadyBooked,
    #[error("the hold was extended before")]
    AlreadyExtended,
    /// What an event puts on sale is wrong.
    #[error("{0}")]
    Invalid(String),

    /// The database, Redis or another component does not answer just now.
    #[error("unavailable: {0}")]
    Unavailable(String),

    /// A bug.
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

impl From<leases::Error> for Error {
    fn from(error: leases::Error) -> Self {
        match error {
            leases::Error::Redis(redis::Error::Unavailable(text)) => {
                Error::Unavailable(format!("redis: {text}"))
            }
            other => Error::Internal(other.to_string()),
        }
    }
}

impl From<Unpriced> for Error {
    fn from(error: Unpriced) -> Self {
        Error::Internal(error.to_string())
    }
}

impl From<ports::Error> for Error {
    fn from(error: ports::Error) -> Self {
        match error {
            ports::Error::NoSuchLayout => Error::NotFound("layout"),
            ports::Error::Unknown(names) => Error::Unknown(names),
            ports::Error::Duplicate(names) => Error::Duplicate(names),
            ports::Error::Empty => Error::Empty,
            ports::Error::LimitExceeded(most) => Error::LimitExceeded { most, had: 0 },
            ports::Error::NoneLeft => Error::Taken(vec![]),
            ports::Error::LayoutsUnavailable(_) => Error::Unavailable(error.to_string()),
            ports::Error::NotLoaded | ports::Error::InvalidLayout(_) => {
                Error::Internal(error.to_string())
            }
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound(what) => Problem::not_found(what),
            Error::Empty => Problem::invalid("", "required", "must ask for something"),
            Error::Unknown(names) => Problem::new(
                Code::UnknownSeats,
                format!("The layout does not have: {}.", names.join(", ")),
            ),
            Error::Duplicate(names) => Problem::invalid(
                "",
                "duplicate",
                format!("names twice: {}", names.join(", ")),
            ),
            Error::NotInHold(names) => Problem::invalid(
                "",
                "not_in_hold",
                format!(
                    "names seats that the hold does not have: {}",
                    names.join(", ")
                ),
            ),
            Error::LimitExceeded { most, had } => {
                let held = if had == 0 {
                    String::new()
                } else {
                    format!(" You hold {had} already.")
                };
                Problem::new(
                    Code::LimitExceeded,
                    format!("One may hold at most {most} places of this session.{held}"),
                )
            }
            Error::Taken(places) => {
                let detail = match places.as_slice() {
                    [] => "There are not so many free seats in this category.".to_string(),
                    some => format!("Not free: {}.", some.join(", ")),
                };
                Problem::new(Code::SeatsUnavailable, detail).with("unavailable", places)
            }
            Error::NotOnSale(phase) => {
                let detail = match phase {
                    Phase::Scheduled => "The sale of this session has not begun.",
                    Phase::OnSale | Phase::Ended => "The sale of this session is over.",
                    Phase::Closed => "The sale of this session was closed.",
                };
                Problem::invalid_transition(phase.into(), "held", detail)
            }
            Error::Expired => Problem::new(
                Code::HoldExpired,
                "The hold has expired or was released; its places are free for others.",
            ),
            Error::AlreadyBooked => Problem::new(
                Code::HoldAlreadyBooked,
                "A booking has taken this hold over; cancel the booking instead.",
            ),
            Error::AlreadyExtended => {
                Problem::new(Code::HoldAlreadyExtended, "This hold was extended before.")
            }
            Error::Unavailable(cause) => {
                tracing::warn!(error.cause = cause, "seats are not available just now");
                Problem::unavailable(
                    "Seats cannot be read or held just now; try again in a moment.",
                )
            }
            Error::Invalid(cause) | Error::Internal(cause) => Problem::internal(cause),
        }
    }
}

impl Error {
    /// The problem of a request for a new hold: its faults point at the names in the body.
    pub fn point_into(self, wanted: &NewHold) -> Problem {
        match self {
            Error::Unknown(names) => {
                let fault = |name: &String| {
                    Fault::new(
                        find_pointers(wanted, name).next().unwrap_or_default(),
                        "unknown",
                        "is not in the layout of this session",
                    )
                };
                Problem::faults(Code::UnknownSeats, names.iter().map(fault).collect())
            }
            Error::Duplicate(names) => {
                let fault = |name: &String| {
                    Fault::new(
                        find_pointers(wanted, name).last().unwrap_or_default(),
                        "duplicate",
                        "is named before",
                    )
                };
                Problem::faults(Code::ValidationFailed, names.iter().map(fault).collect())
            }
            other => other.into(),
        }
    }
}

/// Where the body names a seat, an area or a category.
fn find_pointers(wanted: &NewHold, name: &str) -> impl Iterator<Item = String> {
    let seats = wanted
        .seats
        .iter()
        .enumerate()
        .filter(move |(_, seat)| *seat == name)
        .map(|(at, _)| format!("/seats/{at}"));
    let areas = wanted
        .areas
        .iter()
        .enumerate()
        .filter(move |(_, (area, _))| area == name)
        .map(|(at, _)| format!("/areas/{at}/area"));
    let best = wanted
        .best_available
        .iter()
        .filter(move |best| best.category == name)
        .map(|_| "/best_available/category".to_string());
    seats.chain(areas).chain(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> NewHold {
        NewHold {
            seats: vec!["X".into(), "A-1-1".into(), "Y".into(), "A-1-1".into()],
            areas: vec![("roof".into(), 1)],
            best_available: None,
        }
    }

    #[test]
    fn faults_point_at_unknown_and_repeated_names() {
        let problem =
            Error::Unknown(vec!["X".into(), "Y".into(), "roof".into()]).point_into(&wanted());
        assert_eq!(problem.code, Code::UnknownSeats);
        assert_eq!(
            problem
                .faults
                .iter()
                .map(|fault| fault.pointer.as_str())
                .collect::<Vec<_>>(),
            ["/seats/0", "/seats/2", "/areas/0/area"]
        );
        let problem = Error::Duplicate(vec!["A-1-1".into()]).point_into(&wanted());
        assert_eq!(problem.faults[0].pointer, "/seats/3");
    }

    #[test]
    fn a_problem_names_the_taken_places() {
        let problem = Problem::from(Error::Taken(vec!["A-1-1".into(), "floor".into()]));
        assert_eq!(problem.code.status(), 409);
        assert_eq!(
            problem.members["unavailable"],
            serde_json::json!(["A-1-1", "floor"])
        );
    }
}

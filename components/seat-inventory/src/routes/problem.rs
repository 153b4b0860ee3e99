//! The service's errors as problems of the API.

use eventhub_guest::problem::{Code, Fault, Problem};

use crate::bindings::eventhub::seat_lock::lock;
use crate::domain::sale::Phase;
use crate::service::Error;

/// For routes without a body.
pub fn of(error: Error) -> Problem {
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
            Problem::invalid_transition(phase.as_str(), "held", detail)
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
            Problem::unavailable("Seats cannot be read or held just now; try again in a moment.")
        }
        Error::Invalid(cause) | Error::Internal(cause) => Problem::internal(cause),
    }
}

/// For the request of a hold: names are pointed at.
pub fn of_request(error: Error, asked: &lock::Request) -> Problem {
    match error {
        Error::Unknown(names) => {
            let fault = |name: &String| {
                Fault::new(
                    pointers(asked, name).next().unwrap_or_default(),
                    "unknown",
                    "is not in the layout of this session",
                )
            };
            Problem::faults(Code::UnknownSeats, names.iter().map(fault).collect())
        }
        Error::Duplicate(names) => {
            let fault = |name: &String| {
                Fault::new(
                    pointers(asked, name).last().unwrap_or_default(),
                    "duplicate",
                    "is named before",
                )
            };
            Problem::faults(Code::ValidationFailed, names.iter().map(fault).collect())
        }
        other => of(other),
    }
}

fn pointers(asked: &lock::Request, name: &str) -> impl Iterator<Item = String> {
    let seats = asked
        .seats
        .iter()
        .enumerate()
        .filter(move |(_, seat)| *seat == name)
        .map(|(at, _)| format!("/seats/{at}"));
    let areas = asked
        .areas
        .iter()
        .enumerate()
        .filter(move |(_, (area, _))| area == name)
        .map(|(at, _)| format!("/areas/{at}/area"));
    let best = asked
        .best_available
        .iter()
        .filter(move |best| best.category == name)
        .map(|_| "/best_available/category".to_string());
    seats.chain(areas).chain(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> lock::Request {
        lock::Request {
            seats: vec!["X".into(), "A-1-1".into(), "Y".into(), "A-1-1".into()],
            areas: vec![("roof".into(), 1)],
            best_available: None,
        }
    }

    #[test]
    fn unknown_and_repeated_names_are_pointed_at() {
        let problem = of_request(
            Error::Unknown(vec!["X".into(), "Y".into(), "roof".into()]),
            &asked(),
        );
        assert_eq!(problem.code, Code::UnknownSeats);
        assert_eq!(
            problem
                .faults
                .iter()
                .map(|fault| fault.pointer.as_str())
                .collect::<Vec<_>>(),
            ["/seats/0", "/seats/2", "/areas/0/area"]
        );
        let problem = of_request(Error::Duplicate(vec!["A-1-1".into()]), &asked());
        assert_eq!(problem.faults[0].pointer, "/seats/3");
    }

    #[test]
    fn taken_places_are_a_member_of_the_problem() {
        let problem = of(Error::Taken(vec!["A-1-1".into(), "floor".into()]));
        assert_eq!(problem.code.status(), 409);
        assert_eq!(
            problem.members["unavailable"],
            serde_json::json!(["A-1-1", "floor"])
        );
    }
}

//! Draft, published, cancelled: what leads where, and what an event must be for it.
//!
//! | from      | publish    | cancel    | change                      |
//! |-----------|------------|-----------|-----------------------------|
//! | draft     | published  | cancelled | everything                  |
//! | published | (the same) | cancelled | title, description, tags    |
//! | cancelled | refused    | (the same)| refused                     |

use eventhub_guest::problem::Fault;
use eventhub_guest::{Code, Problem, Timestamp};

use super::event::{Event, Status};
use super::input::EventPatch;

/// What a request for a transition leads to.
#[derive(PartialEq, Eq, Debug)]
pub enum Step {
    /// Do it.
    Go,
    /// It is there already: answer as if it had just been done.
    Already,
}

/// # Errors
/// 409 from cancelled; 422 where a session has begun.
pub fn publish(event: &Event, now: Timestamp) -> Result<Step, Problem> {
    match event.status {
        Status::Published => return Ok(Step::Already),
        Status::Cancelled => {
            return Err(Problem::invalid_transition(
                "cancelled",
                "published",
                "A cancelled event stays cancelled.",
            ));
        }
        Status::Draft => {}
    }
    let begun = event
        .sessions
        .iter()
        .enumerate()
        .filter(|(_, session)| session.starts_at <= now);
    let faults: Vec<_> = begun
        .map(|(index, _)| {
            Fault::new(
                format!("/sessions/{index}/starts_at"),
                "in_the_past",
                "is in the past: move the session before you publish",
            )
        })
        .collect();
    if faults.is_empty() {
        Ok(Step::Go)
    } else {
        Err(Problem::faults(Code::ValidationFailed, faults))
    }
}

pub fn cancel(event: &Event) -> Step {
    if event.status == Status::Cancelled {
        Step::Already
    } else {
        Step::Go
    }
}

/// # Errors
/// 409 where it is cancelled, 422 naming each member that is fixed once the event is published.
pub fn change(event: &Event, patch: &EventPatch) -> Result<(), Problem> {
    match event.status {
        Status::Draft => Ok(()),
        Status::Cancelled => Err(Problem::new(
            Code::Conflict,
            "A cancelled event does not change any more.",
        )),
        Status::Published => {
            let fixed = patch.fixed_once_published().into_iter();
            let faults: Vec<_> = fixed
                .map(|name| {
                    Fault::new(
                        format!("/{name}"),
                        "immutable",
                        "does not change once the event is published",
                    )
                })
                .collect();
            if faults.is_empty() {
                Ok(())
            } else {
                Err(Problem::faults(Code::ValidationFailed, faults))
            }
        }
    }
}

#[cfg(test)]
pub mod tests {
    use eventhub_guest::ids::{EventId, LayoutId, OrganizerId, SessionId, VenueId};

    use super::*;
    use crate::domain::event::{LayoutRef, Session, VenueSummary};

    pub fn event(status: Status, starts: i64) -> Event {
        let at = Timestamp::from_micros;
        Event {
            id: EventId::from_u128(1),
            organizer_id: OrganizerId::from_u128(2),
            venue: VenueSummary {
                id: VenueId::from_u128(3),
                name: "Hall".into(),
                city: "Berlin".into(),
                country: "DE".into(),
                time_zone: "Europe/Berlin".into(),
                location: None,
            },
            layout: LayoutRef {
                id: LayoutId::from_u128(4),
                version: 1,
                capacity: 10,
            },
            title: "Night".into(),
            description: String::new(),
            status,
            currency: "EUR".parse().unwrap(),
            categories: vec![],
            sessions: vec![Session {
                id: SessionId::from_u128(5),
                starts_at: at(starts),
                ends_at: at(starts + 1),
                sales_start_at: None,
                sales_end_at: None,
            }],
            max_seats_per_booking: 10,
            tags: vec![],
            version: 1,
            created_at: at(0),
            updated_at: at(0),
            published_at: (status != Status::Draft).then_some(at(0)),
            cancelled_at: None,
            cancellation_reason: None,
        }
    }

    #[test]
    fn publishing_again_changes_nothing_even_after_the_start() {
        let now = Timestamp::from_micros(100);
        assert_eq!(publish(&event(Status::Draft, 101), now), Ok(Step::Go));
        assert_eq!(
            publish(&event(Status::Published, 50), now),
            Ok(Step::Already)
        );
    }

    #[test]
    fn what_has_begun_or_is_cancelled_is_not_published() {
        let now = Timestamp::from_micros(100);
        let problem = publish(&event(Status::Draft, 100), now).unwrap_err();
        assert_eq!(
            (problem.code, problem.faults[0].pointer.as_str()),
            (Code::ValidationFailed, "/sessions/0/starts_at")
        );
        let problem = publish(&event(Status::Cancelled, 101), now).unwrap_err();
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
    fn a_published_event_changes_its_words_only_and_a_cancelled_one_nothing() {
        let words = EventPatch {
            title: Some("x".into()),
            ..EventPatch::default()
        };
        let money = EventPatch {
            currency: "USD".parse().ok(),
            ..EventPatch::default()
        };
        assert!(change(&event(Status::Draft, 1), &money).is_ok());
        assert!(change(&event(Status::Published, 1), &words).is_ok());
        let problem = change(&event(Status::Published, 1), &money).unwrap_err();
        assert_eq!(
            (problem.faults[0].pointer.as_str(), problem.faults[0].code),
            ("/currency", "immutable")
        );
        assert_eq!(
            change(&event(Status::Cancelled, 1), &words)
                .unwrap_err()
                .code,
            Code::Conflict
        );
    }
}

//! Draft, published, cancelled: what leads where, and what an event must be for it.
//!
//! | from      | publish    | cancel    | change                      |
//! |-----------|------------|-----------|-----------------------------|
//! | draft     | published  | cancelled | everything                  |
//! | published | (the same) | cancelled | title, description, tags    |
//! | cancelled | refused    | (the same)| refused                     |

use eventhub_guest::Timestamp;

use super::event::{Event, Status};
use super::input::EventPatch;

/// What a transition needs.
#[derive(PartialEq, Eq, Debug)]
pub enum Step {
    /// Do it.
    Go,
    /// It was done before: answer as if it had just been done.
    Done,
}

/// Why an event does not change.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// It is cancelled and cannot be published.
    #[error("a cancelled event stays cancelled")]
    CancelledForGood,
    /// It is cancelled and cannot be edited.
    #[error("a cancelled event does not change")]
    Frozen,
    /// Sessions have begun: their indexes.
    #[error("sessions {0:?} have begun")]
    Begun(Vec<usize>),
    /// Members that a published event keeps: their names.
    #[error("a published event keeps its {}", .0.join(", "))]
    Immutable(Vec<&'static str>),
}

/// # Errors
/// The event is cancelled, or a session has begun.
pub fn check_publication(event: &Event, now: Timestamp) -> Result<Step, Error> {
    match event.status {
        Status::Published => return Ok(Step::Done),
        Status::Cancelled => return Err(Error::CancelledForGood),
        Status::Draft => {}
    }
    let sessions = event.sessions.iter().enumerate();
    let begun: Vec<_> = sessions
        .filter(|(_, session)| session.starts_at <= now)
        .map(|(index, _)| index)
        .collect();
    if begun.is_empty() {
        Ok(Step::Go)
    } else {
        Err(Error::Begun(begun))
    }
}

/// An event can be cancelled in any state.
pub fn check_cancellation(event: &Event) -> Step {
    if event.status == Status::Cancelled {
        Step::Done
    } else {
        Step::Go
    }
}

/// # Errors
/// The event is cancelled, or it is published and the patch has members that are fixed by then.
pub fn check_change(event: &Event, patch: &EventPatch) -> Result<(), Error> {
    match event.status {
        Status::Draft => Ok(()),
        Status::Cancelled => Err(Error::Frozen),
        Status::Published => {
            let fixed = patch.fixed_once_published();
            if fixed.is_empty() {
                Ok(())
            } else {
                Err(Error::Immutable(fixed))
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
        assert_eq!(
            check_publication(&event(Status::Draft, 101), now),
            Ok(Step::Go)
        );
        assert_eq!(
            check_publication(&event(Status::Published, 50), now),
            Ok(Step::Done)
        );
    }

    #[test]
    fn a_begun_or_cancelled_event_is_not_published() {
        let now = Timestamp::from_micros(100);
        assert_eq!(
            check_publication(&event(Status::Draft, 100), now),
            Err(Error::Begun(vec![0]))
        );
        assert_eq!(
            check_publication(&event(Status::Cancelled, 101), now),
            Err(Error::CancelledForGood)
        );
    }

    #[test]
    fn only_the_words_of_a_published_event_change() {
        let words = EventPatch {
            title: Some("x".into()),
            ..EventPatch::default()
        };
        let money = EventPatch {
            currency: "USD".parse().ok(),
            ..EventPatch::default()
        };
        assert!(check_change(&event(Status::Draft, 1), &money).is_ok());
        assert!(check_change(&event(Status::Published, 1), &words).is_ok());
        assert_eq!(
            check_change(&event(Status::Published, 1), &money),
            Err(Error::Immutable(vec!["currency"]))
        );
        assert_eq!(
            check_change(&event(Status::Cancelled, 1), &words),
            Err(Error::Frozen)
        );
    }
}

//! Ends the bookings of a cancelled event.

use eventhub_guest::ids::EventId;
use eventhub_guest::inbox::record_handled;
use eventhub_guest::sql;

use super::advance::{self, Driver, Run};
use crate::domain::booking::{Booking, Failure};
use crate::domain::fact::Fact;
use crate::domain::saga::{Event, Refusal};
use crate::error::Unavailable;
use crate::ports::Ports;
use crate::store::DB;
use crate::store::bookings::list_live_of_event;
use crate::store::record::{Record, SaveError, save_records};

/// Bookings in one transaction.
const PAGE: i64 = 100;
/// A guard against an endless loop. A cancelled event gets no new bookings, so each round leaves
/// fewer.
const MAX_ROUNDS: u32 = 10_000;

/// Why the bookings of an event were not all ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Sql(#[from] sql::Error),
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    #[error("the cancellation of an event was refused: {0}")]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Advance(#[from] advance::Error),
    #[error("the cancelled event still gets bookings")]
    Endless,
}

/// Ends every live booking of an event, and records that the fact is handled. The commands that the
/// ends demand (refunds, releases) are due at once; the timer does them. A repetition after a crash
/// finds only the bookings that are left.
///
/// # Errors
/// [`Error`]; the rest of the bookings is left then.
pub fn cancel_event(ports: &dyn Ports, fact_id: u128, event: EventId) -> Result<(), Error> {
    let failure = Failure::new(
        "event_cancelled",
        "The event was cancelled by its organizer.",
    );
    let fact = Fact::new(Event::EventCancelled).with_failure(failure.clone());
    for _ in 0..MAX_ROUNDS {
        let bookings = list_live_of_event(event, PAGE)?;
        if bookings.is_empty() {
            return match DB.execute(record_handled(fact_id)) {
                Err(error) if !error.violates("inbox_pkey") => Err(error.into()),
                _ => Ok(()),
            };
        }
        let mut drafts = Vec::with_capacity(bookings.len());
        for booking in &bookings {
            let transition = ports.step_saga(booking.state, Event::EventCancelled)?;
            drafts.push(Booking {
                state: transition.state,
                failure: Some(failure.clone()),
                ..booking.clone()
            });
        }
        let pairs = bookings.iter().zip(&drafts);
        let records: Vec<Record> = pairs
            .map(|(booking, draft)| Record {
                booking: draft,
                changed: true,
                from: booking.state.status,
                inbox: None,
                attempts: 0,
                next_attempt_in: Some(0.0),
            })
            .collect();
        match save_records(&records) {
            Ok(()) => {
                tracing::info!(event.id = %event, bookings = bookings.len(), "bookings of a cancelled event ended")
            }
            // Another worker acts on one of them just now: each takes its own step.
            Err(SaveError::Conflict) => {
                let driver = Driver::new(ports);
                for booking in bookings {
                    driver.advance(booking, Run::with_facts(vec![fact.clone()]))?;
                }
            }
            Err(error) => return Err(Unavailable(error.to_string()).into()),
        }
    }
    Err(Error::Endless)
}

//! Publishes and cancels: two services change together, in an order that never sells a seat of a
//! cancelled event and never refunds one of an event that still sells.
//!
//! **Publish**: first the sale is opened, then the event becomes published, together with the fact
//! `EventPublished`. So seats are on sale when anybody can find the event. If the second step
//! fails, the sale is open for sessions that only the organizer knows; publishing again finishes
//! it.
//!
//! **Cancel**: the event becomes cancelled, together with the fact `EventCancelled`, and in the
//! same transaction event_db closes its sales (migration `0004_cancelled_events`). So whoever
//! refunds on that fact finds all bookings: none can be added, and a crash leaves nothing to
//! finish. The seat-inventory service is called only afterwards; its caches notice by themselves a
//! moment later.
//!
//! Both decide on a version of the event and change that version only. A publication that loses
//! against a cancellation has opened nothing: a sale of a cancelled event is closed from its first
//! moment.

use eventhub_facts::{EventCancelled, EventPublished};
use eventhub_guest::{Timestamp, outbox, sql};

use super::access;
use crate::domain::event::Event;
use crate::domain::lifecycle::{self, Step};
use crate::error::Error;
use crate::ports::Ports;
use crate::store;

/// How often a step is tried when others change the event at the same time.
const ATTEMPTS: usize = 3;

/// The event, published now or before. `traceparent` is that of the request.
///
/// # Errors
/// It is cancelled, a session has begun, its seats cannot be sold, or a service is unavailable.
pub fn publish_event(
    ports: &dyn Ports,
    mut event: Event,
    traceparent: &str,
) -> Result<Event, Error> {
    for _ in 0..ATTEMPTS {
        let now = Timestamp::now();
        if lifecycle::check_publication(&event, now)? == Step::Done {
            return Ok(event);
        }
        ports.open_sale(&event)?;
        let fact = EventPublished {
            event_id: event.id,
            organizer_id: event.organizer_id,
            title: event.title.clone(),
            session_ids: event.session_ids(),
        };
        let fact = outbox::record_fact(&fact, traceparent);
        match store::events::publish(&event, now, fact) {
            Ok(()) => return Ok(event.publish(now)),
            Err(error) => event = reload_after_conflict(&event, error)?,
        }
    }
    Err(Error::Contended)
}

/// The event, cancelled now or before. `traceparent` is that of the request.
///
/// # Errors
/// A service is unavailable.
pub fn cancel_event(
    ports: &dyn Ports,
    mut event: Event,
    reason: &str,
    traceparent: &str,
) -> Result<Event, Error> {
    for _ in 0..ATTEMPTS {
        if lifecycle::check_cancellation(&event) == Step::Done {
            return Ok(event);
        }
        let now = Timestamp::now();
        let fact = EventCancelled {
            event_id: event.id,
            session_ids: event.session_ids(),
            reason: reason.into(),
        };
        let fact = outbox::record_fact(&fact, traceparent);
        match store::events::cancel(&event, now, reason, fact) {
            Ok(()) => {
                if let Err(error) = ports.close_sale(event.id) {
                    tracing::warn!(
                        event.id = %event.id,
                        error.cause = %error,
                        "seat-inventory was not called about a cancelled event; it reads the \
                         closed sale within seconds"
                    );
                }
                return Ok(event.cancel(now, reason));
            }
            Err(error) => event = reload_after_conflict(&event, error)?,
        }
    }
    Err(Error::Contended)
}

/// The event as it is now, after a conflict; every other error is passed on.
fn reload_after_conflict(event: &Event, error: sql::Error) -> Result<Event, Error> {
    if error.is_conflict() {
        access::find_event(event.id)
    } else {
        Err(error.into())
    }
}

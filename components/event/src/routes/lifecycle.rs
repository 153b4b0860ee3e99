//! Publish and cancel: two services change together, in an order that never sells a seat of a
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
//! finish. The sale is told only afterwards, whose caches notice by themselves a moment later.
//!
//! Both decide on a version of the event and change that version only. A publication that loses
//! against a cancellation has opened nothing: a sale of a cancelled event is closed from its first
//! moment.

use eventhub_guest::http::Query;
use eventhub_guest::ids::{EventId, SessionId};
use eventhub_guest::router::Answer;
use eventhub_guest::sql::{Error, Statement};
use eventhub_guest::{Check, Params, Problem, Request, Timestamp, json, outbox};
use serde::Deserialize;
use serde_json::{Value, json};

use super::view;
use crate::domain::event::{Event, Status};
use crate::domain::lifecycle::{self, Step};
use crate::domain::venue::line;
use crate::object::Object;
use crate::{access, ports, store};

/// How often a step is tried when others change the event at the same time.
const ATTEMPTS: usize = 3;

pub fn publish(request: &Request, params: &Params) -> Answer {
    let mut event = access::event_to_change(request, params)?;
    Query::parse(request, &[])?;
    json::nothing(request)?;
    for _ in 0..ATTEMPTS {
        let now = Timestamp::now();
        if lifecycle::publish(&event, now)? == Step::Already {
            return view::respond(200, &event);
        }
        ports::open_sale(&event)?;
        let payload = json!({
            "event_id": event.id,
            "organizer_id": event.organizer_id,
            "title": event.title,
            "session_ids": sessions(&event),
        });
        match store::events::publish(
            &event,
            now,
            fact(request, &event, "EventPublished", payload),
        ) {
            Ok(()) => {
                event = Event {
                    status: Status::Published,
                    published_at: Some(now),
                    updated_at: now,
                    version: event.version + 1,
                    ..event
                };
                return view::respond(200, &event);
            }
            Err(error) => event = again(store::events::find, event.id, error)?,
        }
    }
    Err(busy())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cancel {
    reason: String,
}

pub fn cancel(request: &Request, params: &Params) -> Answer {
    let event = access::event_to_change(request, params)?;
    Query::parse(request, &[])?;
    let Object(Cancel { reason }) = json::body::<Object<Cancel>>(request)?;
    let mut check = Check::new();
    line(&mut check, "/reason", &reason, 1, 1000);
    check.finish()?;
    view::respond(200, &cancelled(&Services, event, &reason, request)?)
}

/// What a cancellation calls.
trait Calls {
    fn find(&self, id: EventId) -> Result<Option<Event>, Error>;
    /// To cancelled, with the fact and without a sale: all of it or nothing.
    fn cancel(
        &self,
        event: &Event,
        now: Timestamp,
        reason: &str,
        fact: Statement,
    ) -> Result<(), Error>;
    fn close_sale(&self, event: EventId);
}

struct Services;

impl Calls for Services {
    fn find(&self, id: EventId) -> Result<Option<Event>, Error> {
        store::events::find(id)
    }

    fn cancel(
        &self,
        event: &Event,
        now: Timestamp,
        reason: &str,
        fact: Statement,
    ) -> Result<(), Error> {
        store::events::cancel(event, now, reason, fact)
    }

    fn close_sale(&self, event: EventId) {
        ports::close_sale(event);
    }
}

/// The event, cancelled now or before.
fn cancelled(
    calls: &impl Calls,
    mut event: Event,
    reason: &str,
    request: &Request,
) -> Result<Event, Problem> {
    for _ in 0..ATTEMPTS {
        if lifecycle::cancel(&event) == Step::Already {
            return Ok(event);
        }
        let now = Timestamp::now();
        let payload =
            json!({"event_id": event.id, "session_ids": sessions(&event), "reason": reason});
        match calls.cancel(
            &event,
            now,
            reason,
            fact(request, &event, "EventCancelled", payload),
        ) {
            Ok(()) => {
                calls.close_sale(event.id);
                let cancelled = Event {
                    status: Status::Cancelled,
                    cancelled_at: Some(now),
                    updated_at: now,
                    version: event.version + 1,
                    ..event
                };
                return Ok(Event {
                    cancellation_reason: Some(reason.into()),
                    ..cancelled
                });
            }
            Err(error) => event = again(|id| calls.find(id), event.id, error)?,
        }
    }
    Err(busy())
}

fn sessions(event: &Event) -> Vec<SessionId> {
    event.sessions.iter().map(|session| session.id).collect()
}

fn fact(request: &Request, event: &Event, kind: &str, payload: Value) -> Statement {
    outbox::record(
        "event",
        &event.id.to_string(),
        kind,
        payload,
        &request.traceparent,
    )
}

/// After a conflict: the event as it is now.
fn again(
    find: impl FnOnce(EventId) -> Result<Option<Event>, Error>,
    id: EventId,
    error: Error,
) -> Result<Event, Problem> {
    if !error.is_conflict() {
        return Err(error.into());
    }
    find(id)?.ok_or_else(|| Problem::not_found("event"))
}

fn busy() -> Problem {
    Problem::unavailable("The event is being changed by others just now; try again in a moment.")
}

#[cfg(test)]
mod tests;

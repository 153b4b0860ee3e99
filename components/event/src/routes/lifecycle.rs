//! Publish and cancel: two services change together, in an order that never sells a seat of a cancelled event and never
//! refunds one of an event that still sells.
//!
//! **Publish**: first the sale is opened, then the event becomes published, together with the fact `EventPublished`. So
//! seats are on sale when anybody can find the event. If the second step fails, the sale is open for sessions that only the
//! organizer knows; publishing again finishes it.
//!
//! **Cancel**: first the sale is closed, then the event becomes cancelled, together with the fact `EventCancelled`. So
//! whoever refunds on that fact finds all bookings: none can be added. If the second step fails, the event is published and
//! sells nothing; cancelling again finishes it. In the other order a crash between the two would sell seats of a cancelled
//! event, and a booking made in between would never be refunded.
//!
//! Both decide on a version of the event and change that version only. A publication that loses against a cancellation
//! closes the sale that it opened.

use super::view;
use crate::domain::event::{Event, Status};
use crate::domain::lifecycle::{self, Step};
use crate::domain::venue::line;
use crate::object::Object;
use crate::{access, ports, store};
use eventhub_guest::http::Query;
use eventhub_guest::ids::{EventId, SessionId};
use eventhub_guest::router::Answer;
use eventhub_guest::sql::{Error, Statement};
use eventhub_guest::{Check, Params, Problem, Request, Timestamp, json, outbox};
use serde::Deserialize;
use serde_json::{Value, json};

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
        match store::events::publish(&event, now, fact(request, &event, "EventPublished", payload)) {
            Ok(()) => {
                event = Event { status: Status::Published, published_at: Some(now), updated_at: now, version: event.version + 1, ..event };
                return view::respond(200, &event);
            }
            Err(error) => event = again(event.id, error)?,
        }
        if event.status == Status::Cancelled {
            ports::close_sale(event.id)?;
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
    let mut event = access::event_to_change(request, params)?;
    Query::parse(request, &[])?;
    let Object(Cancel { reason }) = json::body::<Object<Cancel>>(request)?;
    let mut check = Check::new();
    line(&mut check, "/reason", &reason, 1, 1000);
    check.finish()?;
    for _ in 0..ATTEMPTS {
        ports::close_sale(event.id)?;
        if lifecycle::cancel(&event) == Step::Already {
            return view::respond(200, &event);
        }
        let now = Timestamp::now();
        let payload = json!({"event_id": event.id, "session_ids": sessions(&event), "reason": reason});
        match store::events::cancel(&event, now, &reason, fact(request, &event, "EventCancelled", payload)) {
            Ok(()) => {
                let cancelled = Event { status: Status::Cancelled, cancelled_at: Some(now), updated_at: now, version: event.version + 1, ..event };
                return view::respond(200, &Event { cancellation_reason: Some(reason), ..cancelled });
            }
            Err(error) => event = again(event.id, error)?,
        }
    }
    Err(busy())
}

fn sessions(event: &Event) -> Vec<SessionId> {
    event.sessions.iter().map(|session| session.id).collect()
}

fn fact(request: &Request, event: &Event, kind: &str, payload: Value) -> Statement {
    outbox::record("event", &event.id.to_string(), kind, payload, &request.traceparent)
}

/// After a conflict: the event as it is now.
fn again(id: EventId, error: Error) -> Result<Event, Problem> {
    if !error.is_conflict() {
        return Err(error.into());
    }
    store::events::find(id)?.ok_or_else(|| Problem::not_found("event"))
}

fn busy() -> Problem {
    Problem::unavailable("The event is being changed by others just now; try again in a moment.")
}

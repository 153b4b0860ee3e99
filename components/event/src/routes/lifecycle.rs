//! Publish and cancel.

use eventhub_guest::validate::check_line;
use eventhub_guest::{Answer, Check};
use serde::Deserialize;

use super::{Call, view};
use crate::usecases::access::find_editable_event;
use crate::usecases::lifecycle::{cancel_event, publish_event};

pub fn publish(call: &Call) -> Answer {
    let user = call.user()?;
    let event = find_editable_event(call.context, call.id("id", "event")?, user)?;
    call.no_body()?;
    let event = publish_event(call.context, event, &call.request.traceparent)?;
    view::respond_with_event(call, 200, &event)
}

/// The body of a cancellation.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cancellation {
    /// For the buyers.
    reason: String,
}

pub fn cancel(call: &Call) -> Answer {
    let user = call.user()?;
    let event = find_editable_event(call.context, call.id("id", "event")?, user)?;
    let Cancellation { reason } = call.body()?;
    let mut check = Check::new();
    check_line(&mut check, "/reason", &reason, 1, 1000);
    check.finish()?;
    let event = cancel_event(call.context, event, &reason, &call.request.traceparent)?;
    view::respond_with_event(call, 200, &event)
}

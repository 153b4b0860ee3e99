//! Events: make a draft, read, change.

use eventhub_guest::creation::Key;
use eventhub_guest::http::WithHeader;
use eventhub_guest::{Answer, etag};

use super::{Call, view};
use crate::domain::input::{EventPatch, NewEvent};
use crate::domain::lifecycle;
use crate::usecases::access::{find_editable_event, find_visible_event};
use crate::usecases::events::{change_event, create_event};

pub fn create(call: &Call) -> Answer {
    let user = call.user()?;
    let body: NewEvent = call.body()?;
    body.check().finish()?;
    let key = Key::of(call.request, user);
    let event = create_event(call.context, user, body, key.as_ref())?;
    let response = view::respond_with_event(call, 201, &event)?;
    Ok(response.with_header("location", format!("/api/v1/events/{}", event.id)))
}

pub fn get(call: &Call) -> Answer {
    let id = call.id("id", "event")?;
    let event = find_visible_event(call.context, id, call.maybe_user())?;
    view::respond_with_event(call, 200, &event)
}

pub fn change(call: &Call) -> Answer {
    let user = call.user()?;
    let event = find_editable_event(call.context, call.id("id", "event")?, user)?;
    if call
        .if_match()?
        .is_some_and(|wanted| wanted != event.version)
    {
        return Err(etag::stale());
    }
    let patch: EventPatch = call.body()?;
    patch.check(&event.sessions).finish()?;
    lifecycle::check_change(&event, &patch)?;
    let event = change_event(call.context, event, patch)?;
    view::respond_with_event(call, 200, &event)
}

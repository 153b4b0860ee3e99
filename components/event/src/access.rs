//! Who may see and change what: published events are everybody's to see, the rest is the
//! organizer's members'; editors and owners change.

use eventhub_guest::ids::{OrganizerId, UserId};
use eventhub_guest::{Params, Problem, Request, auth};

use crate::domain::event::Event;
use crate::ports::{self, Role};
use crate::store;

const VIEWER: &str = "Viewers of an organizer change nothing; ask an owner for the role editor.";

/// For a body that names its organizer.
///
/// # Errors
/// 422 where the organizer is unknown or another's, 403 for a viewer.
pub fn may_create(organizer: OrganizerId, user: UserId) -> Result<(), Problem> {
    match ports::role(organizer, user)? {
        None => Err(Problem::invalid(
            "/organizer_id",
            "unknown",
            "names no organizer of yours",
        )),
        Some(Role::Viewer) => Err(Problem::forbidden(VIEWER)),
        Some(Role::Editor | Role::Owner) => Ok(()),
    }
}

/// The event of the path, for one who may see it.
///
/// # Errors
/// 404 for all others.
pub fn event_to_see(request: &Request, params: &Params) -> Result<Event, Problem> {
    let event = find(params)?;
    if event.is_public() {
        return Ok(event);
    }
    let user = auth::maybe_user(request).ok_or_else(|| Problem::not_found("event"))?;
    match ports::role(event.organizer_id, user)? {
        Some(_) => Ok(event),
        None => Err(Problem::not_found("event")),
    }
}

/// The event of the path, for one who may change it.
///
/// # Errors
/// 401; 404 where it is not to be seen either; 403.
pub fn event_to_change(request: &Request, params: &Params) -> Result<Event, Problem> {
    let user = auth::user(request)?;
    let event = find(params)?;
    match ports::role(event.organizer_id, user)? {
        Some(Role::Editor | Role::Owner) => Ok(event),
        Some(Role::Viewer) => Err(Problem::forbidden(VIEWER)),
        None if event.is_public() => Err(Problem::forbidden(
            "Only the organizer's editors change an event.",
        )),
        None => Err(Problem::not_found("event")),
    }
}

fn find(params: &Params) -> Result<Event, Problem> {
    let id = params.id("id", "event")?;
    store::events::find(id)?.ok_or_else(|| Problem::not_found("event"))
}

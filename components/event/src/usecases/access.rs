//! Looks up who somebody is to an organizer, and lets the rules of [`crate::domain::access`] decide.

use eventhub_guest::ids::{EventId, OrganizerId, UserId};

use crate::domain::access;
use crate::domain::event::Event;
use crate::error::Error;
use crate::ports::Ports;
use crate::store;

/// Whether the user may make something for the organizer.
///
/// # Errors
/// They may not, or their role is unavailable.
pub fn check_creation(
    ports: &dyn Ports,
    organizer: OrganizerId,
    user: UserId,
) -> Result<(), Error> {
    let role = ports.role_of(organizer, user)?;
    Ok(access::check_creation(role)?)
}

/// The event, for somebody who wants to see it.
///
/// # Errors
/// There is none, or it is hidden from them.
pub fn find_visible_event(
    ports: &dyn Ports,
    id: EventId,
    user: Option<UserId>,
) -> Result<Event, Error> {
    let event = find_event(id)?;
    let role = match user {
        // Most readers read public events: these take no call.
        Some(user) if !event.is_public() => ports.role_of(event.organizer_id, user)?,
        _ => None,
    };
    access::check_sight(&event, role)?;
    Ok(event)
}

/// The event, for a user who wants to change it.
///
/// # Errors
/// There is none, it is hidden from them, or they may only see it.
pub fn find_editable_event(ports: &dyn Ports, id: EventId, user: UserId) -> Result<Event, Error> {
    let event = find_event(id)?;
    let role = ports.role_of(event.organizer_id, user)?;
    access::check_change(&event, role)?;
    Ok(event)
}

/// The event.
///
/// # Errors
/// There is none.
pub fn find_event(id: EventId) -> Result<Event, Error> {
    store::events::find(id)?.ok_or(Error::NotFound("event"))
}

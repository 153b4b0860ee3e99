//! Makes and changes events: looks up the venue and the layout that they refer to.

use eventhub_guest::Timestamp;
use eventhub_guest::creation::{Creation, Key};
use eventhub_guest::ids::{EventId, LayoutId, OrganizerId, UserId, VenueId};

use super::access;
use crate::domain::event::{Category, Event, LayoutRef, VenueSummary};
use crate::domain::input::{EventPatch, NewEvent};
use crate::domain::reference;
use crate::error::Error;
use crate::ports::Ports;
use crate::store;

/// Makes the draft of a checked body, or finds the event that the same request made before.
///
/// # Errors
/// The user may not, the body refers to what is not there, the key belongs to another request, or a
/// service is unavailable.
pub fn create_event(
    ports: &dyn Ports,
    user: UserId,
    body: NewEvent,
    key: Option<&Key>,
) -> Result<Event, Error> {
    access::check_creation(ports, body.organizer_id, user)?;
    let venue = find_venue(body.organizer_id, body.venue_id)?;
    let layout = find_layout(ports, venue.id, body.layout_id, None, &body.categories)?;
    let event = body.into_event(EventId::new(), venue, layout, Timestamp::now());
    match store::events::insert(&event, key)? {
        Creation::New => Ok(event),
        Creation::Existing(id) => access::find_event(id),
        Creation::KeyReused => Err(Error::KeyReused),
    }
}

/// Applies a checked and permitted patch to the version of the event that was read.
///
/// # Errors
/// The patch refers to what is not there, others changed the event first, or a service is
/// unavailable.
pub fn change_event(ports: &dyn Ports, before: Event, patch: EventPatch) -> Result<Event, Error> {
    if patch.is_empty() {
        return Ok(before);
    }
    let mut event = revise_event(ports, &before, patch)?;
    store::events::update(&event).map_err(|error| {
        if error.is_conflict() {
            Error::Stale
        } else {
            error.into()
        }
    })?;
    event.version += 1;
    Ok(event)
}

fn revise_event(ports: &dyn Ports, before: &Event, patch: EventPatch) -> Result<Event, Error> {
    let mut venue = None;
    if let Some(id) = patch.venue_id.filter(|id| *id != before.venue.id) {
        venue = Some(find_venue(before.organizer_id, id)?);
        if patch.layout_id.is_none() {
            return Err(reference::Error::LayoutRequired.into());
        }
    }
    let mut layout = None;
    if patch.layout_id.is_some() || patch.categories.is_some() {
        // The newest version of a layout that the patch names, even where it is the same layout.
        let version = patch.layout_id.is_none().then_some(before.layout.version);
        layout = Some(find_layout(
            ports,
            venue.as_ref().unwrap_or(&before.venue).id,
            patch.layout_id.unwrap_or(before.layout.id),
            version,
            patch.categories.as_deref().unwrap_or(&before.categories),
        )?);
    }
    Ok(before.revise(patch, venue, layout, Timestamp::now()))
}

fn find_venue(organizer: OrganizerId, id: VenueId) -> Result<VenueSummary, Error> {
    let venue = store::venues::find(id)?;
    Ok(reference::check_venue(venue, organizer)?)
}

fn find_layout(
    ports: &dyn Ports,
    venue: VenueId,
    id: LayoutId,
    version: Option<u32>,
    categories: &[Category],
) -> Result<LayoutRef, Error> {
    let layout = ports.find_layout(id, version)?;
    Ok(reference::check_layout(layout, venue, categories)?)
}

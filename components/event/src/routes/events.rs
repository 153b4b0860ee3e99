//! Events: make a draft, read, change.

use eventhub_guest::creation::Key;
use eventhub_guest::http::{Query, WithHeader};
use eventhub_guest::ids::{EventId, LayoutId, OrganizerId, SessionId, VenueId};
use eventhub_guest::router::Answer;
use eventhub_guest::{Check, Params, Problem, Request, Timestamp, auth, etag, json};

use super::view;
use crate::domain::event::{Event, LayoutRef, Status, VenueSummary};
use crate::domain::input::{self, EventPatch, NewEvent};
use crate::domain::lifecycle;
use crate::domain::venue::Venue;
use crate::object::Object;
use crate::{access, ports, store};

pub fn create(request: &Request, _: &Params) -> Answer {
    let user = auth::user(request)?;
    Query::parse(request, &[])?;
    let Object(mut body) = json::body::<Object<NewEvent>>(request)?;
    body.check()?;
    without_ids(&body)?;
    access::may_create(body.organizer_id, user)?;
    let venue = venue_of(body.organizer_id, body.venue_id)?;
    let layout = layout_of(venue.id, body.layout_id, None, &body.categories)?;
    let now = Timestamp::now();
    let mut event = Event {
        id: EventId::new(),
        organizer_id: body.organizer_id,
        venue,
        layout,
        title: body.title,
        description: body.description,
        status: Status::Draft,
        currency: body.currency,
        categories: body.categories,
        sessions: input::made(body.sessions),
        max_seats_per_booking: body.max_seats_per_booking,
        tags: body.tags,
        version: 1,
        created_at: now,
        updated_at: now,
        published_at: None,
        cancelled_at: None,
        cancellation_reason: None,
    };
    if let Some(before) =
        store::events::insert(&event, Key::of(request, user).as_ref())?.before()?
    {
        event = store::events::find(before)?.ok_or_else(|| Problem::not_found("event"))?;
    }
    Ok(view::respond(201, &event)?.with_header("location", format!("/api/v1/events/{}", event.id)))
}

pub fn get(request: &Request, params: &Params) -> Answer {
    Query::parse(request, &[])?;
    view::respond(200, &access::event_to_see(request, params)?)
}

pub fn change(request: &Request, params: &Params) -> Answer {
    let before = access::event_to_change(request, params)?;
    Query::parse(request, &[])?;
    if etag::required(request)?.is_some_and(|wanted| wanted != before.version) {
        return Err(etag::stale());
    }
    let Object(mut patch) = json::body::<Object<EventPatch>>(request)?;
    patch.check(&before.sessions)?;
    lifecycle::change(&before, &patch)?;
    if patch.is_empty() {
        return view::respond(200, &before);
    }
    let mut event = changed(&before, patch)?;
    store::events::update(&event).map_err(|error| {
        if error.is_conflict() {
            etag::stale()
        } else {
            error.into()
        }
    })?;
    event.version += 1;
    view::respond(200, &event)
}

/// The event after the change, what it refers to looked up.
fn changed(before: &Event, patch: EventPatch) -> Result<Event, Problem> {
    let mut event = Event {
        updated_at: Timestamp::now(),
        ..before.clone()
    };
    if let Some(venue) = patch.venue_id.filter(|venue| *venue != before.venue.id) {
        event.venue = venue_of(before.organizer_id, venue)?;
        if patch.layout_id.is_none() {
            return Err(Problem::invalid(
                "/layout_id",
                "required",
                "must name a layout of the new venue",
            ));
        }
    }
    if let Some(categories) = patch.categories.clone() {
        event.categories = categories;
    }
    if patch.layout_id.is_some() || patch.categories.is_some() {
        // A layout that is named is taken in its newest version, even where it is the same layout.
        let version = patch.layout_id.is_none().then_some(before.layout.version);
        event.layout = layout_of(
            event.venue.id,
            patch.layout_id.unwrap_or(before.layout.id),
            version,
            &event.categories,
        )?;
    }
    event.title = patch.title.unwrap_or(event.title);
    event.description = patch.description.unwrap_or(event.description);
    event.currency = patch.currency.unwrap_or(event.currency);
    event.max_seats_per_booking = patch
        .max_seats_per_booking
        .unwrap_or(event.max_seats_per_booking);
    event.tags = patch.tags.unwrap_or(event.tags);
    if let Some(sessions) = patch.sessions {
        event.sessions = input::made(sessions);
    }
    if event.layout != before.layout || event.currency != before.currency {
        // A sale has one layout and currency for good, and a publication that did not come to its
        // end may have opened one: other seats or other money are other sessions.
        event
            .sessions
            .iter_mut()
            .for_each(|session| session.id = SessionId::new());
    }
    Ok(event)
}

/// Ids are given, not taken, at creation.
fn without_ids(body: &NewEvent) -> Result<(), Problem> {
    let mut check = Check::new();
    for (index, session) in body.sessions.iter().enumerate() {
        check.that(
            session.id.is_none(),
            format!("/sessions/{index}/id"),
            "unknown_field",
            "is not a member of this request",
        );
    }
    check.finish()
}

fn venue_of(organizer: OrganizerId, id: VenueId) -> Result<VenueSummary, Problem> {
    let venue = store::venues::find(id)?.filter(|venue| venue.organizer_id == organizer);
    let Venue {
        id,
        name,
        time_zone,
        address,
        location,
        ..
    } = venue.ok_or_else(|| {
        Problem::invalid("/venue_id", "unknown", "names no venue of this organizer")
    })?;
    Ok(VenueSummary {
        id,
        name,
        city: address.city,
        country: address.country,
        time_zone,
        location,
    })
}

fn layout_of(
    venue: VenueId,
    id: LayoutId,
    version: Option<u32>,
    categories: &[crate::domain::event::Category],
) -> Result<LayoutRef, Problem> {
    let layout = ports::layout(id, version)?.filter(|layout| layout.venue_id == venue);
    let layout = layout.ok_or_else(|| {
        Problem::invalid("/layout_id", "unknown", "names no layout of this venue")
    })?;
    let missing = Event::without_price(categories, &layout.categories);
    if missing.is_empty() {
        return Ok(layout.version);
    }
    Err(Problem::invalid(
        "/categories",
        "missing",
        format!(
            "must have every category of the layout; missing: {}",
            missing.join(", ")
        ),
    ))
}

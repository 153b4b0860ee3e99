//! Venues: anybody may read one, the organizer's members list them, its editors make them.

use eventhub_guest::creation::Key;
use eventhub_guest::http::WithHeader;
use eventhub_guest::ids::{OrganizerId, VenueId};
use eventhub_guest::{Answer, Problem, etag, json};

use super::Call;
use crate::domain::venue::NewVenue;
use crate::error::Error;
use crate::store;
use crate::usecases::venues::{create_venue, find_venue};

/// A venue does not change.
const VERSION: i64 = 1;

pub fn create(call: &Call) -> Answer {
    let user = call.user()?;
    let body: NewVenue = call.body()?;
    body.check().finish()?;
    let key = Key::of(call.request, user);
    let venue = create_venue(call.context, user, body, key.as_ref())?;
    let response = json::response(201, &venue)?;
    Ok(response
        .with_header("location", format!("/api/v1/venues/{}", venue.id))
        .with_header("etag", etag::of(VERSION)))
}

pub fn get(call: &Call) -> Answer {
    let venue = find_venue(call.id("id", "venue")?)?;
    Ok(etag::apply(
        call.request,
        VERSION,
        json::response(200, &venue)?,
    ))
}

pub fn list(call: &Call) -> Answer {
    let user = call.user()?;
    let organizer: Option<OrganizerId> = call.query().parsed("organizer_id")?;
    let organizer = organizer
        .ok_or_else(|| Problem::invalid("/query/organizer_id", "required", "is missing"))?;
    let page = call.page::<VenueId>()?;
    if call.context.role_of(organizer, user)?.is_none() {
        return Err(Error::NotFound("organizer").into());
    }
    let venues = store::venues::list(organizer, page.after, page.limit + 1)?;
    json::response(200, &page.list(venues, |venue| venue.id)?)
}

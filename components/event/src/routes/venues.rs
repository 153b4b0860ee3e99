//! Venues: anybody may read one, the organizer's members list them, its editors make them.

use eventhub_guest::creation::Key;
use eventhub_guest::http::{Query, WithHeader};
use eventhub_guest::ids::{OrganizerId, VenueId};
use eventhub_guest::page::{PARAMETERS, Page};
use eventhub_guest::router::Answer;
use eventhub_guest::{Params, Problem, Request, Timestamp, auth, etag, json};

use crate::domain::venue::{NewVenue, Venue};
use crate::object::Object;
use crate::{access, ports, store};

/// A venue does not change.
const VERSION: i64 = 1;

pub fn create(request: &Request, _: &Params) -> Answer {
    let user = auth::user(request)?;
    Query::parse(request, &[])?;
    let Object(body) = json::body::<Object<NewVenue>>(request)?;
    let mut venue = body.checked(VenueId::new(), Timestamp::now())?;
    access::may_create(venue.organizer_id, user)?;
    if let Some(before) =
        store::venues::insert(&venue, Key::of(request, user).as_ref())?.before()?
    {
        venue = find(before)?;
    }
    let response = json::response(201, &venue)?;
    Ok(response
        .with_header("location", format!("/api/v1/venues/{}", venue.id))
        .with_header("etag", etag::of(VERSION)))
}

pub fn get(request: &Request, params: &Params) -> Answer {
    let id = params.id("id", "venue")?;
    Query::parse(request, &[])?;
    Ok(etag::apply(
        request,
        VERSION,
        json::response(200, &find(id)?)?,
    ))
}

fn find(id: VenueId) -> Result<Venue, Problem> {
    store::venues::find(id)?.ok_or_else(|| Problem::not_found("venue"))
}

pub fn list(request: &Request, _: &Params) -> Answer {
    let user = auth::user(request)?;
    let query = Query::parse(request, &[PARAMETERS[0], PARAMETERS[1], "organizer_id"])?;
    let organizer: Option<OrganizerId> = query.parsed("organizer_id")?;
    let organizer = organizer
        .ok_or_else(|| Problem::invalid("/query/organizer_id", "required", "is missing"))?;
    let page = Page::<VenueId>::parse(&query)?;
    ports::role(organizer, user)?.ok_or_else(|| Problem::not_found("organizer"))?;
    let found = store::venues::list(organizer, page.after, page.limit + 1)?;
    json::response(200, &page.list(found, |venue| venue.id)?)
}

//! Routes of layouts: create, read a version, replace by a new version, list.

use eventhub_guest::creation::Key;
use eventhub_guest::http::WithHeader;
use eventhub_guest::ids::{LayoutId, VenueId};
use eventhub_guest::{Answer, Problem, Request, Response, Timestamp, etag, json};
use serde::Serialize;
use serde_json::value::RawValue;

use super::Call;
use crate::domain::layout::{self, MAX_BYTES};
use crate::error::Error;
use crate::store::layouts::{Document, StoredLayout, list_layouts};
use crate::usecases::access::{check_change, check_creation, check_list};
use crate::usecases::layouts::{create_layout, find_layout, replace_layout};

/// A layout as clients see it. A list leaves `layout` out.
#[derive(Serialize)]
struct LayoutView<'a> {
    id: LayoutId,
    venue_id: VenueId,
    name: &'a str,
    version: u32,
    seat_count: u32,
    capacity: u32,
    categories: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    layout: Option<&'a RawValue>,
    created_at: Timestamp,
}

impl<'a> LayoutView<'a> {
    fn new(stored: &'a StoredLayout, layout: Option<&'a RawValue>) -> Self {
        Self {
            id: stored.id,
            venue_id: stored.venue_id,
            name: &stored.name,
            version: stored.version,
            seat_count: stored.summary.seat_count,
            capacity: stored.summary.capacity,
            categories: &stored.summary.categories,
            layout,
            created_at: stored.created_at,
        }
    }
}

fn respond_with_layout(status: u16, stored: &StoredLayout) -> Answer {
    // The document was written by this service: it is passed on, not parsed again.
    let layout: &RawValue = serde_json::from_str(&stored.document).map_err(Problem::internal)?;
    json::response(status, &LayoutView::new(stored, Some(layout)))
}

/// 201 with a layout that was just made, or made before by the same request.
pub fn respond_with_new_layout(stored: &StoredLayout) -> Answer {
    let response = respond_with_layout(201, stored)?;
    Ok(response
        .with_header("location", format!("/api/v1/layouts/{}", stored.id))
        .with_header("etag", etag::of(stored.version.into())))
}

/// 413 and 415, before the body is read.
fn check_body(request: &Request) -> Result<(), Problem> {
    if request.body.len() > MAX_BYTES {
        return Err(Error::BodyTooLarge.into());
    }
    json::check_media_type(request)
}

pub fn create(call: &Call) -> Answer {
    let user = call.user()?;
    check_body(call.request)?;
    let body = layout::read_new_layout(&call.request.body);
    let body = body.map_err(|faults| Error::from_faults(&call.request.body, faults))?;
    check_creation(call.context, body.venue_id, user)?;
    let key = Key::of(call.request, user);
    let stored = create_layout(body.venue_id, body.name, &body.layout, key.as_ref())?;
    respond_with_new_layout(&stored)
}

pub fn get(call: &Call) -> Answer {
    let id = call.id("id", "layout")?;
    let version = call.query().parsed::<u32>("version")?;
    if version == Some(0) {
        return Err(Problem::invalid(
            "/query/version",
            "out_of_range",
            "must be at least 1",
        ));
    }
    let stored = find_layout(id, version, Document::Whole)?;
    let mut response = respond_with_layout(200, &stored)?;
    if version.is_some() {
        response = response.with_header("cache-control", "public, max-age=31536000, immutable");
    }
    Ok(etag::apply(call.request, stored.version.into(), response))
}

pub fn replace(call: &Call) -> Answer {
    let user = call.user()?;
    let newest = find_layout(call.id("id", "layout")?, None, Document::Without)?;
    check_change(call.context, newest.venue_id, user)?;
    if call
        .if_match()?
        .is_some_and(|wanted| wanted != i64::from(newest.version))
    {
        return Err(etag::stale());
    }
    check_body(call.request)?;
    let body = layout::read_next_version(&call.request.body);
    let body = body.map_err(|faults| Error::from_faults(&call.request.body, faults))?;
    let stored = replace_layout(newest, body.name, &body.layout)?;
    let response = respond_with_layout(200, &stored)?;
    Ok(response.with_header("etag", etag::of(stored.version.into())))
}

pub fn list(call: &Call) -> Answer {
    let user = call.user()?;
    let venue: Option<VenueId> = call.query().parsed("venue_id")?;
    let venue =
        venue.ok_or_else(|| Problem::invalid("/query/venue_id", "required", "is missing"))?;
    let page = call.page::<LayoutId>()?;
    check_list(call.context, venue, user)?;
    let layouts = list_layouts(venue, page.after, page.limit + 1)?;
    let views = layouts.iter().map(|stored| LayoutView::new(stored, None));
    json::response(200, &page.list(views.collect(), |view| view.id)?)
}

pub fn schema(_: &Call) -> Answer {
    let headers = vec![(
        "content-type".to_string(),
        "application/schema+json".to_string(),
    )];
    Ok(Response {
        status: 200,
        headers,
        body: layout::SCHEMA.as_bytes().to_vec(),
    })
}

//! Routes of layouts: create, read a version, replace by a new version, list.

use eventhub_guest::creation::Key;
use eventhub_guest::http::{Query, WithHeader};
use eventhub_guest::ids::{LayoutId, VenueId};
use eventhub_guest::page::{PARAMETERS, Page};
use eventhub_guest::problem::Fault;
use eventhub_guest::router::Answer;
use eventhub_guest::{Code, Params, Problem, Request, Response, Timestamp, auth, etag, json};
use serde::Serialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::access;
use crate::layout::{self, Layout, MAX_BYTES};
use crate::store::{self, Document, Stored};

/// A layout as clients see it. A list leaves `layout` out.
#[derive(Serialize)]
struct View<'a> {
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

impl<'a> View<'a> {
    fn of(stored: &'a Stored, layout: Option<&'a RawValue>) -> Self {
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

fn respond(status: u16, stored: &Stored) -> Answer {
    // The document is our own text: passed through, not parsed again.
    let layout: &RawValue = serde_json::from_str(&stored.document).map_err(Problem::internal)?;
    json::response(status, &View::of(stored, Some(layout)))
}

/// 413, 415 and 400 before the layout itself is looked at.
fn check_body(request: &Request) -> Result<(), Problem> {
    if request.body.len() > MAX_BYTES {
        return Err(Problem::new(
            Code::BodyTooLarge,
            "A layout has at most 20 MB.",
        ));
    }
    json::body::<IgnoredAny>(request).map(|_| ())
}

fn rejected(request: &Request, faults: Vec<Fault>) -> Problem {
    if !json::is_json(&request.body) {
        return Problem::new(
            Code::MalformedJson,
            "The body is not JSON: it has text that is not UTF-8, or a number that is too large.",
        );
    }
    let in_layout = faults
        .iter()
        .any(|fault| fault.pointer.starts_with("/layout"));
    Problem::faults(
        if in_layout {
            Code::LayoutInvalid
        } else {
            Code::ValidationFailed
        },
        faults,
    )
}

/// A new layout, stored and answered with 201; the one that the same request has made before, where
/// there is one.
pub fn store_new(venue_id: VenueId, name: String, layout: &Layout, key: Option<&Key>) -> Answer {
    let document = serde_json::to_string(layout).map_err(Problem::internal)?;
    let mut stored = Stored {
        id: LayoutId::new(),
        venue_id,
        version: 1,
        name,
        summary: layout.summary(),
        document,
        created_at: Timestamp::now(),
    };
    if let Some(before) = store::create(&stored, key)?.before()? {
        stored = store::find(before, None, Document::Whole)?
            .ok_or_else(|| Problem::not_found("layout"))?;
    }
    let response = respond(201, &stored)?;
    Ok(response
        .with_header("location", format!("/api/v1/layouts/{}", stored.id))
        .with_header("etag", etag::of(stored.version.into())))
}

pub fn create(request: &Request, _: &Params) -> Answer {
    let user = auth::user(request)?;
    Query::parse(request, &[])?;
    check_body(request)?;
    let body = layout::create(&request.body).map_err(|faults| rejected(request, faults))?;
    access::may_create(body.venue_id, user)?;
    store_new(
        body.venue_id,
        body.name,
        &body.layout,
        Key::of(request, user).as_ref(),
    )
}

pub fn get(request: &Request, params: &Params) -> Answer {
    let id = params.id("id", "layout")?;
    let query = Query::parse(request, &["version"])?;
    let version = query.parsed::<u32>("version")?;
    if version == Some(0) {
        return Err(Problem::invalid(
            "/query/version",
            "out_of_range",
            "must be at least 1",
        ));
    }
    let stored =
        store::find(id, version, Document::Whole)?.ok_or_else(|| Problem::not_found("layout"))?;
    let mut response = respond(200, &stored)?;
    if version.is_some() {
        response = response.with_header("cache-control", "public, max-age=31536000, immutable");
    }
    Ok(etag::apply(request, stored.version.into(), response))
}

pub fn replace(request: &Request, params: &Params) -> Answer {
    let user = auth::user(request)?;
    let id = params.id("id", "layout")?;
    Query::parse(request, &[])?;
    let newest =
        store::find(id, None, Document::Without)?.ok_or_else(|| Problem::not_found("layout"))?;
    access::may_change(newest.venue_id, user)?;
    if etag::required(request)?.is_some_and(|wanted| wanted != i64::from(newest.version)) {
        return Err(etag::stale());
    }
    check_body(request)?;
    let body = layout::replace(&request.body).map_err(|faults| rejected(request, faults))?;
    let document = serde_json::to_string(&body.layout).map_err(Problem::internal)?;
    let next = Stored {
        version: newest.version + 1,
        name: body.name,
        summary: body.layout.summary(),
        document,
        created_at: Timestamp::now(),
        ..newest
    };
    store::add_version(&next).map_err(|error| {
        if error.is_conflict() {
            etag::stale()
        } else {
            error.into()
        }
    })?;
    Ok(respond(200, &next)?.with_header("etag", etag::of(next.version.into())))
}

pub fn list(request: &Request, _: &Params) -> Answer {
    let user = auth::user(request)?;
    let query = Query::parse(request, &[PARAMETERS[0], PARAMETERS[1], "venue_id"])?;
    let venue: Option<VenueId> = query.parsed("venue_id")?;
    let venue =
        venue.ok_or_else(|| Problem::invalid("/query/venue_id", "required", "is missing"))?;
    let page = Page::<LayoutId>::parse(&query)?;
    access::may_list(venue, user)?;
    let found = store::list(venue, page.after, page.limit + 1)?;
    let views = found.iter().map(|stored| View::of(stored, None)).collect();
    json::response(200, &page.list(views, |view| view.id)?)
}

pub fn schema(request: &Request, _: &Params) -> Answer {
    Query::parse(request, &[])?;
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

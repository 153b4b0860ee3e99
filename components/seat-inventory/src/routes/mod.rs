//! HTTP: availability of a session, and holds of the signed-in user.

mod problem;
mod request;

use eventhub_guest::http::{Query, WithHeader, header, no_content};
use eventhub_guest::ids::{HoldId, SessionId};
use eventhub_guest::router::Answer;
use eventhub_guest::{Params, Request, Response, Timestamp, auth, etag, json};
use request::HoldRequest;

use crate::domain::occupancy::Counts;
use crate::ports::Ports;
use crate::service::{Inventory, Name};

/// `GET sessions/{id}/seats`: what is taken. Public.
pub fn seats<P: Ports>(inventory: &Inventory<P>, request: &Request, params: &Params) -> Answer {
    Query::parse(request, &[])?;
    let session: SessionId = params.id("id", "session")?;
    let seats = inventory.seats(session).map_err(problem::of)?;
    let names = inventory
        .names(&seats.sale, &seats.layout)
        .map_err(problem::of)?;
    let Counts { free, held, sold } = seats.occupancy.counts(seats.layout.seat_count);
    let area = |(id, capacity, free): &(String, u32, u32)| {
        format!(
            r#"{}:{{"capacity":{capacity},"free":{free}}}"#,
            serde_json::Value::from(id.as_str())
        )
    };
    let areas: Vec<_> = seats.occupancy.areas.iter().map(area).collect();
    // Thousands of keys are written as text at once, hence no serde here.
    let body = format!(
        r#"{{"session_id":"{session}","layout_id":"{}","layout_version":{},"seq":{},"counts":{{"free":{free},"held":{held},"sold":{sold},"blocked":0}},{},"areas":{{{}}},"as_of":"{}"}}"#,
        seats.sale.layout,
        seats.sale.layout_version,
        seats.seq,
        seats.occupancy.lists(names),
        areas.join(","),
        crate::domain::hold::at_ms(seats.as_of_ms),
    );
    Ok(Response {
        status: 200,
        headers: vec![("content-type".into(), "application/json".into())],
        body: body.into_bytes(),
    })
}

/// `POST sessions/{id}/holds`
pub fn create<P: Ports>(inventory: &Inventory<P>, request: &Request, params: &Params) -> Answer {
    let user = auth::user(request)?;
    Query::parse(request, &[])?;
    let session: SessionId = params.id("id", "session")?;
    let body: HoldRequest = json::body(request)?;
    let asked = body.check()?;
    // The gateway answers a repeated request too, unless its host died before it had noted the
    // first answer.
    let name = header(request, "idempotency-key").map(|key| Name {
        key,
        body: &request.body,
    });
    let hold = inventory
        .hold_named(session, user, &asked, name, Timestamp::now())
        .map_err(|error| problem::of_request(error, &asked))?;
    let location = format!("/api/v1/holds/{}", hold.id);
    Ok(json::response(201, &hold.view(session))?.with_header("location", location))
}

/// `GET holds/{id}`
pub fn get<P: Ports>(inventory: &Inventory<P>, request: &Request, params: &Params) -> Answer {
    let user = auth::user(request)?;
    Query::parse(request, &[])?;
    let id: HoldId = params.id("id", "hold")?;
    let (hold, session) = inventory.find_hold(id, user).map_err(problem::of)?;
    Ok(etag::by_content(
        request,
        json::response(200, &hold.view(session))?,
    ))
}

/// `DELETE holds/{id}`
pub fn release<P: Ports>(inventory: &Inventory<P>, request: &Request, params: &Params) -> Answer {
    let user = auth::user(request)?;
    Query::parse(request, &[])?;
    let id: HoldId = params.id("id", "hold")?;
    inventory.release_hold(id, user).map_err(problem::of)?;
    Ok(no_content())
}

/// `POST holds/{id}/extend`
pub fn extend<P: Ports>(inventory: &Inventory<P>, request: &Request, params: &Params) -> Answer {
    let user = auth::user(request)?;
    Query::parse(request, &[])?;
    let id: HoldId = params.id("id", "hold")?;
    json::nothing(request)?;
    let (hold, session) = inventory.extend(id, user).map_err(problem::of)?;
    json::response(200, &hold.view(session))
}

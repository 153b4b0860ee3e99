//! Routes of the templates: list them, make a layout from one.

use eventhub_guest::creation::Key;
use eventhub_guest::http::Query;
use eventhub_guest::ids::VenueId;
use eventhub_guest::page::{List, PARAMETERS, Page};
use eventhub_guest::router::Answer;
use eventhub_guest::{Check, Params, Problem, Request, auth, json};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::layouts;
use crate::access;
use crate::templates::{self, Template};

#[derive(Serialize)]
struct View {
    name: &'static str,
    title: &'static str,
    description: &'static str,
    /// JSON Schema.
    parameters: Value,
}

pub fn list(request: &Request, _: &Params) -> Answer {
    let page = Page::<usize>::parse(&Query::parse(request, &PARAMETERS)?)?;
    let view = |template: &Template| View {
        name: template.name,
        title: template.title,
        description: template.description,
        parameters: template.schema(),
    };
    let after = page.after.map_or(0, |last| last.saturating_add(1));
    let items = templates::ALL
        .iter()
        .enumerate()
        .skip(after)
        .take(page.limit + 1)
        .collect();
    let List { items, next_cursor } = page.list(items, |(at, _): &(usize, _)| *at)?;
    json::response(
        200,
        &List {
            items: items
                .into_iter()
                .map(|(_, template)| view(template))
                .collect(),
            next_cursor,
        },
    )
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Instantiate {
    venue_id: VenueId,
    name: String,
    parameters: Map<String, Value>,
}

pub fn instantiate(request: &Request, params: &Params) -> Answer {
    let user = auth::user(request)?;
    let name = params.text("name");
    let template = templates::ALL
        .iter()
        .find(|template| template.name == name)
        .ok_or_else(|| Problem::not_found("template"))?;
    Query::parse(request, &[])?;
    // A map first: serde would also take a list for a struct.
    let body: Map<String, Value> = json::body(request)?;
    let body: Instantiate = json::parse(Value::Object(body).to_string().as_bytes())?;

    let mut check = Check::new();
    check.text("/name", &body.name, 1, 200);
    check.that(
        !body.name.contains(['\n', '\t']),
        "/name",
        "invalid_character",
        "must be one line",
    );
    let values = template.values(&body.parameters, &mut check);
    check.finish()?;
    access::may_create(body.venue_id, user)?;
    let built = (template.build)(&values);
    let layout = built
        .map_err(|error| Problem::invalid("/parameters", "too_many_seats", error.to_string()))?;
    layouts::store_new(
        body.venue_id,
        body.name,
        &layout,
        Key::of(request, user).as_ref(),
    )
}

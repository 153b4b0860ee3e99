//! Routes of the templates: list them, make a layout from one.

use eventhub_guest::creation::Key;
use eventhub_guest::ids::VenueId;
use eventhub_guest::page::List;
use eventhub_guest::validate::check_line;
use eventhub_guest::{Answer, Check, Problem, json};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Call, layouts};
use crate::domain::templates::{self, Template};
use crate::usecases::access::check_creation;
use crate::usecases::layouts::create_layout;

#[derive(Serialize)]
struct TemplateView {
    name: &'static str,
    title: &'static str,
    description: &'static str,
    /// JSON Schema.
    parameters: Value,
}

impl TemplateView {
    fn new(template: &Template) -> Self {
        Self {
            name: template.name,
            title: template.title,
            description: template.description,
            parameters: template.schema(),
        }
    }
}

pub fn list(call: &Call) -> Answer {
    let page = call.page::<usize>()?;
    let first = page.after.map_or(0, |last| last.saturating_add(1));
    let templates = templates::ALL.iter().enumerate().skip(first);
    let templates = templates.take(page.limit + 1).collect();
    let List { items, next_cursor } = page.list(templates, |(at, _): &(usize, _)| *at)?;
    let items = items.into_iter();
    json::response(
        200,
        &List {
            items: items
                .map(|(_, template)| TemplateView::new(template))
                .collect(),
            next_cursor,
        },
    )
}

/// The body of an instantiation.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Instantiation {
    venue_id: VenueId,
    name: String,
    parameters: Map<String, Value>,
}

pub fn instantiate(call: &Call) -> Answer {
    let user = call.user()?;
    let name = call.param("name");
    let template = templates::ALL
        .iter()
        .find(|template| template.name == name)
        .ok_or_else(|| Problem::not_found("template"))?;
    let body: Instantiation = call.body()?;
    let mut check = Check::new();
    check_line(&mut check, "/name", &body.name, 1, 200);
    let values = template.check_values(&body.parameters, &mut check);
    check.finish()?;
    check_creation(call.context, body.venue_id, user)?;
    let layout = (template.build)(&values)?;
    let key = Key::of(call.request, user);
    let stored = create_layout(body.venue_id, body.name, &layout, key.as_ref())?;
    layouts::respond_with_new_layout(&stored)
}

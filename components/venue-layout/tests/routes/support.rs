//! A service with a database of its own, and the answers of the services around it.

use std::cell::Cell;
use std::collections::BTreeMap;

use eventhub_guest::ids::{LayoutId, OrganizerId, UserId, VenueId};
use eventhub_guest::native;
use eventhub_native::{Environment, Exchange, post, send};
use serde_json::{Map, Value, json};
use venue_layout::domain::access::Role;
use venue_layout::ports::{Ports, Unavailable};
use venue_layout::routes::router;
use venue_layout::store::venues::register_venue;

pub const DATABASE: &str = "event_db";

pub const EDITOR: UserId = UserId::from_u128(2);
pub const VIEWER: UserId = UserId::from_u128(3);
/// A member of no organizer.
pub const STRANGER: UserId = UserId::from_u128(4);

pub const ORGANIZER: OrganizerId = OrganizerId::from_u128(1);
/// Of other people.
pub const OTHER_ORGANIZER: OrganizerId = OrganizerId::from_u128(2);

pub const VENUE: VenueId = VenueId::from_u128(1);
pub const SECOND_VENUE: VenueId = VenueId::from_u128(2);
/// Of the other organizer.
pub const OTHER_VENUE: VenueId = VenueId::from_u128(3);
pub const UNKNOWN_VENUE: VenueId = VenueId::from_u128(4);

/// The services that the venue-layout service calls.
#[derive(Default)]
pub struct Services {
    pub is_away: Cell<bool>,
}

impl Ports for Services {
    fn role_of(&self, organizer: OrganizerId, user: UserId) -> Result<Option<Role>, Unavailable> {
        if self.is_away.get() {
            return Err(Unavailable::Roles("away".into()));
        }
        Ok(match (organizer, user) {
            (ORGANIZER, EDITOR) => Some(Role::Editor),
            (ORGANIZER, VIEWER) => Some(Role::Viewer),
            _ => None,
        })
    }
}

/// The service under test, with its venues registered.
pub struct Service {
    pub environment: Environment,
    pub services: Services,
}

impl Service {
    pub fn start() -> Self {
        let environment = Environment::start(&[DATABASE]);
        native::set_clock("2030-01-01T12:00:00Z".parse().ok());
        for (venue, organizer) in [
            (VENUE, ORGANIZER),
            (SECOND_VENUE, ORGANIZER),
            (OTHER_VENUE, OTHER_ORGANIZER),
        ] {
            register_venue(venue, organizer).unwrap();
        }
        Self {
            environment,
            services: Services::default(),
        }
    }

    pub fn send(&self, exchange: &Exchange) -> Value {
        send::<dyn Ports>(&router(), &self.services, exchange)
    }

    /// Runs SQL; what it answers without the line's end.
    pub fn sql(&self, text: &str) -> String {
        self.environment.sql(DATABASE, text).trim().to_string()
    }

    /// A layout of the venue.
    pub fn make_layout(&self, venue: VenueId) -> LayoutId {
        let body = with(new_layout(), "venue_id", json!(venue));
        id_of(&self.send(&post("/api/v1/layouts").by(EDITOR).json(&body)))
    }
}

/// The body of a layout.
pub fn new_layout() -> Value {
    json!({"venue_id": VENUE, "name": "Great hall", "layout": layout()})
}

pub fn layout() -> Value {
    json!({
        "sections": [{
            "id": "A", "name": "Stalls", "category": "stalls",
            "rows": [{"id": "1", "seats": [
                {"id": "1", "x": 0, "y": 0, "flags": ["accessible"]},
                {"id": "2", "x": 55, "y": 0},
            ]}],
        }],
        "areas": [{
            "id": "floor", "name": "Standing", "category": "standing", "capacity": 300,
            "polygon": [[0, 100], [500, 100], [500, 600], [0, 600]],
        }],
    })
}

/// The id in an answer.
pub fn id_of(answer: &Value) -> LayoutId {
    let id = answer["body"]["id"].as_str().and_then(|id| id.parse().ok());
    id.unwrap_or_else(|| panic!("no id: {answer}"))
}

/// A body with a member replaced.
pub fn with(mut body: Value, member: &str, value: Value) -> Value {
    body[member] = value;
    body
}

/// Compares answers with the stored ones. Ids of layouts become `lay_1`, `lay_2` by their first
/// appearance.
pub fn assert_answers(name: &str, answers: &[(&str, Value)]) {
    let mut ids = BTreeMap::new();
    let named: Map<_, _> = answers
        .iter()
        .map(|(name, answer)| (name.to_string(), redact(answer, &mut ids)))
        .collect();
    insta::assert_json_snapshot!(name, Value::Object(named));
}

fn redact(value: &Value, ids: &mut BTreeMap<String, String>) -> Value {
    match value {
        Value::String(text) => Value::String(redact_text(text, ids)),
        Value::Array(items) => items.iter().map(|item| redact(item, ids)).collect(),
        Value::Object(members) => {
            let members = members.iter();
            let members = members.map(|(name, value)| (name.clone(), redact(value, ids)));
            Value::Object(members.collect())
        }
        other => other.clone(),
    }
}

/// Replaces the id in a text.
fn redact_text(text: &str, ids: &mut BTreeMap<String, String>) -> String {
    let Some(id) = text.find("lay_").and_then(|at| text.get(at..at + 30)) else {
        return text.to_string();
    };
    if id.parse::<LayoutId>().is_err() {
        return text.to_string();
    }
    let number = ids.len() + 1;
    let name = ids
        .entry(id.to_string())
        .or_insert_with(|| format!("lay_{number}"));
    text.replace(id, name)
}

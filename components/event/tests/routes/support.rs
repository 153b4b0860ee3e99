//! A service with a database of its own, and the answers of the services around it.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};

use event::domain::access::Role;
use event::domain::event::{Event, LayoutRef, Tally};
use event::domain::reference::Layout;
use event::ports::{Error, Ports, Unavailable};
use event::routes::router;
use eventhub_guest::ids::{EventId, LayoutId, OrganizerId, SessionId, UserId, VenueId};
use eventhub_guest::native;
use eventhub_native::{Environment, Exchange, post, send};
use serde_json::{Map, Value, json};

pub const DATABASE: &str = "event_db";

pub const OWNER: UserId = UserId::from_u128(1);
pub const EDITOR: UserId = UserId::from_u128(2);
pub const VIEWER: UserId = UserId::from_u128(3);
/// A member of no organizer.
pub const STRANGER: UserId = UserId::from_u128(4);

pub const ORGANIZER: OrganizerId = OrganizerId::from_u128(1);
/// Of the owner as well.
pub const SECOND_ORGANIZER: OrganizerId = OrganizerId::from_u128(2);
/// Of nobody.
pub const UNKNOWN_ORGANIZER: OrganizerId = OrganizerId::from_u128(3);

/// The time of a test when it starts.
pub const NOW: &str = "2030-01-01T12:00:00Z";

/// The services that the event service calls.
#[derive(Default)]
pub struct Services {
    pub layouts: RefCell<Vec<Layout>>,
    pub registered: RefCell<Vec<(VenueId, OrganizerId)>>,
    pub opened: RefCell<Vec<EventId>>,
    pub closed: RefCell<Vec<EventId>>,
    pub free: RefCell<HashMap<SessionId, Tally>>,
    /// The service that is away: `roles`, `layouts`, `venues`, `sales`.
    pub away: Cell<&'static str>,
    /// Why no seats can be sold.
    pub refusal: Cell<Option<&'static str>>,
}

impl Services {
    fn check(
        &self,
        name: &'static str,
        error: impl FnOnce(String) -> Unavailable,
    ) -> Result<(), Unavailable> {
        if self.away.get() == name {
            Err(error("away".into()))
        } else {
            Ok(())
        }
    }
}

impl Ports for Services {
    fn role_of(&self, organizer: OrganizerId, user: UserId) -> Result<Option<Role>, Unavailable> {
        self.check("roles", Unavailable::Roles)?;
        Ok(match (organizer, user) {
            (ORGANIZER | SECOND_ORGANIZER, OWNER) => Some(Role::Owner),
            (ORGANIZER, EDITOR) => Some(Role::Editor),
            (ORGANIZER, VIEWER) => Some(Role::Viewer),
            _ => None,
        })
    }

    fn find_layout(&self, id: LayoutId, version: Option<u32>) -> Result<Option<Layout>, Error> {
        self.check("layouts", Unavailable::Layouts)?;
        let layouts = self.layouts.borrow();
        let versions = layouts.iter().filter(|layout| layout.version.id == id);
        let newest = versions
            .filter(|layout| version.is_none_or(|version| layout.version.version == version))
            .max_by_key(|layout| layout.version.version);
        Ok(newest.cloned())
    }

    fn register_venue(&self, venue: VenueId, organizer: OrganizerId) -> Result<(), Error> {
        self.check("venues", Unavailable::Venues)?;
        self.registered.borrow_mut().push((venue, organizer));
        Ok(())
    }

    fn open_sale(&self, event: &Event) -> Result<(), Error> {
        self.check("sales", Unavailable::Sales)?;
        if let Some(cause) = self.refusal.get() {
            return Err(Error::SaleRefused(cause.into()));
        }
        self.opened.borrow_mut().push(event.id);
        Ok(())
    }

    fn close_sale(&self, event: EventId) -> Result<(), Error> {
        self.check("sales", Unavailable::Sales)?;
        self.closed.borrow_mut().push(event);
        Ok(())
    }

    fn count_places(&self, sessions: &[SessionId]) -> Result<HashMap<SessionId, Tally>, Error> {
        self.check("sales", Unavailable::Sales)?;
        let free = self.free.borrow();
        let known = sessions.iter().filter_map(|id| Some((*id, *free.get(id)?)));
        Ok(known.collect())
    }
}

/// The service under test.
pub struct Service {
    pub environment: Environment,
    pub services: Services,
}

impl Service {
    pub fn start() -> Self {
        let environment = Environment::start(&[DATABASE]);
        native::set_clock(NOW.parse().ok());
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

    /// A venue of the organizer.
    pub fn make_venue(&self) -> VenueId {
        let answer = self.send(&post("/api/v1/venues").by(OWNER).json(&new_venue()));
        id_of(&answer)
    }

    /// A layout of the venue with 10 seats in the category `stalls`.
    pub fn make_layout(&self, venue_id: VenueId, version: u32) -> LayoutId {
        let id = LayoutId::from_u128(venue_id.as_u128());
        self.services.layouts.borrow_mut().push(Layout {
            venue_id,
            version: LayoutRef {
                id,
                version,
                capacity: 10,
            },
            categories: vec!["stalls".into()],
        });
        id
    }

    /// The body of an event at a venue of its own.
    pub fn new_event(&self) -> Value {
        let venue = self.make_venue();
        new_event(venue, self.make_layout(venue, 1))
    }

    /// A draft.
    pub fn make_draft(&self) -> EventId {
        self.make_draft_of(&self.new_event())
    }

    /// A draft by this body.
    pub fn make_draft_of(&self, body: &Value) -> EventId {
        id_of(&self.send(&post("/api/v1/events").by(EDITOR).json(body)))
    }

    /// A published event.
    pub fn make_published(&self) -> EventId {
        let event = self.make_draft();
        self.publish(event);
        event
    }

    pub fn publish(&self, event: EventId) {
        let answer = self.send(&post(&format!("/api/v1/events/{event}/publish")).by(EDITOR));
        assert_eq!(answer["status"], 200, "{answer}");
    }

    /// The sale of a session of its own, as the seat-inventory service opens it.
    pub fn open_sale(&self, event: EventId) {
        self.sql(&open_sale_sql(event));
    }

    /// The statuses of all sales of the event, then that of the event.
    pub fn statuses(&self, event: EventId) -> String {
        let id = uuid_sql(event);
        self.sql(&format!(
            "SELECT string_agg(status, ' ') FROM (\
                SELECT status FROM sale_sessions WHERE event_id = {id} UNION ALL \
                SELECT status FROM events WHERE id = {id}) s"
        ))
    }
}

pub fn open_sale_sql(event: EventId) -> String {
    format!(
        "INSERT INTO sale_sessions (session_id, event_id, layout_id, layout_version, currency, \
            categories, max_seats, starts_at, status, seat_count, capacity) \
         VALUES (gen_random_uuid(), {}, gen_random_uuid(), 1, 'EUR', '[]', 10, now(), 'on_sale', \
            10, 10)",
        uuid_sql(event)
    )
}

pub fn uuid_sql(event: EventId) -> String {
    format!("'{:032x}'::uuid", event.as_u128())
}

/// The body of a venue.
pub fn new_venue() -> Value {
    json!({
        "organizer_id": ORGANIZER, "name": "Zenith", "time_zone": "Europe/Berlin",
        "address": {"line1": "Hauptstrasse 1", "city": "Berlin", "postal_code": "10115", "country": "DE"},
        "location": {"latitude": 52.52, "longitude": 13.405},
    })
}

/// The body of an event.
pub fn new_event(venue: VenueId, layout: LayoutId) -> Value {
    json!({
        "organizer_id": ORGANIZER, "venue_id": venue, "layout_id": layout,
        "title": "A night of strings", "currency": "EUR", "tags": ["Classical"],
        "categories": [{"id": "stalls", "name": "Stalls", "price": 4500}],
        "sessions": [{"starts_at": "2030-05-01T18:30:00Z", "ends_at": "2030-05-01T21:00:00Z"}],
    })
}

/// The id in an answer.
pub fn id_of<T: std::str::FromStr>(answer: &Value) -> T {
    let id = answer["body"]["id"].as_str().and_then(|id| id.parse().ok());
    id.unwrap_or_else(|| panic!("no id: {answer}"))
}

/// A body with a member replaced.
pub fn with(mut body: Value, member: &str, value: Value) -> Value {
    body[member] = value;
    body
}

/// Compares answers with the stored ones. Ids become `evt_1`, `evt_2` by their first appearance,
/// cursors become `[cursor]`.
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
            let members = members.iter().map(|(name, value)| {
                let value = match name.as_str() {
                    "next_cursor" if value.is_string() => json!("[cursor]"),
                    _ => redact(value, ids),
                };
                (name.clone(), value)
            });
            Value::Object(members.collect())
        }
        other => other.clone(),
    }
}

/// Replaces every id in a text.
fn redact_text(text: &str, ids: &mut BTreeMap<String, String>) -> String {
    const ID: usize = 30;
    let mut redacted = text.to_string();
    for prefix in ["org_", "ven_", "lay_", "evt_", "ses_"] {
        let found: Vec<_> = redacted
            .match_indices(prefix)
            .filter_map(|(at, _)| redacted.get(at..at + ID))
            .filter(|id| id[4..].bytes().all(|byte| byte.is_ascii_alphanumeric()))
            .map(String::from)
            .collect();
        for id in found {
            let number = ids.keys().filter(|known| known.starts_with(prefix)).count() + 1;
            let name = ids
                .entry(id.clone())
                .or_insert_with(|| format!("{prefix}{number}"));
            redacted = redacted.replace(&id, name);
        }
    }
    redacted
}

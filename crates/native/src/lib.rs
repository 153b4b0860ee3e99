//! Runs a service natively, in a test: its routes, rules and SQL on a real PostgreSQL and a real
//! Redis, through the same clients that the host uses. What the service calls of other services is
//! its `Ports`, which the test gives.
//!
//! ```ignore
//! let environment = Environment::start(&["event_db"]);
//! let answer = send(&routes::router(), &ports, &get("/api/v1/events").by(user));
//! insta::assert_json_snapshot!(answer, { ".body.id" => "[id]" });
//! ```
//!
//! The servers are started once for a test process. Each [`Environment`] has migrated databases of
//! its own, cloned from a template within milliseconds, and an empty database of Redis.

mod backend;
mod exchange;
mod openapi;
mod servers;
mod values;

use std::cell::RefCell;
use std::rc::Rc;

use eventhub_guest::bindings::eventhub::kafka::types::{Delivery, Message};
use eventhub_guest::native;
use serde_json::Value;

use backend::HostClients;
pub use backend::{Handle, Session};
pub use exchange::{Exchange, delete, get, patch, post, put, send};
pub use openapi::check_openapi;

/// The databases and the Redis of one test, set as the backend of its thread.
pub struct Environment {
    clients: Rc<HostClients>,
}

impl Environment {
    /// Makes the databases (`event_db`, as `migrations/` has them), and sets this thread's backend
    /// and clock (to the system's).
    ///
    /// # Panics
    /// When a server does not start or a migration fails.
    #[must_use]
    pub fn start(databases: &[&str]) -> Self {
        let clients = Rc::new(HostClients::start(databases));
        native::set_backend(clients.clone());
        native::set_clock(None);
        Self { clients }
    }

    /// Runs SQL text as a test's own arrangement or question: rows as lines, fields separated by
    /// `|`.
    ///
    /// # Panics
    /// With what the server says.
    pub fn sql(&self, database: &str, text: &str) -> String {
        self.clients.psql(database, text)
    }

    /// The facts in the outbox of a database, the oldest first: name and payload.
    pub fn facts(&self, database: &str) -> Vec<(String, Value)> {
        let deliveries = self.deliveries(database);
        let facts = deliveries.into_iter().map(|delivery| {
            let name = header(&delivery.message, "eventType");
            let payload = serde_json::from_slice(&delivery.message.value).unwrap_or(Value::Null);
            (name, payload)
        });
        facts.collect()
    }

    /// The facts in the outbox of a database as their consumers get them.
    ///
    /// # Panics
    /// When the database has no outbox.
    pub fn deliveries(&self, database: &str) -> Vec<Delivery> {
        const READ: &str = "SELECT json_build_object('id', id, 'type', type, 'topic', \
            'outbox.event.' || aggregatetype, 'key', aggregateid, \
            'payload', json_strip_nulls(payload::json)) FROM outbox ORDER BY occurred_at_us, id";
        let rows = self.sql(database, READ);
        let delivery = |(offset, line): (usize, &str)| {
            let row: Value = serde_json::from_str(line)
                .unwrap_or_else(|error| panic!("a row of the outbox is no JSON: {error}: {line}"));
            let text = |member: &str| row[member].as_str().unwrap_or_default().to_string();
            Delivery {
                message: Message {
                    topic: text("topic"),
                    key: Some(text("key").into_bytes()),
                    headers: vec![
                        ("id".into(), text("id")),
                        ("eventType".into(), text("type")),
                    ],
                    value: row["payload"].to_string().into_bytes(),
                },
                partition: 0,
                offset: offset as i64,
                timestamp: 0,
                attempt: 1,
            }
        };
        rows.lines().enumerate().map(delivery).collect()
    }

    /// The live topics that the service has notified, in order.
    pub fn notified(&self) -> Vec<String> {
        RefCell::borrow(&self.clients.notified).clone()
    }

    /// Messages that the service has published by itself, not through its outbox.
    pub fn published(&self) -> Vec<Message> {
        RefCell::borrow(&self.clients.published).clone()
    }

    /// This test's backend, for a test that sets its own in front of it.
    pub fn backend(&self) -> Rc<dyn native::Backend> {
        self.clients.clone()
    }

    /// This environment for other threads of the test.
    pub fn handle(&self) -> Handle {
        self.clients.handle()
    }

    /// A way to run SQL beside this thread.
    pub fn session(&self, database: &str) -> Session {
        self.clients.session(database)
    }

    /// Ends every connection to a database and refuses new ones, as if the server were away.
    pub fn cut_off(&self, database: &str) {
        self.clients.cut_off(database);
    }

    /// Empties this test's Redis, as a restart without persistence does.
    pub fn flush_redis(&self) {
        self.clients.flush_redis();
    }
}

impl Handle {
    /// Sets the environment as the backend of this thread, which records its own notifications.
    #[must_use]
    pub fn attach(&self) -> Environment {
        let clients = Rc::new(HostClients::from_handle(self));
        native::set_backend(clients.clone());
        Environment { clients }
    }
}

fn header(message: &Message, name: &str) -> String {
    let mut headers = message.headers.iter();
    headers
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.clone())
        .unwrap_or_default()
}

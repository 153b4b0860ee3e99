//! Statements on the schema as the migrations make it, in a real PostgreSQL.

use eventhub_guest::ids::UserId;
use eventhub_guest::testing::prepared;
use eventhub_guest::{Request, http};
use eventhub_testing::Postgres;

use super::*;

const DATABASE: &str = "event_db";
struct Server(Postgres);

impl Server {
    fn start() -> Self {
        let server = Self(Postgres::migrated(DATABASE).unwrap());
        server.run(
            "INSERT INTO venues (id, organizer_id, name, time_zone, line1, city, postal_code, country, created_at) \
             VALUES (gen_random_uuid(), gen_random_uuid(), 'Hall', 'Europe/Berlin', 'Street 1', 'Berlin', '1', 'DE', now())",
        );
        server
    }

    fn run(&self, text: &str) -> String {
        self.0.psql(DATABASE, text).unwrap().trim().to_string()
    }

    /// A draft of version 1.
    fn draft(&self, id: u128) -> EventId {
        let id = EventId::from_u128(id);
        self.run(&format!(
            "INSERT INTO events (id, organizer_id, venue_id, layout_id, layout_version, layout_capacity, title, slug, description, status, currency, \
                 categories, tags, max_seats_per_booking, first_starts_at, last_starts_at, search_words, created_at, updated_at) \
             SELECT {}, organizer_id, id, gen_random_uuid(), 1, 10, 'Night', 'night', '', 'draft', 'EUR', '[]', '{{}}', 10, now(), now(), '', now(), now() \
             FROM venues",
            literal(&id)
        ));
        id
    }

    /// Status of all sales of the event, and of the event.
    fn statuses(&self, event: EventId) -> String {
        let id = literal(&event);
        self.run(&format!(
            "SELECT string_agg(status, ' ') FROM (SELECT status FROM sale_sessions WHERE event_id = {id} UNION ALL SELECT status FROM events WHERE id = {id}) s"
        ))
    }

    /// The first in a transaction that is held open while the second begins; what comes of both.
    fn race(&self, first: &str, second: &str) {
        std::thread::scope(|scope| {
            scope.spawn(|| self.run(&format!("BEGIN; {first}; SELECT pg_sleep(1); COMMIT")));
            self.0.wait_until_it_sleeps(DATABASE).unwrap();
            self.run(second);
        });
    }
}

/// A sale of a session of its own, as the seat inventory opens it.
fn open(event: EventId) -> String {
    format!(
        "INSERT INTO sale_sessions (session_id, event_id, layout_id, layout_version, currency, categories, max_seats, starts_at, status, seat_count, capacity) \
         VALUES (gen_random_uuid(), {}, gen_random_uuid(), 1, 'EUR', '[]', 10, now(), 'on_sale', 10, 10)",
        literal(&event)
    )
}

fn cancel(event: EventId, version: i64) -> String {
    prepared(
        &sql(CANCEL)
            .bind(event)
            .bind(version)
            .bind(Timestamp::from_micros(1_800_000_000_000_000))
            .bind("The singer is ill."),
    )
}

fn literal(id: &EventId) -> String {
    format!("'{:032x}'::uuid", id.as_u128())
}

#[test]
fn no_sale_outlives_the_cancellation_of_its_event_however_they_meet() {
    let server = Server::start();
    let [cancelled, other] = [1, 2].map(|id| server.draft(id));
    for event in [cancelled, cancelled, other] {
        server.run(&open(event));
    }
    // Of a version that it does not have: nothing happens, to the sales neither.
    server.run(&cancel(cancelled, 7));
    assert_eq!(server.statuses(cancelled), "on_sale on_sale draft");
    server.run(&cancel(cancelled, 1));
    assert_eq!(server.statuses(cancelled), "closed closed cancelled");
    server.run(&open(cancelled));
    assert_eq!(server.statuses(cancelled), "closed closed closed cancelled");
    assert_eq!(server.statuses(other), "on_sale draft");

    let [opens_first, opens_second] = [3, 4].map(|id| server.draft(id));
    server.race(&open(opens_first), &cancel(opens_first, 1));
    server.race(&cancel(opens_second, 1), &open(opens_second));
    assert_eq!(
        [opens_first, opens_second].map(|event| server.statuses(event)),
        ["closed cancelled", "closed cancelled"]
    );
}

#[test]
fn without_the_look_at_its_event_a_sale_would_outlive_the_cancellation() {
    let server = Server::start();
    server.run("ALTER TABLE sale_sessions DISABLE TRIGGER sale_sessions_of_cancelled_events");
    let [opens_first, opens_second] = [1, 2].map(|id| server.draft(id));
    server.race(&open(opens_first), &cancel(opens_first, 1));
    server.race(&cancel(opens_second, 1), &open(opens_second));
    assert_eq!(
        [opens_first, opens_second].map(|event| server.statuses(event)),
        ["on_sale cancelled", "on_sale cancelled"]
    );
}

#[test]
fn a_key_is_spent_once_by_each_user_and_tells_what_was_made_with_it() {
    let server = Server::start();
    let headers = vec![("idempotency-key".into(), "k".into())];
    let request = Request {
        headers,
        body: b"{}".to_vec(),
        ..http::request("POST", "/api/v1/events")
    };
    let [ours, anothers] = [1, 2].map(|user| Key::of(&request, UserId::from_u128(user)).unwrap());
    let [first, second] = [1, 2].map(EventId::from_u128);
    server.run(&prepared(&ours.spend(first)));
    let again = server
        .0
        .psql(DATABASE, &prepared(&ours.spend(second)))
        .unwrap_err()
        .to_string();
    assert!(again.contains("creation_keys_pkey"), "{again}");
    server.run(&prepared(&anothers.spend(second)));
    let spent = server.run(&prepared(&ours.spent()));
    assert!(
        spent.ends_with("|00000000-0000-0000-0000-000000000001"),
        "{spent}"
    );
}

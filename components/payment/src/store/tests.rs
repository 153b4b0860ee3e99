//! Statements on the schema as the migrations make it, in a real PostgreSQL.

use eventhub_testing::Postgres;

use super::*;

const DATABASE: &str = "payment_db";

struct Server(Postgres);

impl Server {
    fn start() -> Self {
        Self(Postgres::migrated(DATABASE).unwrap())
    }

    fn run(&self, text: &str) -> String {
        self.0.psql(DATABASE, text).unwrap().trim().to_string()
    }

    /// A payment whose intent has the name, to be checked at that time.
    fn payment(&self, intent: &str, status: &str, check: &str) {
        self.run(&format!(
            "INSERT INTO payments (id, booking_id, user_id, provider, status, amount, currency, intent_key, provider_intent_id, expires_at, next_check_at) \
             VALUES (gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'stripe', '{status}', 4500, 'EUR', 'k', '{intent}', now(), {check})"
        ));
    }

    fn hasten(&self, seconds: u32) {
        self.run(&format!("PREPARE it AS {HASTEN}; EXECUTE it({seconds})"));
    }

    /// The intent of the payment that a caller gets now.
    fn take(&self) -> String {
        self.run(&intent_of(TAKE))
    }
}

fn intent_of(take: &str) -> String {
    format!("WITH taken AS ({take}) SELECT provider_intent_id FROM taken")
}

#[test]
fn each_open_payment_is_taken_once_the_one_that_is_due_longest_first() {
    let server = Server::start();
    server.payment("second", "processing", "now() - interval '10 s'");
    server.payment("first", "requires_payment", "now() - interval '20 s'");
    server.payment("third", "refunding", "now()");
    server.payment("later", "requires_payment", "now() + interval '10 s'");
    for ended in [
        "created",
        "succeeded",
        "cancelled",
        "refunded",
        "quarantined",
    ] {
        server.payment(ended, ended, "now() - interval '30 s'");
    }
    assert_eq!(
        [(); 5].map(|()| server.take()),
        ["first", "second", "third", "", ""]
    );
    let again = "SELECT count(*) FROM payments WHERE provider_intent_id IN ('first', 'second', 'third') \
        AND next_check_at BETWEEN now() + interval '5 s' AND now() + interval '25 s'";
    assert_eq!(server.run(again), "3");
}

#[test]
fn two_who_take_at_once_get_two_payments_and_neither_waits_for_the_other() {
    let server = Server::start();
    server.payment("first", "requires_payment", "now() - interval '20 s'");
    server.payment("second", "requires_payment", "now() - interval '10 s'");
    std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            server.run(&format!(
                "BEGIN; {}; SELECT pg_sleep(2); COMMIT",
                intent_of(TAKE)
            ))
        });
        server.0.wait_until_it_sleeps(DATABASE).unwrap();
        // As it would be without the clause that is to be tested.
        let waits = format!(
            "SET lock_timeout = '100 ms'; {}",
            intent_of(&TAKE.replace(" SKIP LOCKED", ""))
        );
        assert!(
            server
                .0
                .psql(DATABASE, &waits)
                .unwrap_err()
                .to_string()
                .contains("lock timeout")
        );
        assert_eq!(server.take(), "second");
        assert_eq!(other.join().unwrap(), "first");
    });
}

#[test]
fn a_payment_of_which_a_webhook_told_too_early_is_asked_about_at_once() {
    let server = Server::start();
    server.payment("overdue", "requires_payment", "now() - interval '1 hour'");
    server.payment("told", "requires_payment", "now() + interval '15 s'");
    server.payment(
        "told of another",
        "requires_payment",
        "now() + interval '15 s'",
    );
    server.run(
        "INSERT INTO webhook_events (provider, event_id, kind, intent_id) VALUES ('stripe', 'evt_1', 'x', 'told'), ('stripe', 'evt_2', 'x', 'told'), \
         ('stripe', 'evt_3', 'x', 'of nobody'), ('stripe', 'evt_4', 'x', NULL), ('other', 'evt_5', 'x', 'told of another')",
    );
    server.hasten(60);
    assert_eq!([(); 3].map(|()| server.take()), ["told", "overdue", ""]);
    let waiting = "SELECT string_agg(event_id, ' ' ORDER BY event_id) FROM webhook_events WHERE applied_at IS NULL";
    assert_eq!(server.run(waiting), "evt_3 evt_4 evt_5");
    // Told of no second time.
    server.hasten(60);
    assert_eq!(server.take(), "");
    // One whose intent became known long after.
    server.payment(
        "told long ago",
        "requires_payment",
        "now() + interval '15 s'",
    );
    server.run(
        "INSERT INTO webhook_events (provider, event_id, kind, intent_id, received_at) \
         VALUES ('stripe', 'evt_6', 'x', 'told long ago', now() - interval '1 hour')",
    );
    server.hasten(60);
    assert_eq!(server.take(), "");
    server.hasten(86_400);
    assert_eq!(server.take(), "told long ago");
}

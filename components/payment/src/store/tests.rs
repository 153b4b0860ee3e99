//! The statements on the schema as the migrations make it, in a real PostgreSQL.

use eventhub_native::Environment;

use super::*;

const DATABASE: &str = "payment_db";

struct Store(Environment);

impl Store {
    fn start() -> Self {
        Self(Environment::start(&[DATABASE]))
    }

    fn run(&self, text: &str) -> String {
        self.0.sql(DATABASE, text).trim().to_string()
    }

    /// A payment whose intent has the name, to be checked at that time.
    fn payment(&self, intent: &str, status: &str, check: &str) {
        self.run(&format!(
            "INSERT INTO payments (id, booking_id, user_id, provider, status, amount, currency, \
             intent_key, provider_intent_id, expires_at, next_check_at) \
             VALUES (gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), 'stripe', '{status}', \
             4500, 'EUR', 'k', '{intent}', now(), {check})"
        ));
    }

    fn requeue(&self, seconds: u64) {
        requeue_unmatched_webhooks(Duration::from_secs(seconds)).unwrap();
    }

    /// The intent of the payment that a caller gets now; empty where none is due.
    fn claim(&self) -> String {
        let payment = claim_next_due().unwrap();
        payment
            .and_then(|payment| payment.intent_id)
            .unwrap_or_default()
    }
}

#[test]
fn an_open_payment_is_claimed_once_longest_due_first() {
    let store = Store::start();
    store.payment("second", "processing", "now() - interval '10 s'");
    store.payment("first", "requires_payment", "now() - interval '20 s'");
    store.payment("third", "refunding", "now()");
    store.payment("later", "requires_payment", "now() + interval '10 s'");
    for ended in [
        "created",
        "succeeded",
        "cancelled",
        "refunded",
        "quarantined",
    ] {
        store.payment(ended, ended, "now() - interval '30 s'");
    }
    assert_eq!(
        [(); 5].map(|()| store.claim()),
        ["first", "second", "third", "", ""]
    );
    let again = "SELECT count(*) FROM payments WHERE provider_intent_id IN ('first', 'second', 'third') \
        AND next_check_at BETWEEN now() + interval '5 s' AND now() + interval '25 s'";
    assert_eq!(store.run(again), "3");
}

#[test]
fn two_claims_at_once_get_two_payments_and_do_not_wait() {
    let store = Store::start();
    store.payment("first", "requires_payment", "now() - interval '20 s'");
    store.payment("second", "requires_payment", "now() - interval '10 s'");
    let session = store.0.session(DATABASE);
    let claim =
        |claim: &str| format!("WITH claimed AS ({claim}) SELECT provider_intent_id FROM claimed");
    // The same claim without the clause under test waits.
    let waits = format!(
        "SET lock_timeout = '100 ms'; {}",
        claim(&CLAIM_NEXT_DUE.replace(" SKIP LOCKED", ""))
    );
    std::thread::scope(|scope| {
        let other = scope.spawn(|| {
            session.sql(&format!(
                "BEGIN; {}; SELECT pg_sleep(2); COMMIT",
                claim(CLAIM_NEXT_DUE)
            ))
        });
        session.wait_until_it_sleeps();
        let panic = scope.spawn(|| session.sql(&waits)).join().unwrap_err();
        let refusal = panic.downcast_ref::<String>().unwrap();
        assert!(refusal.contains("lock timeout"), "{refusal}");
        assert_eq!(store.claim(), "second");
        assert_eq!(other.join().unwrap().trim(), "first");
    });
}

#[test]
fn a_webhook_that_came_too_early_makes_its_payment_due() {
    let store = Store::start();
    store.payment("overdue", "requires_payment", "now() - interval '1 hour'");
    store.payment("reported", "requires_payment", "now() + interval '15 s'");
    store.payment(
        "reported by another",
        "requires_payment",
        "now() + interval '15 s'",
    );
    store.run(
        "INSERT INTO webhook_events (provider, event_id, kind, intent_id) VALUES ('stripe', 'evt_1', 'x', 'reported'), ('stripe', 'evt_2', 'x', 'reported'), \
         ('stripe', 'evt_3', 'x', 'of nobody'), ('stripe', 'evt_4', 'x', NULL), ('other', 'evt_5', 'x', 'reported by another')",
    );
    store.requeue(60);
    assert_eq!([(); 3].map(|()| store.claim()), ["reported", "overdue", ""]);
    let waiting = "SELECT string_agg(event_id, ' ' ORDER BY event_id) FROM webhook_events WHERE applied_at IS NULL";
    assert_eq!(store.run(waiting), "evt_3 evt_4 evt_5");
    // It is not made due a second time.
    store.requeue(60);
    assert_eq!(store.claim(), "");
    // The intent of this one became known long after its webhook.
    store.payment(
        "reported long ago",
        "requires_payment",
        "now() + interval '15 s'",
    );
    store.run(
        "INSERT INTO webhook_events (provider, event_id, kind, intent_id, received_at) \
         VALUES ('stripe', 'evt_6', 'x', 'reported long ago', now() - interval '1 hour')",
    );
    store.requeue(60);
    assert_eq!(store.claim(), "");
    store.requeue(86_400);
    assert_eq!(store.claim(), "reported long ago");
}

//! The service's tick.

use eventhub_guest::Timestamp;
use eventhub_guest::bindings::eventhub::timers::types::Tick;
use identity::timers::run_tick;

use crate::support::{NOW, Service};

fn tick_at(now: &str) {
    let now: Timestamp = now.parse().unwrap();
    let tick = Tick {
        now: now.micros(),
        traceparent: String::new(),
    };
    run_tick(&(), &tick).unwrap();
}

#[test]
fn tokens_are_deleted_once_they_have_expired() {
    let service = Service::start();
    // One family, not expired, that has more expired tokens than one statement deletes; a used token
    // that expires now; one that expires later. And a family whose only token has expired.
    for text in [
        "INSERT INTO users (id, email, email_key, name, password_hash) \
         VALUES (gen_random_uuid(), 'a@b.c', 'a@b.c', 'A', '')",
        "INSERT INTO refresh_families SELECT gen_random_uuid(), id, '2030-01-01T12:01:00Z' FROM users",
        "INSERT INTO refresh_tokens SELECT sha256(n::text::bytea), id, '2030-01-01T11:59:59Z', \
         '2029-01-01Z' FROM refresh_families, generate_series(1, 1500) n",
        "INSERT INTO refresh_tokens SELECT decode(repeat('01', 32), 'hex'), id, \
         '2030-01-01T12:00:00Z', '2030-01-01T11:59:59Z' FROM refresh_families",
        "INSERT INTO refresh_tokens SELECT decode(repeat('02', 32), 'hex'), id, \
         '2030-01-01T12:01:00Z', NULL FROM refresh_families",
        "INSERT INTO refresh_families SELECT gen_random_uuid(), id, '2030-01-01T11:00:00Z' FROM users",
        "INSERT INTO refresh_tokens SELECT decode(repeat('03', 32), 'hex'), id, expires_at, NULL \
         FROM refresh_families WHERE expires_at < '2030-01-01T12:00:00Z'",
    ] {
        service.sql(text);
    }
    tick_at(NOW);
    let left = "SELECT string_agg(substr(token_hash::text, 3, 2), ' ' ORDER BY token_hash) FROM refresh_tokens";
    assert_eq!(service.sql(left), "01 02");
    assert_eq!(service.sql("SELECT count(*) FROM refresh_families"), "1");
}

#[test]
fn the_next_key_is_made_before_it_signs() {
    let service = Service::start();
    tick_at(NOW);
    tick_at("2030-01-20T12:00:00Z");
    assert_eq!(service.sql("SELECT count(*) FROM signing_keys"), "1");
    tick_at("2030-01-29T12:00:00Z");
    tick_at("2030-01-29T12:01:00Z");
    let next = "SELECT generation, not_before = '2030-01-31T12:00:00Z' FROM signing_keys ORDER BY 1 DESC LIMIT 1";
    assert_eq!(service.sql(next), "2|t");
    // The first one has been retired for longer than its tokens live.
    tick_at("2030-01-31T14:00:00Z");
    assert_eq!(service.sql("SELECT generation FROM signing_keys"), "2");
}

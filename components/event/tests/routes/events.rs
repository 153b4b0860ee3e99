//! Events: make a draft, read, change.

use eventhub_guest::ids::EventId;
use eventhub_native::{Exchange, get, patch, post};
use serde_json::{Value, json};

use super::support::*;

fn path(event: EventId) -> String {
    format!("/api/v1/events/{event}")
}

fn change(event: EventId, body: &Value) -> Exchange {
    let exchange = patch(&path(event)).by(EDITOR).json(body);
    exchange.header("if-match", "*")
}

#[test]
fn an_event_is_made_and_read() {
    let service = Service::start();
    let body = service.new_event();
    let made = service.send(&post("/api/v1/events").by(EDITOR).json(&body));
    let event = id_of(&made);
    let read = service.send(&get(&path(event)).by(VIEWER));
    assert_eq!(made["body"], read["body"]);
    assert_answers("event", &[("made", made), ("read by a member", read)]);
}

#[test]
fn an_event_is_refused_with_its_reason() {
    let service = Service::start();
    let body = service.new_event();
    let make = |body: Value| service.send(&post("/api/v1/events").by(OWNER).json(&body));
    let by = |user| service.send(&post("/api/v1/events").by(user).json(&body));
    let replaced = |member: &str, value: Value| make(with(body.clone(), member, value));
    let others_venue = {
        let venue = with(new_venue(), "organizer_id", json!(SECOND_ORGANIZER));
        let made = service.send(&post("/api/v1/venues").by(OWNER).json(&venue));
        made["body"]["id"].clone()
    };
    let second_venue = service.make_venue();
    let others_layout = service.make_layout(second_venue, 1);
    let answers = [
        (
            "without a token",
            service.send(&post("/api/v1/events").json(&body)),
        ),
        ("by a viewer", by(VIEWER)),
        ("by a stranger", by(STRANGER)),
        (
            "at a venue of another organizer",
            replaced("venue_id", others_venue),
        ),
        (
            "with a layout of another venue",
            replaced("layout_id", json!(others_layout)),
        ),
        (
            "without a price for a category",
            replaced(
                "categories",
                json!([{"id": "box", "name": "Box", "price": 1}]),
            ),
        ),
        (
            "with two faults",
            make(with(
                with(body.clone(), "title", json!("")),
                "max_seats_per_booking",
                json!(0),
            )),
        ),
        ("without a currency", replaced("currency", json!(null))),
    ];
    assert_answers("event_refused", &answers);
    assert_eq!(service.sql("SELECT count(*) FROM events"), "0");
}

#[test]
fn an_event_without_its_layout_service_is_503() {
    let service = Service::start();
    let body = service.new_event();
    service.services.away.set("layouts");
    let answer = service.send(&post("/api/v1/events").by(OWNER).json(&body));
    assert_answers("event_unavailable", &[("layouts away", answer)]);
}

#[test]
fn a_repeated_key_makes_one_event() {
    let service = Service::start();
    let body = service.new_event();
    let make = |body: &Value| {
        let make = post("/api/v1/events").by(OWNER).json(body);
        service.send(&make.header("idempotency-key", "k"))
    };
    let first = make(&body);
    assert_eq!(first, make(&body));
    let other = make(&with(body, "title", json!("Another night")));
    assert_eq!(other["body"]["code"], "idempotency_key_reused");
    assert_eq!(service.sql("SELECT count(*) FROM events"), "1");
}

#[test]
fn a_draft_is_hidden_from_strangers() {
    let service = Service::start();
    let draft = service.make_draft();
    let answers = [
        ("read by nobody", service.send(&get(&path(draft)))),
        (
            "read by a stranger",
            service.send(&get(&path(draft)).by(STRANGER)),
        ),
        (
            "changed by a stranger",
            service.send(&change(draft, &json!({})).by(STRANGER)),
        ),
        ("a malformed id", service.send(&get("/api/v1/events/1"))),
    ];
    assert_answers("draft_hidden", &answers);
}

#[test]
fn a_draft_changes_in_all_its_members() {
    let service = Service::start();
    let draft = service.make_draft();
    let before = service.send(&get(&path(draft)).by(OWNER));
    let session = before["body"]["sessions"][0]["id"].clone();
    let venue = service.make_venue();
    let layout = service.make_layout(venue, 1);
    let answers = [
        (
            "words and times",
            service.send(&change(
                draft,
                &json!({
                    "title": "Another night", "description": "Bring a coat.", "tags": ["A", "b"],
                    "max_seats_per_booking": 4,
                    "sessions": [
                        {"starts_at": "2030-06-01T18:30:00Z", "ends_at": "2030-06-01T21:00:00Z"},
                        {"id": session, "starts_at": "2030-05-02T18:30:00Z", "ends_at": "2030-05-02T21:00:00Z",
                         "sales_start_at": "2030-02-01T00:00:00Z", "sales_end_at": "2030-05-02T18:00:00Z"},
                    ],
                }),
            )),
        ),
        (
            "another venue and currency: other sessions",
            service.send(&change(
                draft,
                &json!({"venue_id": venue, "layout_id": layout, "currency": "USD"}),
            )),
        ),
        (
            "nothing, also by null",
            service.send(&change(draft, &json!({"title": null}))),
        ),
    ];
    assert_answers("event_changed", &answers);
    let read = service.send(&get(&path(draft)).by(OWNER));
    assert_eq!(read["body"], answers[2].1["body"]);
    assert_eq!(service.sql("SELECT count(*) FROM sessions"), "2");
}

#[test]
fn a_named_layout_is_taken_in_its_newest_version() {
    let service = Service::start();
    let body = service.new_event();
    let draft = service.make_draft_of(&body);
    let venue = body["venue_id"].as_str().unwrap().parse().unwrap();
    let layout = service.make_layout(venue, 2);
    let kept = service.send(&change(draft, &json!({"categories": body["categories"]})));
    assert_eq!(kept["body"]["layout_version"], 1);
    let newest = service.send(&change(draft, &json!({"layout_id": layout})));
    assert_eq!(newest["body"]["layout_version"], 2);
    assert_ne!(
        kept["body"]["sessions"][0]["id"],
        newest["body"]["sessions"][0]["id"]
    );
}

#[test]
fn a_change_is_refused_with_its_reason() {
    let service = Service::start();
    let (draft, published) = (service.make_draft(), service.make_published());
    let title = json!({"title": "x"});
    let plain = |event| patch(&path(event)).by(EDITOR).json(&title);
    let venue = service.make_venue();
    let cancelled = service.make_draft();
    let cancel = post(&format!("{}/cancel", path(cancelled))).by(OWNER);
    service.send(&cancel.json(&json!({"reason": "Rain."})));
    let answers = [
        (
            "without a token",
            service.send(&patch(&path(draft)).json(&title)),
        ),
        (
            "by a viewer",
            service.send(&patch(&path(draft)).by(VIEWER).json(&title)),
        ),
        (
            "of a public event by a stranger",
            service.send(&patch(&path(published)).by(STRANGER).json(&title)),
        ),
        ("without If-Match", service.send(&plain(draft))),
        (
            "with a stale If-Match",
            service.send(&plain(draft).header("if-match", "\"v7\"")),
        ),
        (
            "to a new venue without a layout",
            service.send(&change(draft, &json!({"venue_id": venue}))),
        ),
        (
            "with a session of another event",
            service.send(&change(
                draft,
                &json!({"sessions": [{
                    "id": "ses_00000000000000000000000001",
                    "starts_at": "2030-06-01T18:30:00Z", "ends_at": "2030-06-01T21:00:00Z",
                }]}),
            )),
        ),
        (
            "of the money of a published event",
            service.send(&change(
                published,
                &json!({"currency": "USD", "title": "x"}),
            )),
        ),
        (
            "of a cancelled event",
            service.send(&change(cancelled, &title)),
        ),
        (
            "with an unknown member",
            service.send(&change(draft, &json!({"slug": "x"}))),
        ),
    ];
    assert_answers("change_refused", &answers);
}

#[test]
fn the_words_of_a_published_event_change() {
    let service = Service::start();
    let event = service.make_published();
    let changed = service.send(&change(event, &json!({"title": "Sold out?"})));
    assert_eq!(changed["status"], 200, "{changed}");
    assert_eq!(changed["headers"]["etag"], "\"v3\"");
    let stranger = service.send(&get(&path(event)).by(STRANGER));
    assert_eq!(stranger["body"]["title"], "Sold out?");
}

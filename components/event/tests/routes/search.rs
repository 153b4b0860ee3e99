//! `GET /events`.

use eventhub_native::get;
use serde_json::{Value, json};

use super::support::*;

/// An event with this title, tag and day of May, published.
fn make_event(service: &Service, title: &str, tag: &str, day: u32) {
    let mut body = with(service.new_event(), "title", json!(title));
    body["tags"] = json!([tag]);
    body["sessions"][0] = json!({
        "starts_at": format!("2030-05-{day:02}T18:30:00Z"),
        "ends_at": format!("2030-05-{day:02}T21:00:00Z"),
    });
    service.publish(service.make_draft_of(&body));
}

/// The titles that a query finds, or its code.
fn titles(service: &Service, query: &str) -> Vec<String> {
    let answer = service.send(&get(&format!("/api/v1/events?{query}")));
    let items = answer["body"]["items"].as_array();
    let items = items.unwrap_or_else(|| panic!("{query}: {answer}")).iter();
    items
        .map(|item| item["title"].as_str().unwrap().to_string())
        .collect()
}

#[test]
fn each_filter_finds_its_events() {
    let service = Service::start();
    make_event(&service, "Rock night", "rock", 1);
    make_event(&service, "Jazz evening", "jazz", 2);
    make_event(&service, "Jazz and rock", "jazz", 3);
    let cases: [(&str, &[&str]); 11] = [
        ("", &["Rock night", "Jazz evening", "Jazz and rock"]),
        ("q=ev", &["Jazz evening"]),
        ("q=jazz&sort=starts_at", &["Jazz evening", "Jazz and rock"]),
        ("q=jazz+-rock", &["Jazz evening"]),
        ("tag=ROCK", &["Rock night"]),
        (
            "from=2030-05-02T00:00:00Z",
            &["Jazz evening", "Jazz and rock"],
        ),
        ("to=2030-05-02T00:00:00Z", &["Rock night"]),
        ("near=52.5,13.4&radius_km=10&tag=rock", &["Rock night"]),
        ("near=48.1,11.6", &[]),
        (
            "organizer_id=org_00000000000000000000000001&tag=rock",
            &["Rock night"],
        ),
        ("organizer_id=org_00000000000000000000000009", &[]),
    ];
    for (query, expected) in cases {
        assert_eq!(titles(&service, query), expected, "{query}");
    }
}

#[test]
fn pages_of_both_sorts_find_every_event_once() {
    let service = Service::start();
    for day in 1..=5 {
        make_event(&service, &format!("Night {day}"), "rock", day);
    }
    for query in ["limit=2", "q=night&limit=2"] {
        let mut found = vec![];
        let mut cursor = String::new();
        loop {
            let answer = service.send(&get(&format!("/api/v1/events?{query}{cursor}")));
            let items = answer["body"]["items"].as_array().unwrap().iter();
            found.extend(items.map(|item| item["title"].as_str().unwrap().to_string()));
            match answer["body"]["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        let all = ["Night 1", "Night 2", "Night 3", "Night 4", "Night 5"];
        assert_eq!(found, all, "{query}");
    }
}

#[test]
fn only_members_find_drafts() {
    let service = Service::start();
    service.make_draft();
    let mine = get(&format!("/api/v1/events?organizer_id={ORGANIZER}"));
    let count = |answer: Value| answer["body"]["items"].as_array().unwrap().len();
    assert_eq!(count(service.send(&mine.clone().by(VIEWER))), 1);
    assert_eq!(count(service.send(&mine.clone().by(STRANGER))), 0);
    assert_eq!(count(service.send(&mine)), 0);
    assert_eq!(count(service.send(&get("/api/v1/events").by(OWNER))), 0);
}

#[test]
fn a_search_is_refused_with_its_reason() {
    let service = Service::start();
    make_event(&service, "Night 1", "rock", 1);
    make_event(&service, "Night 2", "rock", 2);
    let list = |query: &str| service.send(&get(&format!("/api/v1/events?{query}")));
    let first = list("limit=1");
    let cursor = first["body"]["next_cursor"].as_str().unwrap();
    let answers = [
        (
            "a cursor of another sort",
            list(&format!("q=night&cursor={cursor}")),
        ),
        ("a radius without a point", list("radius_km=5")),
        (
            "an end before the start",
            list("from=2030-01-02T00:00:00Z&to=2030-01-01T00:00:00Z"),
        ),
        ("an unknown parameter", list("colour=red")),
        ("a parameter twice", list("tag=a&tag=b")),
    ];
    assert_answers("search_refused", &answers);
}

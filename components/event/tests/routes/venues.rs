//! Venues: make, read, list.

use eventhub_native::{get, post};
use serde_json::{Value, json};

use super::support::*;

#[test]
fn a_venue_is_made_registered_and_read() {
    let service = Service::start();
    let made = service.send(&post("/api/v1/venues").by(EDITOR).json(&new_venue()));
    let id = id_of(&made);
    assert_eq!(*service.services.registered.borrow(), [(id, ORGANIZER)]);
    let path = format!("/api/v1/venues/{id}");
    assert_answers(
        "venue",
        &[
            ("made", made),
            ("read by anybody", service.send(&get(&path))),
            (
                "not modified",
                service.send(&get(&path).header("if-none-match", "\"v1\"")),
            ),
        ],
    );
}

#[test]
fn a_venue_is_refused_with_its_reason() {
    let service = Service::start();
    let make = |body: Value| post("/api/v1/venues").by(OWNER).json(&body);
    let unknown = with(new_venue(), "organizer_id", json!(UNKNOWN_ORGANIZER));
    let wrong = with(
        with(new_venue(), "time_zone", json!("Europe/Atlantis")),
        "name",
        json!(""),
    );
    let answers = [
        (
            "without a token",
            service.send(&post("/api/v1/venues").json(&new_venue())),
        ),
        (
            "by a viewer",
            service.send(&post("/api/v1/venues").by(VIEWER).json(&new_venue())),
        ),
        (
            "by a stranger",
            service.send(&post("/api/v1/venues").by(STRANGER).json(&new_venue())),
        ),
        ("for an unknown organizer", service.send(&make(unknown))),
        ("with two faults", service.send(&make(wrong))),
        (
            "with an unknown member",
            service.send(&make(with(new_venue(), "colour", json!("red")))),
        ),
        ("with a list for a body", service.send(&make(json!([])))),
        (
            "with another media type",
            service.send(&post("/api/v1/venues").by(OWNER).body("text/plain", b"{}")),
        ),
        (
            "with broken JSON",
            service.send(
                &post("/api/v1/venues")
                    .by(OWNER)
                    .body("application/json", b"{"),
            ),
        ),
        (
            "with a query parameter",
            service.send(&post("/api/v1/venues?x=1").by(OWNER).json(&new_venue())),
        ),
    ];
    assert_answers("venue_refused", &answers);
    assert_eq!(service.sql("SELECT count(*) FROM venues"), "0");
}

#[test]
fn an_unregistered_venue_is_not_stored() {
    let service = Service::start();
    let make = post("/api/v1/venues").by(OWNER).json(&new_venue());
    service.services.away.set("venues");
    let registry = service.send(&make);
    service.services.away.set("roles");
    let roles = service.send(&make);
    assert_answers(
        "venue_unavailable",
        &[("registry away", registry), ("roles away", roles)],
    );
    assert_eq!(service.sql("SELECT count(*) FROM venues"), "0");
}

#[test]
fn a_repeated_key_makes_one_venue() {
    let service = Service::start();
    let make = |user, name: &str| {
        let body = with(new_venue(), "name", json!(name));
        let make = post("/api/v1/venues").by(user).json(&body);
        service.send(&make.header("idempotency-key", "k"))
    };
    let first = make(OWNER, "Zenith");
    let again = make(OWNER, "Zenith");
    assert_eq!(first, again);
    let anothers = make(EDITOR, "Zenith");
    assert_ne!(first["body"]["id"], anothers["body"]["id"]);
    assert_answers("venue_key_reused", &[("other body", make(OWNER, "Nadir"))]);
    assert_eq!(service.sql("SELECT count(*) FROM venues"), "2");
}

#[test]
fn members_list_venues_page_by_page() {
    let service = Service::start();
    let ids: Vec<_> = (0..3).map(|_| service.make_venue()).collect();
    let path = format!("/api/v1/venues?organizer_id={ORGANIZER}&limit=2");
    let first = service.send(&get(&path).by(VIEWER));
    let cursor = first["body"]["next_cursor"].as_str().unwrap();
    let second = service.send(&get(&format!("{path}&cursor={cursor}")).by(VIEWER));
    let listed = |answer: &Value| -> Vec<_> {
        let items = answer["body"]["items"].as_array().unwrap().iter();
        items.map(|item| item["id"].clone()).collect()
    };
    assert_eq!(listed(&first), [json!(ids[2]), json!(ids[1])]);
    assert_eq!(listed(&second), [json!(ids[0])]);
    assert_eq!(second["body"]["next_cursor"], Value::Null);
}

#[test]
fn a_list_of_venues_is_refused_with_its_reason() {
    let service = Service::start();
    let list = |query: &str| service.send(&get(&format!("/api/v1/venues?{query}")).by(STRANGER));
    let organizer = format!("organizer_id={ORGANIZER}");
    let answers = [
        (
            "without a token",
            service.send(&get(&format!("/api/v1/venues?{organizer}"))),
        ),
        ("by a stranger", list(&organizer)),
        ("without an organizer", list("limit=2")),
        ("with a malformed organizer", list("organizer_id=org_1")),
        ("with a limit of 0", list(&format!("{organizer}&limit=0"))),
        (
            "with another cursor",
            list(&format!("{organizer}&cursor=x")),
        ),
        (
            "with an unknown parameter",
            list(&format!("{organizer}&x=1")),
        ),
        (
            "an unknown venue",
            service.send(&get("/api/v1/venues/ven_00000000000000000000000009")),
        ),
        ("a malformed id", service.send(&get("/api/v1/venues/1"))),
    ];
    assert_answers("venues_refused", &answers);
}

#[test]
fn a_database_that_is_away_is_503() {
    let service = Service::start();
    service.environment.cut_off(DATABASE);
    let answer = service.send(&get("/api/v1/venues/ven_00000000000000000000000009"));
    assert_eq!(answer["status"], 503, "{answer}");
}

//! Layouts: make, read a version, replace by the next, list.

use eventhub_guest::ids::LayoutId;
use eventhub_native::{Exchange, get, post, put};
use serde_json::{Value, json};

use super::support::*;

fn path(layout: LayoutId) -> String {
    format!("/api/v1/layouts/{layout}")
}

fn replace(layout: LayoutId) -> Exchange {
    let body = json!({"name": "Great hall, rebuilt", "layout": layout_of_three_seats()});
    put(&path(layout)).by(EDITOR).json(&body)
}

fn layout_of_three_seats() -> Value {
    let mut layout = layout();
    let third = json!({"id": "3", "x": 110, "y": 0});
    let seats = layout.pointer_mut("/sections/0/rows/0/seats").unwrap();
    seats.as_array_mut().unwrap().push(third);
    layout
}

#[test]
fn a_layout_is_made_replaced_and_read_by_anybody() {
    let service = Service::start();
    let made = service.send(&post("/api/v1/layouts").by(EDITOR).json(&new_layout()));
    let id = id_of(&made);
    let replaced = service.send(&replace(id).header("if-match", "\"v1\""));
    let first = service.send(&get(&format!("{}?version=1", path(id))));
    assert_eq!(first["body"], made["body"]);
    let newest = service.send(&get(&path(id)));
    assert_eq!(newest["body"], replaced["body"]);
    let answers = [
        ("made", made),
        ("replaced", replaced),
        ("the first version", first),
        (
            "not modified",
            service.send(&get(&path(id)).header("if-none-match", "\"v2\"")),
        ),
    ];
    assert_answers("layout", &answers);
}

#[test]
fn a_layout_is_refused_with_its_reason() {
    let service = Service::start();
    let make = |body: &Value| service.send(&post("/api/v1/layouts").by(EDITOR).json(body));
    let by = |user| service.send(&post("/api/v1/layouts").by(user).json(&new_layout()));
    let raw = |media_type: &str, body: &[u8]| {
        service.send(&post("/api/v1/layouts").by(EDITOR).body(media_type, body))
    };
    let faulty = json!({"sections": [{"id": "A-1", "name": "", "category": "c", "rows": []}]});
    let too_large = vec![b' '; 20_000_001];
    let mut answers = vec![
        (
            "without a token",
            service.send(&post("/api/v1/layouts").json(&new_layout())),
        ),
        ("by a viewer", by(VIEWER)),
        ("by a stranger", by(STRANGER)),
        (
            "for another's venue",
            make(&with(new_layout(), "venue_id", json!(OTHER_VENUE))),
        ),
        (
            "for an unknown venue",
            make(&with(new_layout(), "venue_id", json!(UNKNOWN_VENUE))),
        ),
        (
            "with faults in the layout",
            make(&with(new_layout(), "layout", faulty)),
        ),
        (
            "with a fault beside the layout",
            make(&with(new_layout(), "name", json!(null))),
        ),
        ("with a list for a body", make(&json!([]))),
        ("with another media type", raw("text/plain", b"{}")),
        ("with broken JSON", raw("application/json", b"{\"name\":")),
        (
            "with text that is not UTF-8",
            raw("application/json", b"{\"name\":\"\xff\"}"),
        ),
        ("with too many bytes", raw("application/json", &too_large)),
    ];
    service.services.is_away.set(true);
    answers.push(("without the roles", by(EDITOR)));
    assert_answers("layout_refused", &answers);
    assert_eq!(service.sql("SELECT count(*) FROM layouts"), "0");
}

#[test]
fn a_repeated_key_makes_one_layout() {
    let service = Service::start();
    let make = |body: &Value| {
        let make = post("/api/v1/layouts").by(EDITOR).json(body);
        service.send(&make.header("idempotency-key", "k"))
    };
    let first = make(&new_layout());
    assert_eq!(first, make(&new_layout()));
    let other = make(&with(new_layout(), "name", json!("Small hall")));
    assert_eq!(other["body"]["code"], "idempotency_key_reused");
    assert_eq!(service.sql("SELECT count(*) FROM layouts"), "1");
}

#[test]
fn a_replacement_is_refused_with_its_reason() {
    let service = Service::start();
    let id = service.make_layout(VENUE);
    let unknown = LayoutId::from_u128(9);
    let answers = [
        (
            "without a token",
            service.send(&put(&path(id)).json(&json!({}))),
        ),
        ("by a viewer", service.send(&replace(id).by(VIEWER))),
        ("by a stranger", service.send(&replace(id).by(STRANGER))),
        ("without If-Match", service.send(&replace(id))),
        (
            "with a stale If-Match",
            service.send(&replace(id).header("if-match", "\"v7\"")),
        ),
        (
            "with a venue",
            service.send(
                &put(&path(id))
                    .by(EDITOR)
                    .header("if-match", "*")
                    .json(&new_layout()),
            ),
        ),
        ("of an unknown layout", service.send(&replace(unknown))),
    ];
    assert_answers("replacement_refused", &answers);
    assert_eq!(service.sql("SELECT count(*) FROM layout_versions"), "1");
}

#[test]
fn the_second_of_two_replacements_is_stale() {
    let service = Service::start();
    let id = service.make_layout(VENUE);
    let answer = || service.send(&replace(id).header("if-match", "\"v1\""))["status"].clone();
    assert_eq!([answer(), answer()], [json!(200), json!(412)]);
}

#[test]
fn a_stored_version_never_changes() {
    let service = Service::start();
    service.make_layout(VENUE);
    let update = "DO $$ BEGIN UPDATE layout_versions SET name = 'x'; \
        EXCEPTION WHEN check_violation THEN NULL; END $$";
    service.sql(update);
    let name = service.sql("SELECT name FROM layout_versions");
    assert_eq!(name, "Great hall");
}

#[test]
fn members_list_layouts_page_by_page() {
    let service = Service::start();
    let ids: Vec<_> = (0..3).map(|_| service.make_layout(VENUE)).collect();
    service.make_layout(SECOND_VENUE);
    let path = format!("/api/v1/layouts?venue_id={VENUE}&limit=2");
    let first = service.send(&get(&path).by(VIEWER));
    let cursor = first["body"]["next_cursor"].as_str().unwrap();
    let second = service.send(&get(&format!("{path}&cursor={cursor}")).by(VIEWER));
    let listed = |answer: &Value| -> Vec<_> {
        let items = answer["body"]["items"].as_array().unwrap().iter();
        items.map(|item| item["id"].clone()).collect()
    };
    assert_eq!(listed(&first), [json!(ids[2]), json!(ids[1])]);
    assert_eq!(listed(&second), [json!(ids[0])]);
    assert_answers("layouts", &[("the last page", second)]);
}

#[test]
fn a_list_or_a_read_is_refused_with_its_reason() {
    let service = Service::start();
    let id = service.make_layout(VENUE);
    let list = |query: &str| service.send(&get(&format!("/api/v1/layouts?{query}")).by(STRANGER));
    let read = |target: &str| service.send(&get(&format!("/api/v1/layouts/{target}")));
    let venue = format!("venue_id={VENUE}");
    let answers = [
        (
            "a list without a token",
            service.send(&get(&format!("/api/v1/layouts?{venue}"))),
        ),
        ("a list by a stranger", list(&venue)),
        (
            "a list of an unknown venue",
            list(&format!("venue_id={UNKNOWN_VENUE}")),
        ),
        ("a list without a venue", list("limit=2")),
        (
            "a list with an unknown parameter",
            list(&format!("{venue}&x=1")),
        ),
        ("an unknown layout", read("lay_00000000000000000000000009")),
        ("a malformed id", read("1")),
        ("an unknown version", read(&format!("{id}?version=2"))),
        ("version 0", read(&format!("{id}?version=0"))),
        ("an unknown parameter", read(&format!("{id}?x=1"))),
    ];
    assert_answers("read_refused", &answers);
}

#[test]
fn the_schema_is_served_as_json_schema() {
    let service = Service::start();
    let answer = service.send(&get("/api/v1/layouts/schema"));
    assert_eq!(answer["headers"]["content-type"], "application/schema+json");
    assert_eq!(answer["body"]["$ref"], "#/$defs/Layout");
    let refused = service.send(&get("/api/v1/layouts/schema?x=1"));
    assert_eq!(refused["body"]["code"], "validation_failed");
}

#[test]
fn a_database_that_is_away_is_503() {
    let service = Service::start();
    service.environment.cut_off(DATABASE);
    let answer = service.send(&get("/api/v1/layouts/lay_00000000000000000000000009"));
    assert_eq!(answer["status"], 503, "{answer}");
}

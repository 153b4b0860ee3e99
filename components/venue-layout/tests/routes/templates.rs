//! Templates: list them, make a layout from one.

use eventhub_guest::ids::UserId;
use eventhub_native::{Exchange, get, post};
use serde_json::{Value, json};

use super::support::*;

const THEATRE: &str = "/api/v1/layout-templates/theatre/instantiate";

fn instantiate(user: UserId, body: &Value) -> Exchange {
    post(THEATRE).by(user).json(body)
}

fn new_theatre() -> Value {
    json!({"venue_id": VENUE, "name": "Great hall", "parameters": {"stalls_rows": 3.0, "balcony_rows": 0}})
}

#[test]
fn anybody_lists_templates_page_by_page() {
    let service = Service::start();
    let first = service.send(&get("/api/v1/layout-templates?limit=2"));
    let cursor = first["body"]["next_cursor"].as_str().unwrap();
    let second = service.send(&get(&format!("/api/v1/layout-templates?cursor={cursor}")));
    let names = |answer: &Value| -> Vec<_> {
        let items = answer["body"]["items"].as_array().unwrap().iter();
        items.map(|item| item["name"].clone()).collect()
    };
    assert_eq!(names(&first), [json!("theatre"), json!("arena")]);
    assert_eq!(names(&second), [json!("club")]);
    assert_answers("templates", &[("the last page", second)]);
}

#[test]
fn a_template_makes_a_layout_once_for_a_key() {
    let service = Service::start();
    let make =
        |body: &Value| service.send(&instantiate(EDITOR, body).header("idempotency-key", "k"));
    let made = make(&new_theatre());
    assert_eq!(made["status"], 201, "{made}");
    assert_eq!(made["body"]["layout"]["sections"][0]["rows"][2]["id"], "3");
    assert_eq!(made, make(&new_theatre()));
    let other = make(&with(new_theatre(), "name", json!("Small hall")));
    assert_eq!(other["body"]["code"], "idempotency_key_reused");
    assert_eq!(service.sql("SELECT count(*) FROM layouts"), "1");
}

#[test]
fn an_instantiation_is_refused_with_its_reason() {
    let service = Service::start();
    let make = |body: &Value| service.send(&instantiate(EDITOR, body));
    let parameters = |value: Value| make(&with(new_theatre(), "parameters", value));
    let answers = [
        (
            "without a token",
            service.send(&post(THEATRE).json(&new_theatre())),
        ),
        (
            "by a viewer",
            service.send(&instantiate(VIEWER, &new_theatre())),
        ),
        (
            "by a stranger",
            service.send(&instantiate(STRANGER, &new_theatre())),
        ),
        (
            "of an unknown template",
            service.send(
                &post("/api/v1/layout-templates/barn/instantiate")
                    .by(EDITOR)
                    .json(&new_theatre()),
            ),
        ),
        (
            "with wrong values",
            parameters(json!({"stalls_rows": 0, "radius": 1})),
        ),
        (
            "with a repeated value",
            service.send(&post(THEATRE).by(EDITOR).body(
                "application/json",
                br#"{"parameters": {"stalls_rows": 1, "stalls_rows": 2}}"#,
            )),
        ),
        (
            "with a name of two lines",
            make(&with(new_theatre(), "name", json!("a\nb"))),
        ),
        (
            "with too many seats",
            service.send(
                &post("/api/v1/layout-templates/arena/instantiate")
                    .by(EDITOR)
                    .json(&json!({
                        "venue_id": VENUE, "name": "Arena",
                        "parameters": {
                            "blocks": 60, "lower_rows": 60, "middle_rows": 60, "upper_rows": 60,
                            "seats_per_row": 60,
                        },
                    })),
            ),
        ),
    ];
    assert_answers("instantiation_refused", &answers);
    assert_eq!(service.sql("SELECT count(*) FROM layouts"), "0");
}

//! Every route on a real database of the test's own: good answers, refusals, another's data.

use __service__::{routes, timers};
use eventhub_guest::bindings::eventhub::timers::types::Tick;
use eventhub_guest::ids::UserId;
use eventhub_native::{Environment, Exchange, get, post};
use serde_json::{Value, json};

const ADA: UserId = UserId::from_u128(1);
const BOB: UserId = UserId::from_u128(2);

fn start() -> Environment {
    Environment::start(&["__service___db"])
}

fn send(exchange: &Exchange) -> Value {
    eventhub_native::send(&routes::router(), &(), exchange)
}

fn write(text: &str) -> Exchange {
    post("/api/v1/__service__").by(ADA).json(&json!({"text": text}))
}

#[test]
fn what_is_written_can_be_read_by_its_author_only() {
    let environment = start();
    let written = send(&write("fine"));
    assert_eq!(written["status"], 201);
    let id = written["body"]["id"].as_str().unwrap();
    let target = format!("/api/v1/__service__/{id}");
    assert_eq!(written["headers"]["location"], target.as_str());
    assert_eq!(send(&get(&target).by(ADA))["body"]["text"], "fine");
    assert_eq!(send(&get(&target).by(BOB))["status"], 404);
    assert_eq!(send(&get("/api/v1/__service__/x").by(ADA))["status"], 404);
    let facts = environment.facts("__service___db");
    assert_eq!(facts[0].0, "__Resource__Created");
    assert_eq!(facts[0].1["__resource___id"], id);
}

#[test]
fn lists_are_paged_and_hold_the_callers_own() {
    let _environment = start();
    for text in ["one", "two", "three"] {
        assert_eq!(send(&write(text))["status"], 201);
    }
    let page = send(&get("/api/v1/__service__?limit=2").by(ADA));
    assert_eq!(page["body"]["items"][0]["text"], "three");
    let cursor = page["body"]["next_cursor"].as_str().unwrap();
    let rest = send(&get(&format!("/api/v1/__service__?limit=2&cursor={cursor}")).by(ADA));
    assert_eq!(rest["body"]["items"][0]["text"], "one");
    assert_eq!(rest["body"]["next_cursor"], Value::Null);
    assert_eq!(send(&get("/api/v1/__service__").by(BOB))["body"]["items"], json!([]));
}

#[test]
fn bad_requests_are_refused_with_their_place() {
    let _environment = start();
    assert_eq!(send(&get("/api/v1/__service__"))["status"], 401);
    assert_eq!(send(&get("/api/v1/__service__?size=2").by(ADA))["status"], 422);
    let empty = send(&write(" "));
    assert_eq!((&empty["status"], &empty["body"]["errors"][0]["pointer"]), (&json!(422), &json!("/text")));
    let unknown = post("/api/v1/__service__").by(ADA).json(&json!({"text": "a", "x": 1}));
    assert_eq!(send(&unknown)["body"]["errors"][0]["pointer"], "/x");
}

#[test]
fn a_repeated_key_makes_one() {
    let environment = start();
    let first = send(&write("fine").header("idempotency-key", "k"));
    let again = send(&write("fine").header("idempotency-key", "k"));
    assert_eq!(first["body"]["id"], again["body"]["id"]);
    let other = send(&write("else").header("idempotency-key", "k"));
    assert_eq!(other["body"]["code"], "idempotency_key_reused");
    assert_eq!(environment.sql("__service___db", "SELECT count(*) FROM __service__"), "1");
}

#[test]
fn old_idempotency_keys_are_forgotten() {
    let environment = start();
    send(&write("fine").header("idempotency-key", "k"));
    let tick = |days: i64| {
        let now = eventhub_guest::Timestamp::now().micros() + days * 86_400_000_000;
        timers::run_tick(&(), &Tick { now, traceparent: String::new() }).unwrap();
        environment.sql("__service___db", "SELECT count(*) FROM creation_keys")
    };
    assert_eq!((tick(1).as_str(), tick(3).as_str()), ("1", "0"));
}

#[test]
fn the_routes_are_those_of_the_openapi_document() {
    eventhub_native::check_openapi(&__service__::routes::router());
}

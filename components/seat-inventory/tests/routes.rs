//! Every route on a real PostgreSQL and Redis: the good answer, each refusal, and another user's
//! data. Snapshots have the answers; ids and times are replaced.
#![allow(clippy::unwrap_used)]

mod world;

use std::time::Duration;

use eventhub_guest::Timestamp;
use eventhub_guest::ids::{BookingId, HoldId, SessionId, UserId};
use eventhub_native::{Exchange, delete, get, post, put, send};
use seat_inventory::domain::hold::Hold;
use seat_inventory::routes::router;
use seat_inventory::usecases::Inventory;
use serde_json::{Value, json};
use world::{World, bind, hall, seats_of};

/// Compares an answer with its snapshot.
macro_rules! assert_answer {
    ($name:literal, $answer:expr) => {
        insta::assert_json_snapshot!($name, $answer, {
            ".body.id" => "[id]",
            ".body.session_id" => "[id]",
            ".body.layout_id" => "[id]",
            ".body.seq" => "[seq]",
            ".body.as_of" => "[time]",
            ".body.expires_at" => "[time]",
            ".headers.location" => "[location]",
            ".headers.etag" => "[etag]",
        });
    };
}

fn ask(inventory: &Inventory, exchange: &Exchange) -> Value {
    send(&router(), inventory, exchange)
}

fn holds_of(session: SessionId) -> String {
    format!("/api/v1/sessions/{session}/holds")
}

fn hold_path(id: HoldId) -> String {
    format!("/api/v1/holds/{id}")
}

/// A hold of a seat by a new user, made by the rules.
fn held(world: &World, inventory: &Inventory, seat: &str) -> Hold {
    world.hold(inventory, &seats_of(&[seat])).unwrap()
}

/// Status and code of a refusal.
fn refusal(answer: &Value) -> (u64, &str) {
    let code = answer["body"]["code"].as_str().unwrap_or_default();
    (answer["status"].as_u64().unwrap_or_default(), code)
}

#[test]
fn seats_show_what_is_taken() {
    let world = World::with(hall(1, 4, 30), 10);
    let inventory = world.inventory();
    let (sold, booking) = world.bound(&inventory, &["A-1-1"]);
    world.reserve(&inventory, &sold, booking).unwrap();
    world.confirm(&inventory, &sold, booking).unwrap();
    held(&world, &inventory, "A-1-3");
    let seats = |session| format!("/api/v1/sessions/{session}/seats");
    let answer = ask(&inventory, &get(&seats(world.session)));
    assert_answer!("seats", answer);
    assert_eq!(answer["body"]["session_id"], world.session.to_string());
    let unknown = ask(&inventory, &get(&seats(SessionId::new())));
    assert_answer!("seats_unknown_session", unknown);
    let malformed = ask(&inventory, &get("/api/v1/sessions/7/seats"));
    assert_eq!(refusal(&malformed), (404, "not_found"));
    let query = format!("{}?limit=1", seats(world.session));
    assert_answer!("seats_unknown_parameter", ask(&inventory, &get(&query)));
    assert_answer!("seats_put", ask(&inventory, &put(&seats(world.session))));
}

#[test]
fn a_hold_is_created_of_seats_and_areas() {
    let world = World::new();
    let inventory = world.inventory();
    let body = json!({"seats": ["A-1-2", "A-1-1"], "areas": [{"area": "floor", "quantity": 2}]});
    let create = post(&holds_of(world.session)).by(UserId::new()).json(&body);
    let answer = ask(&inventory, &create);
    assert_answer!("hold_created", answer);
    let id = answer["body"]["id"].as_str().unwrap();
    let location = format!("/api/v1/holds/{id}");
    assert_eq!(answer["headers"]["location"], location);
    let best = json!({"best_available": {"quantity": 3, "category": "stalls"}});
    let create = post(&holds_of(world.session)).by(UserId::new()).json(&best);
    assert_answer!("hold_created_best", ask(&inventory, &create));
}

#[test]
fn a_repeated_request_gets_the_same_hold() {
    let world = World::new();
    let inventory = world.inventory();
    let create = post(&holds_of(world.session))
        .by(UserId::new())
        .header("idempotency-key", "key-1")
        .json(&json!({"seats": ["A-1-1"]}));
    let first = ask(&inventory, &create);
    assert_eq!(first["status"], 201);
    assert_eq!(ask(&inventory, &create), first);
}

#[test]
fn a_malformed_hold_is_refused() {
    let world = World::new();
    let inventory = world.inventory();
    let user = UserId::new();
    let create = || post(&holds_of(world.session)).by(user);
    let ask_json = |body: Value| ask(&inventory, &create().json(&body));
    let nobody = post(&holds_of(world.session)).json(&json!({"seats": ["A-1-1"]}));
    assert_answer!("hold_unauthenticated", ask(&inventory, &nobody));
    let text = create().body("text/plain", b"A-1-1");
    assert_eq!(
        refusal(&ask(&inventory, &text)),
        (415, "unsupported_media_type")
    );
    let broken = create().body("application/json", b"{");
    assert_eq!(refusal(&ask(&inventory, &broken)), (400, "malformed_json"));
    assert_answer!("hold_empty", ask_json(json!({})));
    assert_eq!(ask_json(json!({"seats": null})), ask_json(json!({})));
    let faults = json!({
        "seats": [],
        "areas": [{"area": "floor", "quantity": 0}],
        "best_available": {"quantity": 0, "category": "stalls"},
    });
    assert_answer!("hold_with_faults", ask_json(faults));
    assert_answer!("hold_unknown_member", ask_json(json!({"seat": "A-1-1"})));
    let twice = json!({"seats": ["A-1-1", "A-1-1"]});
    assert_answer!("hold_seat_twice", ask_json(twice));
    let unknown = json!({"seats": ["Z-1-1"], "areas": [{"area": "roof", "quantity": 1}]});
    assert_answer!("hold_unknown_seats", ask_json(unknown));
    assert_eq!(world.counts(&inventory), (50, 0, 0, 300));
}

#[test]
fn a_hold_that_cannot_be_had_is_refused() {
    let world = World::with(hall(1, 4, 30), 3);
    let inventory = world.inventory();
    held(&world, &inventory, "A-1-2");
    let user = UserId::new();
    let create = |session, body: Value| {
        let exchange = post(&holds_of(session)).by(user).json(&body);
        ask(&inventory, &exchange)
    };
    let seats = |seats: &[&str]| create(world.session, json!({ "seats": seats }));
    assert_answer!("hold_taken", seats(&["A-1-1", "A-1-2"]));
    let best = json!({"best_available": {"quantity": 3, "category": "stalls"}});
    seats(&["A-1-3"]);
    let few = create(world.session, best);
    assert_answer!("hold_best_none_left", few);
    let many = create(
        world.session,
        json!({"areas": [{"area": "floor", "quantity": 3}]}),
    );
    assert_answer!("hold_beyond_the_limit", many);
    let nowhere = create(SessionId::new(), json!({"seats": ["A-1-1"]}));
    assert_answer!("hold_unknown_session", nowhere);
    inventory.close_sales(world.event).unwrap();
    assert_answer!("hold_sale_closed", seats(&["A-1-1"]));
}

#[test]
fn a_hold_waits_for_the_start_of_its_sale() {
    let world = World::new();
    let inventory = world.inventory();
    let mut sale = world.new_sale(10);
    sale.sessions[0].sales_start_at = Some(Timestamp::now().plus(Duration::from_secs(600)));
    inventory.open_sales(&sale).unwrap();
    let create = post(&holds_of(world.session))
        .by(UserId::new())
        .json(&json!({"seats": ["A-1-1"]}));
    assert_answer!("hold_sale_not_begun", ask(&inventory, &create));
}

#[test]
fn a_hold_is_shown_to_its_owner() {
    let world = World::new();
    let inventory = world.inventory();
    let hold = held(&world, &inventory, "A-1-1");
    let path = hold_path(hold.id);
    let answer = ask(&inventory, &get(&path).by(hold.user));
    assert_answer!("hold", answer);
    let etag = answer["headers"]["etag"].as_str().unwrap();
    let again = get(&path).by(hold.user).header("if-none-match", etag);
    assert_eq!(ask(&inventory, &again)["status"], 304);
    assert_answer!(
        "hold_of_another",
        ask(&inventory, &get(&path).by(UserId::new()))
    );
    assert_eq!(
        refusal(&ask(&inventory, &get(&path))),
        (401, "unauthenticated")
    );
    let unknown = get(&hold_path(HoldId::new())).by(hold.user);
    assert_eq!(refusal(&ask(&inventory, &unknown)), (404, "not_found"));
}

#[test]
fn a_hold_is_released_by_its_owner() {
    let world = World::new();
    let inventory = world.inventory();
    let hold = held(&world, &inventory, "A-1-1");
    let release = delete(&hold_path(hold.id));
    let another = ask(&inventory, &release.clone().by(UserId::new()));
    assert_eq!(refusal(&another), (404, "not_found"));
    assert_eq!(
        refusal(&ask(&inventory, &release)),
        (401, "unauthenticated")
    );
    for _ in 0..2 {
        assert_answer!(
            "hold_released",
            ask(&inventory, &release.clone().by(hold.user))
        );
    }
    assert_eq!(world.counts(&inventory), (50, 0, 0, 300));
    let (booked, _) = world.bound(&inventory, &["A-1-2"]);
    let release = delete(&hold_path(booked.id)).by(booked.user);
    assert_answer!("hold_released_booked", ask(&inventory, &release));
}

#[test]
fn a_hold_is_extended_once_by_its_owner() {
    let world = World::new();
    let inventory = world.inventory();
    let hold = held(&world, &inventory, "A-1-1");
    let extend = |id| post(&format!("{}/extend", hold_path(id)));
    let another = ask(&inventory, &extend(hold.id).by(UserId::new()));
    assert_eq!(refusal(&another), (404, "not_found"));
    let nobody = ask(&inventory, &extend(hold.id));
    assert_eq!(refusal(&nobody), (401, "unauthenticated"));
    let body = extend(hold.id).by(hold.user).json(&json!({"minutes": 5}));
    assert_eq!(refusal(&ask(&inventory, &body)), (422, "validation_failed"));
    let extend_it = || ask(&inventory, &extend(hold.id).by(hold.user));
    assert_answer!("hold_extended", extend_it());
    assert_answer!("hold_extended_twice", extend_it());
    inventory.release_hold(hold.id, hold.user).unwrap();
    assert_answer!("hold_extended_late", extend_it());
    let booked = held(&world, &inventory, "A-1-2");
    bind(&inventory, &booked, BookingId::new()).unwrap();
    let answer = ask(&inventory, &extend(booked.id).by(booked.user));
    assert_eq!(refusal(&answer), (409, "hold_already_booked"));
    let open = held(&world, &inventory, "A-1-3");
    inventory.close_sales(world.event).unwrap();
    let answer = ask(&inventory, &extend(open.id).by(open.user));
    assert_eq!(refusal(&answer), (409, "invalid_transition"));
}

#[test]
fn without_redis_seats_are_unavailable() {
    let world = World::new();
    let inventory = world.inventory();
    let hold = held(&world, &inventory, "A-1-1");
    world.switches.set_redis_away(true);
    let path = hold_path(hold.id);
    let body = json!({"seats": ["A-1-2"]});
    for exchange in [
        get(&format!("/api/v1/sessions/{}/seats", world.session)),
        post(&holds_of(world.session)).by(hold.user).json(&body),
        get(&path).by(hold.user),
        delete(&path).by(hold.user),
        post(&format!("{path}/extend")).by(hold.user),
    ] {
        assert_answer!("redis_away", ask(&inventory, &exchange));
    }
}

#[test]
fn the_routes_are_those_of_the_openapi_document() {
    eventhub_native::check_openapi(&seat_inventory::routes::router());
}

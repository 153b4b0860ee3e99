use booking::ports::HoldError;
use eventhub_native::{Exchange, get, post};
use insta::assert_json_snapshot;
use serde_json::{Value, json};

use crate::support::{BUYER, STRANGER, Service, body, booking_of, code};

fn create(key: &str, body: &Value) -> Exchange {
    post("/api/v1/bookings")
        .by(BUYER)
        .header("idempotency-key", key)
        .json(body)
}

fn cancel(number: u128) -> Exchange {
    post(&format!("/api/v1/bookings/{}/cancel", booking_of(number))).by(BUYER)
}

#[test]
fn a_hold_is_booked_and_the_booking_is_published() {
    let service = Service::start();
    let mut wanted = body(1);
    wanted["contact"] = json!({"name": "Ada Lovelace", "email": "ada@example.org"});
    wanted["attendees"] = json!([{"seat": "A-1-14", "name": "Ada Lovelace"}]);
    let answer = service.send(&create("key-1", &wanted));
    assert_json_snapshot!("booking_created", answer);
    assert_json_snapshot!(
        "booking_created_fact",
        service.environment.facts("booking_db")
    );
    assert_eq!(
        service.sql("SELECT seats->0->>'seat_index', contact->>'email' FROM bookings"),
        "13|ada@example.org"
    );
}

#[test]
fn a_repeated_request_gets_the_booking_that_it_made() {
    let service = Service::start();
    let first = service.book(1);
    assert_eq!(service.book(1), first);
    // A booking that has ended has no hold any more.
    *service.others.bind_error.borrow_mut() = Some(HoldError::NotFound);
    assert_eq!(service.book(1), first);
    assert_eq!(service.sql("SELECT count(*) FROM bookings"), "1");
    assert_eq!(service.fact_names(), ["BookingCreated"]);
}

#[test]
fn a_hold_is_booked_once_and_a_key_is_used_once() {
    let service = Service::start();
    assert_eq!(service.book(1)["status"], 202);
    let another_key = service.send(&create("key-2", &body(1)));
    assert_eq!(code(&another_key), (409, "hold_already_booked"));
    let another_hold = service.send(&create("key-1", &body(2)));
    assert_eq!(code(&another_hold), (422, "idempotency_key_reused"));
    let strangers = create("key-1", &body(1)).by(STRANGER);
    assert_eq!(
        code(&service.send(&strangers)),
        (409, "hold_already_booked")
    );
}

#[test]
fn optional_members_may_be_null() {
    let service = Service::start();
    let mut wanted = body(1);
    wanted["contact"] = Value::Null;
    wanted["attendees"] = Value::Null;
    assert_eq!(service.send(&create("key-1", &wanted))["status"], 202);
}

#[test]
fn a_booking_of_nothing_to_pay_is_confirmed_without_a_payment() {
    let service = Service::start();
    service.others.is_free.set(true);
    service.book_and_reserve();
    let answer = service.get_booking(1);
    assert_eq!(
        (&answer["body"]["status"], &answer["body"]["payment"]),
        (&json!("confirmed"), &Value::Null)
    );
}

#[test]
fn a_malformed_request_to_book_is_refused() {
    let service = Service::start();
    let nobody = post("/api/v1/bookings").json(&body(1));
    assert_eq!(code(&service.send(&nobody)), (401, "unauthenticated"));
    let keyless = post("/api/v1/bookings").by(BUYER).json(&body(1));
    assert_json_snapshot!("booking_without_key", service.send(&keyless));
    let long = "k".repeat(256);
    for key in ["", "a b", "ü", &long] {
        let answer = service.send(&create(key, &body(1)));
        assert_eq!(
            answer["body"]["errors"][0]["pointer"],
            "/headers/idempotency-key"
        );
    }
    let exchange = |media_type, body| {
        post("/api/v1/bookings")
            .by(BUYER)
            .header("idempotency-key", "key-1")
            .body(media_type, body)
    };
    let no_json = exchange("application/json", b"{");
    assert_eq!(code(&service.send(&no_json)), (400, "malformed_json"));
    let text = exchange("text/plain", b"{}");
    assert_eq!(code(&service.send(&text)), (415, "unsupported_media_type"));
    let faulty = json!({
        "hold_id": "x", "payment": {"provider": "cash"}, "contact": {"name": "a\nb", "email": "a@b"},
        "attendees": [{"seat": "A1", "name": ""}],
    });
    assert_json_snapshot!(
        "booking_with_faults",
        service.send(&create("key-1", &faulty))
    );
    let unknown_hold = json!({"hold_id": "x", "payment": {"provider": "stripe"}});
    assert_eq!(
        code(&service.send(&create("key-1", &unknown_hold))),
        (404, "not_found")
    );
    let query = post("/api/v1/bookings?a=1").by(BUYER).json(&body(1));
    assert_eq!(code(&service.send(&query)), (422, "validation_failed"));
    assert_eq!(service.sql("SELECT count(*) FROM bookings"), "0");
}

#[test]
fn a_refusal_of_the_hold_is_an_answer_of_its_own() {
    let service = Service::start();
    for (error, expected) in [
        (HoldError::NotFound, (404, "not_found")),
        (HoldError::Expired, (410, "hold_expired")),
        (HoldError::AlreadyBooked, (409, "hold_already_booked")),
        (HoldError::Closed, (409, "invalid_transition")),
        (
            HoldError::Taken(vec!["A-1-14".into()]),
            (409, "seats_unavailable"),
        ),
        (
            HoldError::Unavailable("no answer".into()),
            (503, "unavailable"),
        ),
    ] {
        *service.others.bind_error.borrow_mut() = Some(error);
        assert_eq!(code(&service.book(1)), expected);
    }
    *service.others.bind_error.borrow_mut() = None;
    let mut wanted = body(1);
    wanted["attendees"] = json!([{"seat": "A-1-15", "name": "Ada"}]);
    assert_json_snapshot!(
        "attendee_not_in_hold",
        service.send(&create("key-1", &wanted))
    );
}

#[test]
fn without_the_database_nothing_is_booked() {
    let service = Service::start();
    service.environment.cut_off("booking_db");
    assert_eq!(code(&service.book(1)), (503, "unavailable"));
    assert_eq!(code(&service.get_booking(1)), (503, "unavailable"));
}

#[test]
fn a_booking_is_read_by_its_owner_with_an_etag() {
    let service = Service::start();
    service.book_and_reserve();
    let answer = service.get_booking(1);
    assert_json_snapshot!("booking_awaiting_payment", answer, {".body.updated_at" => "[time]"});
    let path = format!("/api/v1/bookings/{}", booking_of(1));
    let tag = answer["headers"]["etag"].as_str().unwrap();
    let unchanged = get(&path).by(BUYER).header("if-none-match", tag);
    assert_eq!(service.send(&unchanged)["status"], 304);
    assert_eq!(
        code(&service.send(&get(&path).by(STRANGER))),
        (404, "not_found")
    );
    assert_eq!(code(&service.send(&get(&path))), (401, "unauthenticated"));
    let malformed = get("/api/v1/bookings/bkg_1").by(BUYER);
    assert_eq!(code(&service.send(&malformed)), (404, "not_found"));
}

#[test]
fn bookings_are_listed_in_pages_the_latest_first() {
    let service = Service::start();
    for number in 1..=3 {
        service.book(number);
    }
    service.sql(
        "UPDATE bookings SET created_at = created_at + get_byte(uuid_send(hold_id), 15) * \
         interval '1 s'",
    );
    let list = |query: &str| service.send(&get(&format!("/api/v1/bookings{query}")).by(BUYER));
    let holds = |answer: &Value| -> Vec<Value> {
        let items = answer["body"]["items"].as_array().unwrap();
        items.iter().map(|item| item["id"].clone()).collect()
    };
    let first = list("?limit=2");
    assert_eq!(holds(&first), [json!(booking_of(3)), json!(booking_of(2))]);
    let cursor = first["body"]["next_cursor"].as_str().unwrap();
    let rest = list(&format!("?limit=2&cursor={cursor}"));
    assert_eq!(holds(&rest), [json!(booking_of(1))]);
    assert_eq!(rest["body"]["next_cursor"], Value::Null);
    assert_eq!(
        first["body"]["items"][1],
        service.get_booking(2)["body"],
        "a booking in a list is shown as alone"
    );
    service.send(&cancel(2));
    assert_eq!(holds(&list("?status=cancelled")), [json!(booking_of(2))]);
    assert_eq!(
        service.send(&get("/api/v1/bookings").by(STRANGER))["body"]["items"],
        json!([])
    );
}

#[test]
fn a_malformed_request_for_a_list_is_refused() {
    let service = Service::start();
    let list = |query: &str| service.send(&get(&format!("/api/v1/bookings?{query}")).by(BUYER));
    assert_json_snapshot!("list_with_unknown_status", list("status=paid"));
    for query in [
        "limit=0",
        "limit=101",
        "cursor=x",
        "page=2",
        "limit=1&limit=2",
    ] {
        assert_eq!(code(&list(query)), (422, "validation_failed"), "{query}");
    }
    assert_eq!(
        code(&service.send(&get("/api/v1/bookings"))),
        (401, "unauthenticated")
    );
}

#[test]
fn a_booking_is_cancelled_until_it_is_paid() {
    let service = Service::start();
    service.book_and_reserve();
    let answer = service.send(&cancel(1));
    assert_json_snapshot!("booking_cancelled", answer, {".body.updated_at" => "[time]"});
    assert_eq!(service.send(&cancel(1))["status"], 200);
    assert_eq!(service.fact_names(), ["BookingCreated", "BookingCancelled"]);
    assert_eq!(
        *service.others.calls.borrow(),
        ["reserve A-1-14#13 floor*2", "release A-1-14#13 floor*2"]
    );
}

#[test]
fn a_paid_booking_cannot_be_cancelled() {
    let service = Service::start();
    service.book_and_pay();
    assert_json_snapshot!("cancellation_too_late", service.send(&cancel(1)));
    assert_eq!(service.status(), "confirmed");
}

#[test]
fn a_cancellation_does_not_wait_for_the_payment_service() {
    let service = Service::start();
    service.book_and_reserve();
    service.others.payment_is_away.set(true);
    assert_eq!(service.send(&cancel(1))["body"]["status"], "cancelled");
}

#[test]
fn a_cancellation_is_the_owners_and_takes_no_body() {
    let service = Service::start();
    service.book_and_reserve();
    let with_body = cancel(1).json(&json!({"reason": "none"}));
    assert_eq!(code(&service.send(&with_body)), (422, "validation_failed"));
    let strangers = cancel(1).by(STRANGER);
    assert_eq!(code(&service.send(&strangers)), (404, "not_found"));
    assert_eq!(code(&service.send(&cancel(2))), (404, "not_found"));
    let nobody = post(&format!("/api/v1/bookings/{}/cancel", booking_of(1)));
    assert_eq!(code(&service.send(&nobody)), (401, "unauthenticated"));
    assert_eq!(service.status(), "awaiting_payment");
    let empty = cancel(1).json(&json!({}));
    assert_eq!(service.send(&empty)["status"], 200);
}

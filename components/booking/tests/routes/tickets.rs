use eventhub_native::{Exchange, get};
use insta::assert_json_snapshot;
use serde_json::{Value, json};

use crate::support::{BUYER, STRANGER, Service, booking_of, code};

fn tickets(query: &str) -> Exchange {
    get(&format!(
        "/api/v1/bookings/{}/tickets{query}",
        booking_of(1)
    ))
    .by(BUYER)
}

fn qr_svg(ticket: &Value) -> Exchange {
    get(ticket["qr"]["svg_url"].as_str().unwrap()).by(BUYER)
}

#[test]
fn a_confirmed_booking_has_a_ticket_for_each_place() {
    let service = Service::start();
    service.book_and_reserve();
    assert_eq!(
        service.send(&tickets(""))["body"],
        json!({"items": [], "next_cursor": null})
    );
    let service = Service::start();
    service.book_and_pay();
    assert_json_snapshot!("tickets", service.send(&tickets("")), {
        ".body.items[].id" => "[id]",
        ".body.items[].qr.payload" => "[payload]",
        ".body.items[].qr.svg_url" => "[url]",
    });
}

#[test]
fn tickets_are_listed_in_pages_in_the_order_of_issue() {
    let service = Service::start();
    service.book_and_pay();
    let all = service.send(&tickets(""))["body"]["items"].clone();
    let first = service.send(&tickets("?limit=2"));
    let cursor = first["body"]["next_cursor"].as_str().unwrap();
    let rest = service.send(&tickets(&format!("?limit=2&cursor={cursor}")));
    assert_eq!(
        (
            &first["body"]["items"][0],
            &first["body"]["items"][1],
            &rest["body"]["items"][0]
        ),
        (&all[0], &all[1], &all[2])
    );
    assert_eq!(rest["body"]["next_cursor"], Value::Null);
    for query in ["?limit=0", "?cursor=x", "?status=valid"] {
        assert_eq!(
            code(&service.send(&tickets(query))),
            (422, "validation_failed"),
            "{query}"
        );
    }
}

#[test]
fn a_ticket_has_a_qr_code_until_it_is_void() {
    let service = Service::start();
    service.book_and_pay();
    let ticket = service.send(&tickets(""))["body"]["items"][0].clone();
    let answer = service.send(&qr_svg(&ticket));
    assert_eq!(answer["status"], 200);
    assert_eq!(
        answer["headers"],
        json!({"content-type": "image/svg+xml", "cache-control": "private, max-age=300"})
    );
    assert!(answer["body"].as_str().unwrap().contains("<svg"));
    service.sql("UPDATE tickets SET status = 'void'");
    assert_eq!(code(&service.send(&qr_svg(&ticket))), (404, "not_found"));
    let void = service.send(&tickets(""))["body"]["items"][0].clone();
    assert_eq!(
        (&void["status"], &void["qr"]),
        (&json!("void"), &Value::Null)
    );
}

#[test]
fn tickets_are_shown_to_their_owner_only() {
    let service = Service::start();
    service.book_and_pay();
    let ticket = service.send(&tickets(""))["body"]["items"][0].clone();
    assert_eq!(
        code(&service.send(&tickets("").by(STRANGER))),
        (404, "not_found")
    );
    assert_eq!(
        code(&service.send(&qr_svg(&ticket).by(STRANGER))),
        (404, "not_found")
    );
    let nobody = get(ticket["qr"]["svg_url"].as_str().unwrap());
    assert_eq!(code(&service.send(&nobody)), (401, "unauthenticated"));
    let malformed = get("/api/v1/tickets/tkt_1/qr.svg").by(BUYER);
    assert_eq!(code(&service.send(&malformed)), (404, "not_found"));
}

#[test]
fn anybody_reads_the_keys_that_verify_tickets() {
    let service = Service::start();
    let keys = get("/.well-known/ticket-keys.json");
    assert_json_snapshot!("ticket_keys", service.send(&keys));
    let with_query = get("/.well-known/ticket-keys.json?a=1");
    assert_eq!(code(&service.send(&with_query)), (422, "validation_failed"));
}

#[test]
fn without_a_signing_key_tickets_are_unavailable() {
    let service = Service::start_with_key("");
    service.book_and_pay();
    assert_json_snapshot!("tickets_without_key", service.send(&tickets("")));
    let keys = get("/.well-known/ticket-keys.json");
    assert_eq!(code(&service.send(&keys)), (503, "unavailable"));
}

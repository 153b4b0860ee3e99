//! Publish and cancel.

use event::domain::event::Tally;
use eventhub_guest::ids::EventId;
use eventhub_guest::native;
use eventhub_native::{Exchange, get, post};
use serde_json::json;

use super::support::*;

fn publish(event: EventId) -> Exchange {
    post(&format!("/api/v1/events/{event}/publish")).by(EDITOR)
}

fn cancel(event: EventId) -> Exchange {
    post(&format!("/api/v1/events/{event}/cancel")).by(EDITOR)
}

#[test]
fn publishing_opens_the_sale_and_records_one_fact() {
    let service = Service::start();
    let event = service.make_draft();
    let published = service.send(&publish(event).json(&json!({})));
    let again = service.send(&publish(event));
    assert_eq!(published["body"], again["body"]);
    assert_eq!(*service.services.opened.borrow(), [event]);
    let facts = service.environment.facts(DATABASE);
    assert_eq!(facts.len(), 1);
    assert_answers(
        "published",
        &[("answer", published), ("fact", json!(facts))],
    );
}

#[test]
fn the_free_seats_of_a_published_event_are_counted() {
    let service = Service::start();
    let event = service.make_published();
    let read = || service.send(&get(&format!("/api/v1/events/{event}")));
    let session = read()["body"]["sessions"][0]["id"]
        .as_str()
        .unwrap()
        .parse();
    let tally = Tally { total: 12, free: 5 };
    service
        .services
        .free
        .borrow_mut()
        .insert(session.unwrap(), tally);
    assert_eq!(
        read()["body"]["sessions"][0]["seats"],
        json!({"total": 12, "free": 5})
    );
    service.services.away.set("sales");
    assert_eq!(
        read()["body"]["sessions"][0]["seats"],
        json!({"total": 10, "free": null})
    );
}

#[test]
fn publishing_is_refused_with_its_reason() {
    let service = Service::start();
    let draft = service.make_draft();
    let cancelled = service.make_draft();
    service.send(&cancel(cancelled).json(&json!({"reason": "Rain."})));
    let mut answers = vec![
        (
            "without a token",
            service.send(&post(&format!("/api/v1/events/{draft}/publish"))),
        ),
        ("by a viewer", service.send(&publish(draft).by(VIEWER))),
        ("by a stranger", service.send(&publish(draft).by(STRANGER))),
        (
            "with a body",
            service.send(&publish(draft).json(&json!({"now": true}))),
        ),
        ("of a cancelled event", service.send(&publish(cancelled))),
    ];
    service.services.away.set("sales");
    answers.push(("without the sale", service.send(&publish(draft))));
    service.services.away.set("");
    service
        .services
        .refusal
        .set(Some("category box has no price"));
    answers.push((
        "of seats that cannot be sold",
        service.send(&publish(draft)),
    ));
    service.services.refusal.set(None);
    native::set_clock("2030-05-01T18:30:00Z".parse().ok());
    answers.push(("of a session that has begun", service.send(&publish(draft))));
    assert_answers("publishing_refused", &answers);
    assert!(service.environment.facts(DATABASE).is_empty());
}

#[test]
fn cancelling_closes_the_sale_and_records_one_fact() {
    let service = Service::start();
    let event = service.make_published();
    service.open_sale(event);
    let reason = json!({"reason": "The singer is ill."});
    let cancelled = service.send(&cancel(event).json(&reason));
    let again = service.send(&cancel(event).json(&json!({"reason": "Again."})));
    assert_eq!(cancelled["body"], again["body"]);
    assert_eq!(service.statuses(event), "closed cancelled");
    assert_eq!(*service.services.closed.borrow(), [event]);
    let facts = service.environment.facts(DATABASE);
    assert_eq!(facts.len(), 2);
    assert_answers(
        "cancelled",
        &[("answer", cancelled), ("fact", json!(facts[1]))],
    );
}

#[test]
fn a_cancelled_draft_records_no_fact() {
    let service = Service::start();
    let draft = service.make_draft();
    let answer = service.send(&cancel(draft).json(&json!({"reason": "Rain."})));
    assert_eq!(answer["body"]["status"], "cancelled");
    assert!(service.environment.facts(DATABASE).is_empty());
}

#[test]
fn a_cancellation_needs_no_answer_of_the_sale() {
    let service = Service::start();
    let event = service.make_published();
    service.services.away.set("sales");
    let answer = service.send(&cancel(event).json(&json!({"reason": "Rain."})));
    assert_eq!(answer["body"]["cancellation_reason"], "Rain.");
}

#[test]
fn cancelling_is_refused_with_its_reason() {
    let service = Service::start();
    let (draft, published) = (service.make_draft(), service.make_published());
    let reason = json!({"reason": "Rain."});
    let answers = [
        (
            "without a token",
            service.send(&post(&format!("/api/v1/events/{draft}/cancel")).json(&reason)),
        ),
        (
            "by a viewer",
            service.send(&cancel(draft).by(VIEWER).json(&reason)),
        ),
        (
            "of a draft by a stranger",
            service.send(&cancel(draft).by(STRANGER).json(&reason)),
        ),
        (
            "of a public event by a stranger",
            service.send(&cancel(published).by(STRANGER).json(&reason)),
        ),
        (
            "without a reason",
            service.send(&cancel(draft).json(&json!({}))),
        ),
        (
            "with a reason of two lines",
            service.send(&cancel(draft).json(&json!({"reason": "a\nb"}))),
        ),
        (
            "of an unknown event",
            service.send(&cancel(EventId::from_u128(9)).json(&reason)),
        ),
    ];
    assert_answers("cancelling_refused", &answers);
}

use booking::domain::payment::PaymentStatus;
use booking::events::handle_batch;
use booking::ports::HoldError;
use eventhub_facts::{
    EventCancelled, PaymentCancelled, PaymentFailed, PaymentSucceeded, RefundFailed,
};
use eventhub_guest::bindings::eventhub::kafka::types::Outcome;
use serde_json::json;

use crate::support::{EVENT, Service, delivery, payment_details};

fn event_cancelled() -> EventCancelled {
    EventCancelled {
        event_id: EVENT,
        session_ids: vec![],
        reason: "rain".into(),
    }
}

#[test]
fn a_payment_confirms_the_booking_and_publishes_it() {
    let service = Service::start();
    service.book_and_pay();
    let facts = service.environment.facts("booking_db");
    insta::assert_json_snapshot!("booking_confirmed_fact", facts[1]);
    assert_eq!(service.sql("SELECT count(*) FROM tickets"), "3");
    assert_eq!(
        *service.others.calls.borrow(),
        ["reserve A-1-14#13 floor*2", "confirm A-1-14#13 floor*2"]
    );
}

#[test]
fn a_booking_without_seat_indexes_is_confirmed_all_the_same() {
    let service = Service::start();
    service.book(1);
    service.sql("UPDATE bookings SET seats = seats #- '{0,seat_index}'");
    assert_eq!(service.deliver_created(), [Outcome::Done]);
    assert_eq!(*service.others.calls.borrow(), ["reserve A-1-14 floor*2"]);
}

#[test]
fn a_fact_is_handled_once() {
    let service = Service::start();
    service.book_and_pay();
    assert_eq!(service.deliver_created(), [Outcome::Done]);
    let paid = PaymentSucceeded::from(payment_details("succeeded"));
    let twice = [delivery(101, &paid), delivery(101, &paid)];
    assert_eq!(
        handle_batch(&service.others, &twice),
        [Outcome::Done, Outcome::Done]
    );
    assert_eq!(service.sql("SELECT count(*) FROM inbox"), "3");
    assert_eq!(service.fact_names(), ["BookingCreated", "BookingConfirmed"]);
}

#[test]
fn taken_seats_fail_the_booking() {
    let service = Service::start();
    *service.others.reserve_error.borrow_mut() = Some(HoldError::Taken(vec!["A-1-14".into()]));
    service.book_and_reserve();
    let answer = service.get_booking(1);
    assert_eq!(
        (&answer["body"]["status"], &answer["body"]["failure"]),
        (
            &json!("failed"),
            &json!({"code": "seats_unavailable", "detail": "Taken by others: A-1-14."})
        )
    );
    assert_eq!(service.fact_names(), ["BookingCreated", "BookingFailed"]);
}

#[test]
fn a_refused_reservation_says_why() {
    for (error, code) in [
        (HoldError::Closed, "session_closed"),
        (HoldError::Expired, "hold_expired"),
        (HoldError::NotFound, "hold_expired"),
        (HoldError::AlreadyBooked, "hold_already_booked"),
    ] {
        let service = Service::start();
        *service.others.reserve_error.borrow_mut() = Some(error);
        service.book_and_reserve();
        let answer = service.get_booking(1);
        assert_eq!(answer["body"]["status"], "failed");
        assert_eq!(answer["body"]["failure"]["code"], code);
    }
}

#[test]
fn paid_seats_that_are_gone_are_refunded() {
    let service = Service::start();
    service.book_and_reserve();
    *service.others.confirm_error.borrow_mut() = Some(HoldError::Taken(vec!["A-1-14".into()]));
    service.others.payment.set(Some(PaymentStatus::Succeeded));
    let paid = PaymentSucceeded::from(payment_details("succeeded"));
    assert_eq!(service.deliver(100, &paid), Outcome::Done);
    let answer = service.get_booking(1);
    assert_eq!(
        (
            &answer["body"]["status"],
            &answer["body"]["failure"]["code"]
        ),
        (&json!("refunding"), &json!("seats_unavailable"))
    );
    assert_eq!(service.sql("SELECT count(*) FROM tickets"), "0");
}

#[test]
fn a_payment_over_another_amount_is_not_the_bookings() {
    let service = Service::start();
    service.others.surcharge.set(1);
    service.book_and_reserve();
    let answer = service.get_booking(1);
    assert_eq!(
        (&answer["body"]["status"], &answer["body"]["payment"]),
        (&json!("pending"), &json!(null))
    );
    service.others.surcharge.set(0);
    service.run_tick();
    assert_eq!(service.status(), "awaiting_payment");
}

#[test]
fn a_declined_card_is_shown_and_the_booking_stays_payable() {
    let service = Service::start();
    service.book_and_reserve();
    let mut details = payment_details("requires_payment");
    details.reason = Some("card_declined".into());
    let outcome = service.deliver(100, &PaymentFailed::from(details));
    assert_eq!(outcome, Outcome::Done);
    let answer = service.get_booking(1);
    assert_eq!(
        (
            &answer["body"]["status"],
            &answer["body"]["failure"]["detail"]
        ),
        (&json!("awaiting_payment"), &json!("card_declined"))
    );
}

#[test]
fn a_payment_cancelled_by_the_provider_fails_the_booking() {
    let service = Service::start();
    service.book_and_reserve();
    service.others.payment.set(Some(PaymentStatus::Cancelled));
    let cancelled = PaymentCancelled::from(payment_details("cancelled"));
    assert_eq!(service.deliver(100, &cancelled), Outcome::Done);
    assert_eq!(service.status(), "failed");
}

#[test]
fn a_seat_with_a_live_ticket_is_refunded() {
    let service = Service::start();
    service.book_and_reserve();
    service.sql(
        "INSERT INTO tickets (id, booking_id, session_id, seat) \
         SELECT gen_random_uuid(), id, session_id, 'A-1-14' FROM bookings",
    );
    service.others.payment.set(Some(PaymentStatus::Succeeded));
    let paid = PaymentSucceeded::from(payment_details("succeeded"));
    assert_eq!(service.deliver(100, &paid), Outcome::Done);
    assert_eq!(service.status(), "refunding");
    assert_eq!(service.sql("SELECT count(*) FROM tickets"), "1");
}

#[test]
fn a_cancelled_event_ends_its_bookings() {
    let service = Service::start();
    service.book_and_pay();
    service.book(2);
    assert_eq!(service.deliver(200, &event_cancelled()), Outcome::Done);
    assert_eq!(
        service.sql("SELECT status, failure_code FROM bookings ORDER BY status"),
        "cancelled|event_cancelled\nrefunding|event_cancelled"
    );
    assert_eq!(service.sql("SELECT DISTINCT status FROM tickets"), "void");
    assert_eq!(
        service.sql("SELECT count(*) FROM bookings WHERE next_attempt_at <= now()"),
        "2",
        "the refund and the release are due at once"
    );
    assert_eq!(service.deliver(200, &event_cancelled()), Outcome::Done);
}

#[test]
fn a_failed_refund_waits_for_the_timer() {
    let service = Service::start();
    service.book_and_pay();
    service.deliver(200, &event_cancelled());
    service.run_tick();
    assert_eq!(service.others.payment.get(), Some(PaymentStatus::Refunding));
    service.others.payment.set(Some(PaymentStatus::Succeeded));
    let failed = RefundFailed::from(payment_details("succeeded"));
    assert_eq!(service.deliver(201, &failed), Outcome::Done);
    assert_eq!(service.others.payment.get(), Some(PaymentStatus::Succeeded));
    service.run_tick();
    assert_eq!(service.others.payment.get(), Some(PaymentStatus::Refunding));
}

#[test]
fn a_fact_about_an_unknown_booking_is_tried_again() {
    let service = Service::start();
    let paid = PaymentSucceeded::from(payment_details("succeeded"));
    assert!(matches!(service.deliver(1, &paid), Outcome::Retry(_)));
}

#[test]
fn no_fact_is_given_up_while_the_database_or_payment_is_away() {
    let service = Service::start();
    service.book(1);
    service.others.payment_is_away.set(true);
    assert_eq!(
        service.deliver_created(),
        [Outcome::Done],
        "the reservation is recorded, and the timer asks for the payment"
    );
    service.environment.cut_off("booking_db");
    let paid = PaymentSucceeded::from(payment_details("succeeded"));
    assert!(matches!(service.deliver(1, &paid), Outcome::Unavailable(_)));
    let cancelled = service.deliver(2, &event_cancelled());
    assert!(matches!(cancelled, Outcome::Unavailable(_)));
}

#[test]
fn an_unreadable_message_is_a_dead_letter_and_delays_no_other() {
    let service = Service::start();
    service.book_and_reserve();
    service.others.payment.set(Some(PaymentStatus::Succeeded));
    let paid = PaymentSucceeded::from(payment_details("succeeded"));
    let mut unreadable = delivery(7, &paid);
    unreadable.message.value = b"{}".to_vec();
    let batch = [unreadable, delivery(8, &paid)];
    let outcomes = handle_batch(&service.others, &batch);
    assert!(matches!(outcomes[0], Outcome::DeadLetter(_)));
    assert_eq!(outcomes[1], Outcome::Done);
    assert_eq!(service.status(), "confirmed");
}

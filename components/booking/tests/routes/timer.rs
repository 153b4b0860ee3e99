use std::time::Duration;

use booking::domain::payment::PaymentStatus;
use eventhub_guest::native;

use crate::support::{NOW, Service, booking_of};

/// Passes the deadline of all bookings for the service; for the database it is long past.
fn pass_deadline() {
    native::set_clock(Some(NOW.plus(Duration::from_secs(700))));
}

#[test]
fn a_booking_whose_fact_was_lost_goes_on_with_the_timer() {
    let service = Service::start();
    service.book(1);
    service.run_tick();
    assert_eq!(service.status(), "awaiting_payment");
}

#[test]
fn a_payment_that_no_fact_reported_is_found_by_the_timer() {
    let service = Service::start();
    service.book_and_reserve();
    service.others.payment.set(Some(PaymentStatus::Succeeded));
    service.run_tick();
    assert_eq!(service.status(), "confirmed");
    assert_eq!(
        service.sql("SELECT count(*) FROM bookings WHERE next_attempt_at IS NULL"),
        "1",
        "a confirmed booking is not polled any more"
    );
}

#[test]
fn an_unpaid_booking_expires_is_swept_and_settles() {
    let service = Service::start();
    service.book_and_reserve();
    pass_deadline();
    service.run_tick();
    assert_eq!(service.status(), "expired");
    assert_eq!(service.others.payment.get(), Some(PaymentStatus::Cancelled));
    assert_eq!(service.fact_names(), ["BookingCreated", "BookingExpired"]);
    let releases = service.others.calls.borrow().len();
    service.run_tick();
    assert!(
        service.others.calls.borrow().len() > releases,
        "released once more"
    );
    assert_eq!(
        service.sql("SELECT count(*) FROM bookings WHERE next_attempt_at IS NOT NULL"),
        "0"
    );
}

#[test]
fn a_claimed_booking_is_not_due_for_another_tick() {
    let service = Service::start();
    service.book(1);
    service.sql("UPDATE bookings SET next_attempt_at = now()");
    let claim = || {
        let kinds = booking::store::due::claim_next_due(5).unwrap();
        let ids = kinds.into_iter().flatten().map(|booking| booking.id);
        ids.collect::<Vec<_>>()
    };
    assert_eq!(claim(), [booking_of(1)]);
    assert_eq!(claim(), []);
    assert_eq!(service.sql("SELECT attempts FROM bookings"), "1");
}

#[test]
fn the_timer_forgets_handled_facts_after_two_weeks() {
    let service = Service::start();
    service.sql(
        "INSERT INTO inbox (event_id, received_at) VALUES \
         (gen_random_uuid(), now() - interval '15 days'), \
         (gen_random_uuid(), now() - interval '13 days')",
    );
    service.run_tick();
    assert_eq!(service.sql("SELECT count(*) FROM inbox"), "1");
}

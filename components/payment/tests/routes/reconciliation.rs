//! The service's tick.

use eventhub_guest::Timestamp;
use eventhub_guest::bindings::eventhub::timers::types::Tick;
use payment::domain::payment::Status;
use payment::domain::provider::{IntentStatus, RefundStatus, Subject};
use payment::ports::ProviderError;
use payment::timers::run_tick;
use payment::usecases::refund_payment;

use crate::support::{BOOKING, Service, intent};

fn tick(service: &Service) {
    let tick = Tick {
        now: Timestamp::now().micros(),
        traceparent: String::new(),
    };
    run_tick(&service.provider, &tick).unwrap();
}

fn make_due(service: &Service) {
    service.sql("UPDATE payments SET next_check_at = now() - interval '1 s'");
}

#[test]
fn a_payment_whose_webhook_was_lost_is_found() {
    let service = Service::start();
    service.create_payment();
    service.provider.set_intent("pi_1", IntentStatus::Succeeded);
    tick(&service);
    assert_eq!(service.stored_status(), Status::RequiresPayment);
    make_due(&service);
    tick(&service);
    assert_eq!(service.stored_status(), Status::Succeeded);
    assert_eq!(service.fact_names(), ["PaymentSucceeded"]);
}

#[test]
fn a_webhook_that_came_before_its_intent_is_applied() {
    let service = Service::start();
    let mut paid = intent("pi_1");
    paid.status = IntentStatus::Succeeded;
    service.send_notice("evt_1", Subject::Intent(paid));
    service.create_payment();
    service.provider.set_intent("pi_1", IntentStatus::Succeeded);
    tick(&service);
    assert_eq!(service.stored_status(), Status::Succeeded);
}

#[test]
fn a_pending_refund_is_continued() {
    let service = Service::start();
    service.create_paid();
    refund_payment(&service.provider, &BOOKING.to_string(), "cancelled").unwrap();
    let set = |status| {
        let mut refunds = service.provider.refunds.borrow_mut();
        refunds.get_mut("re_1").unwrap().status = status;
    };
    set(RefundStatus::Succeeded);
    make_due(&service);
    tick(&service);
    assert_eq!(service.stored_status(), Status::Refunded);
}

#[test]
fn a_provider_that_is_away_fails_no_tick() {
    let service = Service::start();
    service.create_payment();
    make_due(&service);
    *service.provider.failure.borrow_mut() = Some(ProviderError::Unavailable("away".into()));
    tick(&service);
    assert_eq!(service.stored_status(), Status::RequiresPayment);
}

#[test]
fn only_webhooks_that_were_applied_long_ago_are_deleted() {
    let service = Service::start();
    service.sql(
        "INSERT INTO webhook_events (provider, event_id, kind, received_at, applied_at) VALUES \
         ('stripe', 'old', 'x', now() - interval '40 days', now() - interval '31 days'), \
         ('stripe', 'recent', 'x', now(), now() - interval '29 days'), \
         ('stripe', 'never applied', 'x', now() - interval '40 days', NULL)",
    );
    tick(&service);
    assert_eq!(
        service.sql("SELECT string_agg(event_id, ',' ORDER BY event_id) FROM webhook_events"),
        "never applied,recent"
    );
}

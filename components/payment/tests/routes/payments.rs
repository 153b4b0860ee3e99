//! What the saga asks for.

use std::time::Duration;

use eventhub_guest::{Money, Timestamp};
use payment::domain::payment::Status;
use payment::domain::provider::{IntentStatus, RefundStatus, Subject};
use payment::error::Error;
use payment::ports::ProviderError;
use payment::usecases::{cancel_payment, create_payment, get_payment, refund_payment};

use crate::support::{BOOKING, DATABASE, Service, new_payment, refund};

fn booking() -> String {
    BOOKING.to_string()
}

fn away() -> Option<ProviderError> {
    Some(ProviderError::Unavailable("away".into()))
}

#[test]
fn a_booking_has_one_payment() {
    let service = Service::start();
    let first = service.create_payment();
    assert_eq!(first.status, Status::RequiresPayment);
    assert_eq!(first.client_secret.as_deref(), Some("pi_1_secret"));
    assert_eq!(service.create_payment().id, first.id);
    assert_eq!(service.stored(), first);
    assert_eq!(
        *service.provider.keys.borrow(),
        [format!("{}:intent:1", first.id)]
    );
}

#[test]
fn a_creation_that_was_not_answered_repeats_its_key() {
    let service = Service::start();
    *service.provider.failure.borrow_mut() = away();
    let error = create_payment(&service.provider, new_payment()).unwrap_err();
    assert!(matches!(error, Error::Unavailable(_)), "{error}");
    assert_eq!(service.stored_status(), Status::Created);
    *service.provider.failure.borrow_mut() = None;
    assert_eq!(service.create_payment().status, Status::RequiresPayment);
    let keys = service.provider.keys.borrow();
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0], keys[1]);
}

#[test]
fn an_impossible_order_is_refused() {
    let service = Service::start();
    let mut free = new_payment();
    free.total = Money::new(0, free.total.currency);
    let refused = create_payment(&service.provider, free).unwrap_err();
    assert!(matches!(refused, Error::Refused(_)), "{refused}");
    let mut cash = new_payment();
    cash.provider = "cash".into();
    let refused = create_payment(&service.provider, cash).unwrap_err();
    assert_eq!(refused.to_string(), "there is no provider cash");
    assert_eq!(service.sql("SELECT count(*) FROM payments"), "0");
}

#[test]
fn a_payment_that_does_not_exist_is_not_found() {
    let service = Service::start();
    for id in ["bkg_x", &booking()] {
        let provider = &service.provider;
        for result in [
            get_payment(provider, id, Timestamp::now()),
            cancel_payment(provider, id),
            refund_payment(provider, id, "cancelled"),
        ] {
            assert!(matches!(result, Err(Error::NotFound)), "{id}: {result:?}");
        }
    }
}

#[test]
fn an_overdue_payment_is_as_the_provider_has_it() {
    let service = Service::start();
    service.create_payment();
    service.provider.set_intent("pi_1", IntentStatus::Succeeded);
    let now = Timestamp::now();
    let early = get_payment(&service.provider, &booking(), now).unwrap();
    assert_eq!(early.status, Status::RequiresPayment);
    let later = now.plus(Duration::from_secs(3600));
    let late = get_payment(&service.provider, &booking(), later).unwrap();
    assert_eq!(late.status, Status::Succeeded);
    assert_eq!(service.fact_names(), ["PaymentSucceeded"]);
}

#[test]
fn a_cancelled_payment_is_a_fact() {
    let service = Service::start();
    service.create_payment();
    let payment = cancel_payment(&service.provider, &booking()).unwrap();
    assert_eq!(payment.status, Status::Cancelled);
    assert_eq!(service.fact_names(), ["PaymentCancelled"]);
    let again = cancel_payment(&service.provider, &booking()).unwrap();
    assert_eq!(again, service.stored());
}

#[test]
fn a_payment_without_an_intent_is_cancelled_alone() {
    let service = Service::start();
    *service.provider.failure.borrow_mut() = away();
    assert!(create_payment(&service.provider, new_payment()).is_err());
    let payment = cancel_payment(&service.provider, &booking()).unwrap();
    assert_eq!(payment.status, Status::Cancelled);
}

#[test]
fn a_buyer_who_was_quicker_than_the_cancellation_has_paid() {
    let service = Service::start();
    service.create_payment();
    service.provider.set_intent("pi_1", IntentStatus::Succeeded);
    service.provider.refuses_to_cancel.set(true);
    let payment = cancel_payment(&service.provider, &booking()).unwrap();
    assert_eq!(payment.status, Status::Succeeded);
    assert_eq!(service.fact_names(), ["PaymentSucceeded"]);
}

#[test]
fn a_refund_keeps_its_key_until_it_fails() {
    let service = Service::start();
    let id = service.create_paid().id;
    service.provider.keys.borrow_mut().clear();
    *service.provider.failure.borrow_mut() = away();
    assert!(refund_payment(&service.provider, &booking(), "cancelled").is_err());
    assert_eq!(service.stored_status(), Status::Refunding);
    *service.provider.failure.borrow_mut() = None;
    let payment = refund_payment(&service.provider, &booking(), "cancelled").unwrap();
    assert_eq!(payment.refund_id.as_deref(), Some("re_1"));
    let failed = refund("re_1", "pi_1", RefundStatus::Failed);
    service.send_notice("evt_failed", Subject::Refund(failed));
    service
        .provider
        .refund_status
        .set(Some(RefundStatus::Succeeded));
    let payment = refund_payment(&service.provider, &booking(), "cancelled").unwrap();
    assert_eq!(payment.status, Status::Refunded);
    assert_eq!(
        *service.provider.keys.borrow(),
        [0, 0, 1].map(|attempt| format!("{id}:refund:{attempt}"))
    );
    assert_eq!(
        service.fact_names(),
        ["PaymentSucceeded", "RefundFailed", "PaymentRefunded"]
    );
}

#[test]
fn an_unpaid_payment_cannot_be_refunded() {
    let service = Service::start();
    service.create_payment();
    let refused = refund_payment(&service.provider, &booking(), "cancelled").unwrap_err();
    assert_eq!(
        refused.to_string(),
        "refused: a payment that is requires_payment cannot be refunded"
    );
}

#[test]
fn a_declined_attempt_is_a_fact_with_its_reason() {
    let service = Service::start();
    service.create_payment();
    let mut declined = service.provider.intents.borrow()["pi_1"].clone();
    declined.decline = Some("Your card was declined.".into());
    service.send_notice("evt_1", Subject::Intent(declined));
    let facts = service.environment.facts(DATABASE);
    assert_eq!(facts[0].0, "PaymentFailed");
    assert_eq!(facts[0].1["reason"], "Your card was declined.");
}

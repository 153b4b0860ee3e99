//! `POST /webhooks/{provider}`.

use eventhub_native::post;
use payment::domain::payment::Status;
use payment::domain::provider::{IntentStatus, RefundStatus, Subject};
use payment::ports::ProviderError;

use crate::support::{DATABASE, Service, amount, code_of, intent, refund, signed_webhook};

#[test]
fn a_webhook_pays_its_payment_once() {
    let service = Service::start();
    let payment = service.create_payment();
    let answer = service.send_intent("evt_1", IntentStatus::Succeeded);
    insta::assert_json_snapshot!("received", answer);
    assert_eq!(
        service.send_intent("evt_1", IntentStatus::Succeeded),
        answer
    );
    assert_eq!(service.stored_status(), Status::Succeeded);
    assert_eq!(service.sql("SELECT count(*) FROM webhook_events"), "1");
    let facts = service.environment.facts(DATABASE);
    assert_eq!(facts.len(), 1, "{facts:?}");
    let (name, payload) = &facts[0];
    assert_eq!(name, "PaymentSucceeded");
    assert_eq!(payload["payment_id"], payment.id.to_string());
    assert_eq!(payload["status"], "succeeded");
    assert_eq!(payload["amount"], 4500);
}

#[test]
fn a_webhook_without_a_good_signature_is_400() {
    let service = Service::start();
    let unsigned = post("/webhooks/stripe").body("application/json", b"evt_1");
    let answer = service.send(&unsigned);
    insta::assert_json_snapshot!("bad_signature", answer);
    let binary = post("/webhooks/stripe").header("x-signature", "good");
    let binary = service.send(&binary.body("application/json", b"\xff"));
    assert_eq!(code_of(&binary), "400 bad_signature");
    assert_eq!(service.sql("SELECT count(*) FROM webhook_events"), "0");
}

#[test]
fn a_signed_webhook_that_cannot_be_read_is_422() {
    let service = Service::start();
    let answer = service.send(&signed_webhook("nonsense"));
    insta::assert_json_snapshot!("unreadable", answer);
}

#[test]
fn a_webhook_of_an_unknown_provider_is_404() {
    let service = Service::start();
    let answer = service.send(&post("/webhooks/cash").body("application/json", b"evt_1"));
    insta::assert_json_snapshot!("unknown_provider", answer);
    let query = post("/webhooks/stripe?x=1").body("application/json", b"evt_1");
    assert_eq!(code_of(&service.send(&query)), "422 validation_failed");
}

#[test]
fn a_webhook_that_cannot_be_stored_is_503() {
    let service = Service::start();
    let intent = Subject::Intent(intent("pi_1"));
    *service.provider.failure.borrow_mut() = Some(ProviderError::Unavailable("away".into()));
    assert_eq!(
        code_of(&service.send_notice("evt_1", intent.clone())),
        "503 unavailable"
    );
    *service.provider.failure.borrow_mut() = None;
    service.environment.cut_off(DATABASE);
    assert_eq!(
        code_of(&service.send_notice("evt_1", intent)),
        "503 unavailable"
    );
}

#[test]
fn a_webhook_of_no_interest_is_stored() {
    let service = Service::start();
    let answer = service.send_notice("evt_1", Subject::Other);
    assert_eq!(answer["status"], 200);
    assert_eq!(
        service.sql("SELECT event_id, applied_at IS NOT NULL FROM webhook_events"),
        "evt_1|t"
    );
}

#[test]
fn another_amount_is_quarantined_without_a_fact() {
    let service = Service::start();
    service.create_payment();
    let mut paid = intent("pi_1");
    (paid.status, paid.total) = (IntentStatus::Succeeded, amount(4499));
    let answer = service.send_notice("evt_1", Subject::Intent(paid));
    assert_eq!(answer["status"], 200);
    assert_eq!(service.stored_status(), Status::Quarantined);
    assert!(service.fact_names().is_empty());
}

#[test]
fn a_refund_by_hand_is_recorded_as_a_fact() {
    let service = Service::start();
    service.create_paid();
    let part = |id: &str, total| {
        let mut refund = refund(id, "pi_1", RefundStatus::Succeeded);
        refund.total = amount(total);
        Subject::Refund(refund)
    };
    service.send_notice("evt_part", part("re_1", 1000));
    assert_eq!(service.stored_status(), Status::Succeeded);
    service.send_notice("evt_whole", part("re_2", 4500));
    assert_eq!(service.stored_status(), Status::Refunded);
    assert_eq!(
        service.fact_names(),
        ["PaymentSucceeded", "PaymentRefunded"]
    );
}

#[test]
fn a_refund_reported_before_its_payment_counts() {
    let service = Service::start();
    service.create_payment();
    service.provider.set_intent("pi_1", IntentStatus::Succeeded);
    let refund = refund("re_1", "pi_1", RefundStatus::Succeeded);
    service.send_notice("evt_1", Subject::Refund(refund));
    assert_eq!(
        service.fact_names(),
        ["PaymentSucceeded", "PaymentRefunded"]
    );
}

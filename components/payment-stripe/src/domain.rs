//! Stripe's objects read into ours, and our requests written as Stripe's forms. No I/O.

use crate::bindings::eventhub::payment_provider::types::{
    Error, Intent, IntentRequest, IntentStatus, Notice, NoticeSubject, Refund, RefundRequest, RefundStatus,
};
use eventhub_guest::bindings::eventhub::common::types::Money;
use serde_json::Value;

/// `POST /v1/payment_intents`: captured automatically, with whatever methods the account has switched on.
pub fn intent_form(request: &IntentRequest) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("amount", &request.total.amount.to_string())
        .append_pair("currency", &request.total.currency.to_lowercase())
        .append_pair("automatic_payment_methods[enabled]", "true")
        .append_pair("metadata[booking_id]", &request.booking_id)
        .append_pair("metadata[payment_id]", &request.payment_id);
    if let Some(email) = &request.email {
        form.append_pair("receipt_email", email);
    }
    form.finish()
}

/// `POST /v1/refunds`
pub fn refund_form(request: &RefundRequest) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair("payment_intent", &request.intent_id)
        .append_pair("amount", &request.total.amount.to_string())
        .append_pair("metadata[payment_id]", &request.payment_id)
        .finish()
}

/// An id of Stripe's in a path. Anything else did not come from Stripe.
pub fn path_segment(id: &str) -> Result<&str, Error> {
    let plain = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    plain.then_some(id).ok_or(Error::NotFound)
}

/// A PaymentIntent: <https://docs.stripe.com/api/payment_intents/object>
pub fn intent(object: &Value) -> Result<Intent, Error> {
    let status = match text(object, "status")? {
        "succeeded" => IntentStatus::Succeeded,
        "canceled" => IntentStatus::Cancelled,
        "processing" | "requires_capture" => IntentStatus::Processing,
        _ => IntentStatus::RequiresPayment,
    };
    let error = &object["last_payment_error"];
    let decline = storable(&error["message"]).or(storable(&error["decline_code"])).or(storable(&error["code"]));
    Ok(Intent {
        id: text(object, "id")?.to_string(),
        status,
        total: money(object)?,
        client_secret: storable(&object["client_secret"]).map(str::to_string),
        decline: decline.map(str::to_string),
    })
}

/// A Refund: <https://docs.stripe.com/api/refunds/object>
pub fn refund(object: &Value) -> Result<Refund, Error> {
    let status = match text(object, "status")? {
        "succeeded" => RefundStatus::Succeeded,
        "failed" | "canceled" => RefundStatus::Failed,
        _ => RefundStatus::Pending,
    };
    Ok(Refund { id: text(object, "id")?.to_string(), intent_id: text(object, "payment_intent")?.to_string(), status, total: money(object)? })
}

/// A webhook's event: <https://docs.stripe.com/api/events/object>. Its signature has been verified.
///
/// # Errors
/// [`Error::Refused`] where it is none that we can read: to hear it again would not help.
pub fn notice(body: &str) -> Result<Notice, Error> {
    let event: Value = serde_json::from_str(body).map_err(|_| Error::BadSignature("the signed body is not JSON".into()))?;
    read_notice(&event).map_err(|error| match error {
        Error::Unavailable(why) => Error::Refused(why),
        other => other,
    })
}

fn read_notice(event: &Value) -> Result<Notice, Error> {
    let (id, kind) = (text(event, "id")?.to_string(), text(event, "type")?.to_string());
    if id.len() > 255 || path_segment(&id).is_err() {
        return Err(missing("id such as it gives"));
    }
    let object = &event["data"]["object"];
    if !object.is_object() {
        return Err(missing("data.object"));
    }
    let subject = if kind.starts_with("payment_intent.") {
        NoticeSubject::Intent(intent(object)?)
    } else if kind.starts_with("refund.") || kind == "charge.refund.updated" {
        NoticeSubject::Refund(refund(object)?)
    } else {
        NoticeSubject::Other
    };
    Ok(Notice { id, kind, subject })
}

/// Whose fault an error answer is: <https://docs.stripe.com/error-handling>
pub fn error(status: u16, body: &Value) -> Error {
    let error = &body["error"];
    let message = error["message"].as_str().unwrap_or("no message").to_string();
    match status {
        404 => Error::NotFound,
        // 409: the same key is in flight; 401: our own key is wrong, which an operator mends.
        401 | 403 | 409 | 429 | 500.. => Error::Unavailable(format!("Stripe answered {status}: {message}")),
        _ => Error::Refused(message),
    }
}

fn money(object: &Value) -> Result<Money, Error> {
    let amount = object["amount"].as_i64().ok_or_else(|| missing("amount"))?;
    Ok(Money { amount, currency: text(object, "currency")?.to_uppercase() })
}

fn text<'a>(object: &'a Value, member: &str) -> Result<&'a str, Error> {
    storable(&object[member]).ok_or_else(|| missing(member))
}

/// A text without the one character that PostgreSQL cannot store.
fn storable(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| !text.contains('\0'))
}

fn missing(member: &str) -> Error {
    Error::Unavailable(format!("Stripe's object has no {member}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn statuses_of_stripe_are_read_and_unknown_ones_are_not_taken_for_money() {
        let of = |status: &str| intent(&json!({"id": "pi_1", "status": status, "amount": 1, "currency": "eur"})).unwrap().status;
        assert_eq!(of("succeeded"), IntentStatus::Succeeded);
        assert_eq!(of("canceled"), IntentStatus::Cancelled);
        for open in ["requires_payment_method", "requires_action", "something_new"] {
            assert_eq!(of(open), IntentStatus::RequiresPayment);
        }
    }

    #[test]
    fn a_declined_attempt_says_why() {
        let object = json!({"id": "pi_1", "status": "requires_payment_method", "amount": 1, "currency": "eur", "last_payment_error": {"message": "Your card was declined."}});
        assert_eq!(intent(&object).unwrap().decline.as_deref(), Some("Your card was declined."));
    }

    #[test]
    fn a_signed_body_that_is_no_event_is_not_asked_for_again() {
        let event = |data: Value| notice(&json!({"id": "evt_1", "type": "payment_intent.succeeded", "data": data}).to_string());
        assert!(event(json!({"object": {"id": "pi_1", "status": "succeeded", "amount": 1, "currency": "eur"}})).is_ok());
        for odd in [json!(null), json!({"object": {}}), json!({"object": {"id": "pi_\u{0}", "status": "succeeded", "amount": 1, "currency": "eur"}})] {
            assert!(matches!(event(odd.clone()), Err(Error::Refused(_))), "{odd}");
        }
        let other = |id: &str, data: Value| notice(&json!({"id": id, "type": "customer.created", "data": data}).to_string());
        assert!(other("evt_1", json!({"object": {}})).is_ok());
        for (id, data) in [("evt_1", json!({})), ("evt 1", json!({"object": {}})), ("", json!({"object": {}}))] {
            assert!(matches!(other(id, data), Err(Error::Refused(_))), "{id}");
        }
        assert!(matches!(notice("[]"), Err(Error::Refused(_))));
    }

    #[test]
    fn errors_that_a_retry_may_cure_are_unavailable_and_others_are_refused() {
        assert!(matches!(error(500, &Value::Null), Error::Unavailable(_)));
        assert!(matches!(error(409, &Value::Null), Error::Unavailable(_)));
        assert!(matches!(error(400, &json!({"error": {"message": "no"}})), Error::Refused(text) if text == "no"));
        assert!(matches!(error(404, &Value::Null), Error::NotFound));
    }

    #[test]
    fn an_id_cannot_lead_elsewhere() {
        assert!(path_segment("pi_3Nabc").is_ok());
        for id in ["", "../refunds", "pi_1/cancel", "pi_1?x"] {
            assert!(path_segment(id).is_err(), "{id}");
        }
    }

    #[test]
    fn forms_are_encoded() {
        let request = IntentRequest {
            idempotency_key: "k".into(),
            total: Money { amount: 4500, currency: "EUR".into() },
            booking_id: "bkg_1".into(),
            payment_id: "pay_1".into(),
            email: Some("a+b@example.org".into()),
        };
        let form = intent_form(&request);
        assert!(form.starts_with("amount=4500&currency=eur&automatic_payment_methods%5Benabled%5D=true"), "{form}");
        assert!(form.ends_with("receipt_email=a%2Bb%40example.org"), "{form}");
    }
}

//! Stripe's objects read into ours, and our requests written as Stripe's forms. No I/O.

use eventhub_guest::bindings::eventhub::common::types::Money;
use serde_json::Value;

use crate::bindings::eventhub::payment_provider::types::{
    Error, Intent, IntentRequest, IntentStatus, Notice, NoticeSubject, Refund, RefundRequest,
    RefundStatus,
};
use crate::currency;

/// Why a call to Stripe came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A refund of a charge of which all has been given back, or is on its way.
    #[error("nothing is left to give back")]
    AlreadyRefunded,
    #[error(transparent)]
    Other(Error),
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::AlreadyRefunded => Error::Refused(failure.to_string()),
            Failure::Other(error) => error,
        }
    }
}

impl From<currency::Error> for Error {
    fn from(error: currency::Error) -> Self {
        Error::Refused(error.to_string())
    }
}

/// `POST /v1/payment_intents`: captured automatically, with whatever methods the account has
/// switched on.
///
/// # Errors
/// [`Error::Refused`] where Stripe cannot charge the amount.
pub fn intent_form(request: &IntentRequest) -> Result<String, Error> {
    let amount = currency::to_stripe(request.total.amount, &request.total.currency)?;
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("amount", &amount.to_string())
        .append_pair("currency", &request.total.currency.to_lowercase())
        .append_pair("automatic_payment_methods[enabled]", "true")
        .append_pair("metadata[booking_id]", &request.booking_id)
        .append_pair("metadata[payment_id]", &request.payment_id);
    if let Some(email) = &request.email {
        form.append_pair("receipt_email", email);
    }
    Ok(form.finish())
}

/// `POST /v1/refunds`: without an amount Stripe gives back what is left, whatever part has been
/// given back by hand before.
pub fn refund_form(request: &RefundRequest) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair("payment_intent", &request.intent_id)
        .append_pair("metadata[payment_id]", &request.payment_id)
        .finish()
}

/// An id of Stripe's in a path. Anything else did not come from Stripe.
pub fn path_segment(id: &str) -> Result<&str, Error> {
    let plain = !id.is_empty()
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
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
    let decline = storable(&error["message"])
        .or(storable(&error["decline_code"]))
        .or(storable(&error["code"]));
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
    Ok(Refund {
        id: text(object, "id")?.to_string(),
        intent_id: text(object, "payment_intent")?.to_string(),
        status,
        total: money(object)?,
    })
}

/// `GET /v1/refunds?payment_intent=…`, for an intent of which nothing is said to be left: the
/// refund on which it hangs whether the whole has been given back. It is one that failed where the
/// others are not enough: "already refunded" may be an answer of yesterday that Stripe kept under
/// our key, and another key gets what is left.
pub fn decisive_refund(list: &Value, whole: &Money) -> Result<Refund, Error> {
    let refunds: Vec<Refund> = list["data"]
        .as_array()
        .ok_or_else(|| missing("data"))?
        .iter()
        .map(refund)
        .collect::<Result<_, _>>()?;
    let (failed, good): (Vec<_>, Vec<_>) = refunds
        .into_iter()
        .partition(|refund| refund.status == RefundStatus::Failed);
    let given_back: i128 = good
        .iter()
        .map(|refund| i128::from(refund.total.amount))
        .sum();
    let decisive = if given_back < i128::from(whole.amount) {
        failed.into_iter().next()
    } else {
        // One that is on its way may still fail.
        let pending = good
            .iter()
            .position(|refund| refund.status == RefundStatus::Pending);
        good.into_iter().nth(pending.unwrap_or(0))
    };
    decisive.ok_or_else(|| {
        Error::Unavailable(
            "Stripe has nothing left to give back, and its refunds are not the whole".into(),
        )
    })
}

/// A webhook's event: <https://docs.stripe.com/api/events/object>. Its signature has been verified.
///
/// # Errors
/// [`Error::Refused`] where it is none that we can read: to hear it again would not help.
pub fn notice(body: &str) -> Result<Notice, Error> {
    let event: Value = serde_json::from_str(body)
        .map_err(|_| Error::BadSignature("the signed body is not JSON".into()))?;
    read_notice(&event).map_err(|error| match error {
        Error::Unavailable(why) => Error::Refused(why),
        other => other,
    })
}

fn read_notice(event: &Value) -> Result<Notice, Error> {
    let (id, kind) = (
        text(event, "id")?.to_string(),
        text(event, "type")?.to_string(),
    );
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
pub fn failure(status: u16, body: &Value) -> Failure {
    let error = &body["error"];
    if status == 400 && error["code"] == "charge_already_refunded" {
        return Failure::AlreadyRefunded;
    }
    let message = error["message"]
        .as_str()
        .unwrap_or("no message")
        .to_string();
    Failure::Other(match status {
        404 => Error::NotFound,
        // 409: the same key is in flight; 401: our own key is wrong, which an operator mends.
        401 | 403 | 409 | 429 | 500.. => {
            Error::Unavailable(format!("Stripe answered {status}: {message}"))
        }
        _ => Error::Refused(message),
    })
}

fn money(object: &Value) -> Result<Money, Error> {
    let amount = object["amount"].as_i64().ok_or_else(|| missing("amount"))?;
    let currency = text(object, "currency")?.to_uppercase();
    Ok(Money {
        amount: currency::from_stripe(amount, &currency)?,
        currency,
    })
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
    use serde_json::json;

    use super::*;

    #[test]
    fn statuses_of_stripe_are_read_and_unknown_ones_are_not_taken_for_money() {
        let of = |status: &str| {
            intent(&json!({"id": "pi_1", "status": status, "amount": 1, "currency": "eur"}))
                .unwrap()
                .status
        };
        assert_eq!(of("succeeded"), IntentStatus::Succeeded);
        assert_eq!(of("canceled"), IntentStatus::Cancelled);
        for open in [
            "requires_payment_method",
            "requires_action",
            "something_new",
        ] {
            assert_eq!(of(open), IntentStatus::RequiresPayment);
        }
    }

    #[test]
    fn a_declined_attempt_says_why() {
        let object = json!({"id": "pi_1", "status": "requires_payment_method", "amount": 1, "currency": "eur", "last_payment_error": {"message": "Your card was declined."}});
        assert_eq!(
            intent(&object).unwrap().decline.as_deref(),
            Some("Your card was declined.")
        );
    }

    #[test]
    fn a_signed_body_that_is_no_event_is_not_asked_for_again() {
        let event = |data: Value| {
            notice(
                &json!({"id": "evt_1", "type": "payment_intent.succeeded", "data": data})
                    .to_string(),
            )
        };
        assert!(event(json!({"object": {"id": "pi_1", "status": "succeeded", "amount": 1, "currency": "eur"}})).is_ok());
        for odd in [
            json!(null),
            json!({"object": {}}),
            json!({"object": {"id": "pi_\u{0}", "status": "succeeded", "amount": 1, "currency": "eur"}}),
        ] {
            assert!(
                matches!(event(odd.clone()), Err(Error::Refused(_))),
                "{odd}"
            );
        }
        let other = |id: &str, data: Value| {
            notice(&json!({"id": id, "type": "customer.created", "data": data}).to_string())
        };
        assert!(other("evt_1", json!({"object": {}})).is_ok());
        for (id, data) in [
            ("evt_1", json!({})),
            ("evt 1", json!({"object": {}})),
            ("", json!({"object": {}})),
        ] {
            assert!(matches!(other(id, data), Err(Error::Refused(_))), "{id}");
        }
        assert!(matches!(notice("[]"), Err(Error::Refused(_))));
    }

    #[test]
    fn errors_that_a_retry_may_cure_are_unavailable_and_others_are_refused() {
        let error = |status, body: Value| Error::from(failure(status, &body));
        assert!(matches!(error(500, Value::Null), Error::Unavailable(_)));
        assert!(matches!(error(409, Value::Null), Error::Unavailable(_)));
        assert!(
            matches!(error(400, json!({"error": {"message": "no"}})), Error::Refused(text) if text == "no")
        );
        assert!(matches!(error(404, Value::Null), Error::NotFound));
    }

    #[test]
    fn a_charge_that_has_been_refunded_already_is_told_from_a_wrong_request() {
        let body = json!({"error": {"code": "charge_already_refunded", "message": "Charge ch_1 has already been refunded."}});
        assert!(matches!(failure(400, &body), Failure::AlreadyRefunded));
        assert!(matches!(
            failure(400, &json!({"error": {"code": "charge_disputed"}})),
            Failure::Other(Error::Refused(_))
        ));
    }

    /// Refunds as Stripe lists them, the latest first; the id of the one that decides over 45.00
    /// EUR.
    fn decides(refunds: &[(&str, &str, i64)]) -> Option<String> {
        let object = |(id, status, amount): &(&str, &str, i64)| json!({"id": id, "payment_intent": "pi_1", "status": status, "amount": amount, "currency": "eur"});
        let list = json!({"data": refunds.iter().map(object).collect::<Vec<_>>()});
        match decisive_refund(&list, &eur(4500)) {
            Ok(refund) => Some(refund.id),
            Err(Error::Unavailable(_)) => None,
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn parts_that_are_the_whole_are_done_when_none_of_them_is_on_its_way() {
        assert_eq!(
            decides(&[("re_1", "succeeded", 4500)]).as_deref(),
            Some("re_1")
        );
        assert_eq!(
            decides(&[
                ("re_3", "succeeded", 3500),
                ("re_2", "failed", 3500),
                ("re_1", "succeeded", 1000)
            ])
            .as_deref(),
            Some("re_3")
        );
        assert_eq!(
            decides(&[("re_2", "succeeded", 3500), ("re_1", "pending", 1000)]).as_deref(),
            Some("re_1")
        );
    }

    #[test]
    fn parts_that_are_not_the_whole_are_not_taken_for_it() {
        assert_eq!(
            decides(&[("re_2", "failed", 3500), ("re_1", "succeeded", 1000)]).as_deref(),
            Some("re_2")
        );
        assert_eq!(
            decides(&[("re_1", "canceled", 4500)]).as_deref(),
            Some("re_1")
        );
        assert_eq!(decides(&[("re_1", "succeeded", 1000)]), None);
        assert_eq!(decides(&[]), None);
    }

    #[test]
    fn an_id_cannot_lead_elsewhere() {
        assert!(path_segment("pi_3Nabc").is_ok());
        for id in ["", "../refunds", "pi_1/cancel", "pi_1?x"] {
            assert!(path_segment(id).is_err(), "{id}");
        }
    }

    fn eur(amount: i64) -> Money {
        Money {
            amount,
            currency: "EUR".into(),
        }
    }

    fn asks_for(total: Money) -> IntentRequest {
        IntentRequest {
            idempotency_key: "k".into(),
            total,
            booking_id: "bkg_1".into(),
            payment_id: "pay_1".into(),
            email: Some("a+b@example.org".into()),
        }
    }

    #[test]
    fn forms_are_encoded() {
        let form = intent_form(&asks_for(eur(4500))).unwrap();
        assert!(
            form.starts_with(
                "amount=4500&currency=eur&automatic_payment_methods%5Benabled%5D=true"
            ),
            "{form}"
        );
        assert!(
            form.ends_with("receipt_email=a%2Bb%40example.org"),
            "{form}"
        );
    }

    #[test]
    fn amounts_are_written_and_read_in_stripe_s_units() {
        let form = intent_form(&asks_for(Money {
            amount: 4500,
            currency: "ISK".into(),
        }))
        .unwrap();
        assert!(form.starts_with("amount=450000&currency=isk"), "{form}");
        let object =
            json!({"id": "pi_1", "status": "succeeded", "amount": 450_000, "currency": "isk"});
        assert_eq!(intent(&object).unwrap().total.amount, 4500);
        let event =
            json!({"id": "evt_1", "type": "payment_intent.succeeded", "data": {"object": object}});
        assert!(
            matches!(notice(&event.to_string()).unwrap().subject, NoticeSubject::Intent(intent) if intent.total.amount == 4500)
        );
        let object = json!({"id": "re_1", "payment_intent": "pi_1", "status": "succeeded", "amount": 45, "currency": "mga"});
        assert_eq!(refund(&object).unwrap().total.amount, 4500);
    }

    #[test]
    fn an_amount_that_stripe_cannot_charge_is_refused_for_good() {
        let refused = intent_form(&asks_for(Money {
            amount: 4505,
            currency: "KWD".into(),
        }));
        assert!(matches!(refused, Err(Error::Refused(why)) if why.contains("steps of 10")));
        let fraction =
            json!({"id": "pi_1", "status": "succeeded", "amount": 450_050, "currency": "isk"});
        assert!(matches!(intent(&fraction), Err(Error::Refused(_))));
    }

    #[test]
    fn our_refund_asks_for_what_is_left_and_not_for_an_amount() {
        let request = RefundRequest {
            idempotency_key: "k".into(),
            intent_id: "pi_1".into(),
            total: eur(4500),
            payment_id: "pay_1".into(),
        };
        assert_eq!(
            refund_form(&request),
            "payment_intent=pi_1&metadata%5Bpayment_id%5D=pay_1"
        );
    }
}

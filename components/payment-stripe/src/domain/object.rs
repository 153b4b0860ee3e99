//! Stripe's objects, read into what EventHub calls them.

use serde_json::Value;

use super::currency;
use super::form::path_segment;

/// Money in minor units of ISO 4217. The currency, in capitals, need not be one that EventHub
/// knows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Amount {
    pub amount: i64,
    pub currency: String,
}

/// What became of an intent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IntentStatus {
    RequiresPayment,
    Processing,
    Succeeded,
    Cancelled,
}

/// A PaymentIntent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Intent {
    /// `pi_…`
    pub id: String,
    pub status: IntentStatus,
    pub total: Amount,
    pub client_secret: Option<String>,
    /// Why the last attempt was declined, in Stripe's words.
    pub decline: Option<String>,
}

/// What became of a refund.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RefundStatus {
    Pending,
    Succeeded,
    Failed,
}

/// A Refund.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refund {
    /// `re_…`
    pub id: String,
    pub intent_id: String,
    pub status: RefundStatus,
    pub total: Amount,
}

/// What an event is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Subject {
    Intent(Intent),
    Refund(Refund),
    /// Of no interest to us.
    Other,
}

/// An event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notice {
    /// `evt_…`
    pub id: String,
    pub kind: String,
    pub subject: Subject,
}

/// An object that is not as Stripe documents it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    #[error("Stripe's object has no {0}")]
    Missing(String),
    #[error(transparent)]
    Amount(#[from] currency::Error),
    #[error("Stripe has nothing left to give back, and its refunds are not the whole")]
    Undecided,
}

/// A signed webhook that cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NoticeError {
    #[error("the signed body is not JSON")]
    NotJson,
    #[error(transparent)]
    Object(#[from] Error),
}

/// A PaymentIntent: <https://docs.stripe.com/api/payment_intents/object>
pub fn read_intent(object: &Value) -> Result<Intent, Error> {
    let status = match read_text(object, "status")? {
        "succeeded" => IntentStatus::Succeeded,
        "canceled" => IntentStatus::Cancelled,
        "processing" | "requires_capture" => IntentStatus::Processing,
        _ => IntentStatus::RequiresPayment,
    };
    let error = &object["last_payment_error"];
    let decline = storable_text(&error["message"])
        .or(storable_text(&error["decline_code"]))
        .or(storable_text(&error["code"]));
    Ok(Intent {
        id: read_text(object, "id")?.to_string(),
        status,
        total: read_amount(object)?,
        client_secret: storable_text(&object["client_secret"]).map(str::to_string),
        decline: decline.map(str::to_string),
    })
}

/// A Refund: <https://docs.stripe.com/api/refunds/object>
pub fn read_refund(object: &Value) -> Result<Refund, Error> {
    let status = match read_text(object, "status")? {
        "succeeded" => RefundStatus::Succeeded,
        "failed" | "canceled" => RefundStatus::Failed,
        _ => RefundStatus::Pending,
    };
    Ok(Refund {
        id: read_text(object, "id")?.to_string(),
        intent_id: read_text(object, "payment_intent")?.to_string(),
        status,
        total: read_amount(object)?,
    })
}

/// `GET /v1/refunds?payment_intent=…`, for an intent of which Stripe says that nothing is left:
/// finds the refund that decides whether the whole has been given back. Where the others are not
/// enough, it is one that failed: "already refunded" may be an answer of yesterday that Stripe kept
/// under our key, and another key gets what is left.
pub fn find_decisive_refund(list: &Value, whole: &Amount) -> Result<Refund, Error> {
    let refunds: Vec<Refund> = list["data"]
        .as_array()
        .ok_or_else(|| missing("data"))?
        .iter()
        .map(read_refund)
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
    decisive.ok_or(Error::Undecided)
}

/// A webhook's event: <https://docs.stripe.com/api/events/object>. Its signature has been verified.
///
/// # Errors
/// [`NoticeError`]: to get it again would not help.
pub fn parse_notice(body: &str) -> Result<Notice, NoticeError> {
    let event: Value = serde_json::from_str(body).map_err(|_| NoticeError::NotJson)?;
    Ok(read_notice(&event)?)
}

fn read_notice(event: &Value) -> Result<Notice, Error> {
    let (id, kind) = (
        read_text(event, "id")?.to_string(),
        read_text(event, "type")?.to_string(),
    );
    if id.len() > 255 || path_segment(&id).is_err() {
        return Err(missing("id such as it gives"));
    }
    let object = &event["data"]["object"];
    if !object.is_object() {
        return Err(missing("data.object"));
    }
    let subject = if kind.starts_with("payment_intent.") {
        Subject::Intent(read_intent(object)?)
    } else if kind.starts_with("refund.") || kind == "charge.refund.updated" {
        Subject::Refund(read_refund(object)?)
    } else {
        Subject::Other
    };
    Ok(Notice { id, kind, subject })
}

fn read_amount(object: &Value) -> Result<Amount, Error> {
    let amount = object["amount"].as_i64().ok_or_else(|| missing("amount"))?;
    let currency = read_text(object, "currency")?.to_uppercase();
    Ok(Amount {
        amount: currency::from_stripe(amount, &currency)?,
        currency,
    })
}

fn read_text<'a>(object: &'a Value, member: &str) -> Result<&'a str, Error> {
    storable_text(&object[member]).ok_or_else(|| missing(member))
}

/// A text without the one character that PostgreSQL cannot store.
fn storable_text(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| !text.contains('\0'))
}

fn missing(member: &str) -> Error {
    Error::Missing(member.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_unknown_status_is_not_taken_for_money() {
        let status_of = |status: &str| {
            read_intent(&json!({"id": "pi_1", "status": status, "amount": 1, "currency": "eur"}))
                .unwrap()
                .status
        };
        assert_eq!(status_of("succeeded"), IntentStatus::Succeeded);
        assert_eq!(status_of("canceled"), IntentStatus::Cancelled);
        for open in [
            "requires_payment_method",
            "requires_action",
            "something_new",
        ] {
            assert_eq!(status_of(open), IntentStatus::RequiresPayment);
        }
    }

    #[test]
    fn a_declined_attempt_says_why() {
        let object = json!({"id": "pi_1", "status": "requires_payment_method", "amount": 1, "currency": "eur", "last_payment_error": {"message": "Your card was declined."}});
        assert_eq!(
            read_intent(&object).unwrap().decline.as_deref(),
            Some("Your card was declined.")
        );
    }

    #[test]
    fn a_signed_body_that_is_no_event_is_refused() {
        let event = |data: Value| {
            parse_notice(
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
                matches!(event(odd.clone()), Err(NoticeError::Object(_))),
                "{odd}"
            );
        }
        let other = |id: &str, data: Value| {
            parse_notice(&json!({"id": id, "type": "customer.created", "data": data}).to_string())
        };
        assert!(other("evt_1", json!({"object": {}})).is_ok());
        for (id, data) in [
            ("evt_1", json!({})),
            ("evt 1", json!({"object": {}})),
            ("", json!({"object": {}})),
        ] {
            assert!(
                matches!(other(id, data), Err(NoticeError::Object(_))),
                "{id}"
            );
        }
        assert!(matches!(parse_notice("[]"), Err(NoticeError::Object(_))));
    }

    /// The id of the refund that decides over 45.00 EUR. Stripe lists the latest first.
    fn decisive_id(refunds: &[(&str, &str, i64)]) -> Option<String> {
        let object = |(id, status, amount): &(&str, &str, i64)| json!({"id": id, "payment_intent": "pi_1", "status": status, "amount": amount, "currency": "eur"});
        let list = json!({"data": refunds.iter().map(object).collect::<Vec<_>>()});
        match find_decisive_refund(&list, &eur(4500)) {
            Ok(refund) => Some(refund.id),
            Err(Error::Undecided) => None,
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn parts_are_the_whole_when_none_is_pending() {
        assert_eq!(
            decisive_id(&[("re_1", "succeeded", 4500)]).as_deref(),
            Some("re_1")
        );
        assert_eq!(
            decisive_id(&[
                ("re_3", "succeeded", 3500),
                ("re_2", "failed", 3500),
                ("re_1", "succeeded", 1000)
            ])
            .as_deref(),
            Some("re_3")
        );
        assert_eq!(
            decisive_id(&[("re_2", "succeeded", 3500), ("re_1", "pending", 1000)]).as_deref(),
            Some("re_1")
        );
    }

    #[test]
    fn parts_that_are_not_the_whole_are_not_taken_for_it() {
        assert_eq!(
            decisive_id(&[("re_2", "failed", 3500), ("re_1", "succeeded", 1000)]).as_deref(),
            Some("re_2")
        );
        assert_eq!(
            decisive_id(&[("re_1", "canceled", 4500)]).as_deref(),
            Some("re_1")
        );
        assert_eq!(decisive_id(&[("re_1", "succeeded", 1000)]), None);
        assert_eq!(decisive_id(&[]), None);
    }

    fn eur(amount: i64) -> Amount {
        Amount {
            amount,
            currency: "EUR".into(),
        }
    }

    #[test]
    fn amounts_are_read_in_stripe_s_units() {
        let object =
            json!({"id": "pi_1", "status": "succeeded", "amount": 450_000, "currency": "isk"});
        assert_eq!(read_intent(&object).unwrap().total.amount, 4500);
        let event =
            json!({"id": "evt_1", "type": "payment_intent.succeeded", "data": {"object": object}});
        assert!(
            matches!(parse_notice(&event.to_string()).unwrap().subject, Subject::Intent(intent) if intent.total.amount == 4500)
        );
        let object = json!({"id": "re_1", "payment_intent": "pi_1", "status": "succeeded", "amount": 45, "currency": "mga"});
        assert_eq!(read_refund(&object).unwrap().total.amount, 4500);
    }

    #[test]
    fn a_fraction_of_the_smallest_unit_is_refused() {
        let fraction =
            json!({"id": "pi_1", "status": "succeeded", "amount": 450_050, "currency": "isk"});
        assert!(matches!(read_intent(&fraction), Err(Error::Amount(_))));
    }
}

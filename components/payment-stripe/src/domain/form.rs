//! Our calls written as Stripe's forms.

use super::currency;
use super::object::Amount;

/// An intent to be made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewIntent {
    pub idempotency_key: String,
    pub total: Amount,
    pub booking_id: String,
    pub payment_id: String,
    pub email: Option<String>,
}

/// A refund to be made, of everything that has not been given back by hand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewRefund {
    pub idempotency_key: String,
    pub intent_id: String,
    /// All of the payment.
    pub total: Amount,
    pub payment_id: String,
}

/// Not an id of Stripe's.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("an id of Stripe's consists of letters, digits and underscores")]
pub struct InvalidId;

/// `POST /v1/payment_intents`: captured automatically, with whatever methods the account has
/// switched on.
///
/// # Errors
/// [`currency::Error`] where Stripe cannot charge the amount.
pub fn write_intent_form(new: &NewIntent) -> Result<String, currency::Error> {
    let amount = currency::to_stripe(new.total.amount, &new.total.currency)?;
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("amount", &amount.to_string())
        .append_pair("currency", &new.total.currency.to_lowercase())
        .append_pair("automatic_payment_methods[enabled]", "true")
        .append_pair("metadata[booking_id]", &new.booking_id)
        .append_pair("metadata[payment_id]", &new.payment_id);
    if let Some(email) = &new.email {
        form.append_pair("receipt_email", email);
    }
    Ok(form.finish())
}

/// `POST /v1/refunds`: without an amount Stripe gives back what is left, whatever part has been
/// given back by hand before.
pub fn write_refund_form(new: &NewRefund) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair("payment_intent", &new.intent_id)
        .append_pair("metadata[payment_id]", &new.payment_id)
        .finish()
}

/// An id of Stripe's as a segment of a path. Any other text did not come from Stripe.
///
/// # Errors
/// [`InvalidId`].
pub fn path_segment(id: &str) -> Result<&str, InvalidId> {
    let plain = !id.is_empty()
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    plain.then_some(id).ok_or(InvalidId)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_cannot_lead_elsewhere() {
        assert!(path_segment("pi_3Nabc").is_ok());
        for id in ["", "../refunds", "pi_1/cancel", "pi_1?x"] {
            assert!(path_segment(id).is_err(), "{id}");
        }
    }

    fn new_intent(amount: i64, currency: &str) -> NewIntent {
        NewIntent {
            idempotency_key: "k".into(),
            total: Amount {
                amount,
                currency: currency.into(),
            },
            booking_id: "bkg_1".into(),
            payment_id: "pay_1".into(),
            email: Some("a+b@example.org".into()),
        }
    }

    #[test]
    fn forms_are_encoded() {
        let form = write_intent_form(&new_intent(4500, "EUR")).unwrap();
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
    fn an_amount_is_written_in_stripe_s_units() {
        let form = write_intent_form(&new_intent(4500, "ISK")).unwrap();
        assert!(form.starts_with("amount=450000&currency=isk"), "{form}");
    }

    #[test]
    fn an_amount_that_stripe_cannot_charge_is_refused() {
        let refused = write_intent_form(&new_intent(4505, "KWD")).unwrap_err();
        assert!(refused.to_string().contains("steps of 10"), "{refused}");
    }

    #[test]
    fn our_refund_asks_for_the_rest_and_not_for_an_amount() {
        let new = NewRefund {
            idempotency_key: "k".into(),
            intent_id: "pi_1".into(),
            total: new_intent(4500, "EUR").total,
            payment_id: "pay_1".into(),
        };
        assert_eq!(
            write_refund_form(&new),
            "payment_intent=pi_1&metadata%5Bpayment_id%5D=pay_1"
        );
    }
}

//! Stripe's error answers.

use serde_json::Value;

/// Why a call to Stripe failed.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Failure {
    /// All of the charge has been given back, or is on its way.
    #[error("nothing is left to give back")]
    AlreadyRefunded,
    #[error("Stripe knows no such object")]
    NotFound,
    /// Stripe says that the call is wrong: to try again does not help.
    #[error("{0}")]
    Refused(String),
    /// The outcome is unknown: try again with the same key.
    #[error("{0}")]
    Unavailable(String),
}

/// Whose fault an error answer is: <https://docs.stripe.com/error-handling>
pub fn classify_failure(status: u16, body: &Value) -> Failure {
    let error = &body["error"];
    if status == 400 && error["code"] == "charge_already_refunded" {
        return Failure::AlreadyRefunded;
    }
    let message = error["message"]
        .as_str()
        .unwrap_or("no message")
        .to_string();
    match status {
        404 => Failure::NotFound,
        // 409: the same key is in flight; 401: our own key is wrong, which an operator mends.
        401 | 403 | 409 | 429 | 500.. => {
            Failure::Unavailable(format!("Stripe answered {status}: {message}"))
        }
        _ => Failure::Refused(message),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_errors_that_a_retry_may_cure_are_unavailable() {
        let error = |status, body: Value| classify_failure(status, &body);
        assert!(matches!(error(500, Value::Null), Failure::Unavailable(_)));
        assert!(matches!(error(409, Value::Null), Failure::Unavailable(_)));
        assert!(
            matches!(error(400, json!({"error": {"message": "no"}})), Failure::Refused(text) if text == "no")
        );
        assert!(matches!(error(404, Value::Null), Failure::NotFound));
    }

    #[test]
    fn a_refunded_charge_is_not_taken_for_a_wrong_call() {
        let body = json!({"error": {"code": "charge_already_refunded", "message": "Charge ch_1 has already been refunded."}});
        assert!(matches!(
            classify_failure(400, &body),
            Failure::AlreadyRefunded
        ));
        assert!(matches!(
            classify_failure(400, &json!({"error": {"code": "charge_disputed"}})),
            Failure::Refused(_)
        ));
    }
}

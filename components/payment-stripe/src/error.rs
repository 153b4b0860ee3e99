//! Why this component did not do something, as the payment service sees it.

use crate::bindings::eventhub::payment_provider::types::Error as WitError;
use crate::domain::answer::Failure;
use crate::domain::form::InvalidId;
use crate::domain::{currency, object, signature};

/// Whose fault it is.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The sender's of a webhook.
    #[error(transparent)]
    Signature(#[from] signature::Error),
    /// Stripe's: its signed webhook cannot be read.
    #[error(transparent)]
    Notice(#[from] object::NoticeError),
    /// Stripe's: its answer cannot be read.
    #[error(transparent)]
    Object(#[from] object::Error),
    /// The price's: Stripe cannot charge it.
    #[error(transparent)]
    Amount(#[from] currency::Error),
    /// The caller's: no object of Stripe's has such an id.
    #[error(transparent)]
    Id(#[from] InvalidId),
    #[error(transparent)]
    Failure(#[from] Failure),
}

impl From<Error> for WitError {
    fn from(error: Error) -> Self {
        let why = error.to_string();
        match error {
            Error::Signature(_) | Error::Notice(object::NoticeError::NotJson) => {
                WitError::BadSignature(why)
            }
            // To get it again would not help.
            Error::Notice(object::NoticeError::Object(_)) => WitError::Refused(why),
            Error::Object(object::Error::Amount(_)) | Error::Amount(_) => WitError::Refused(why),
            Error::Object(_) => WitError::Unavailable(why),
            Error::Id(_) | Error::Failure(Failure::NotFound) => WitError::NotFound,
            Error::Failure(Failure::AlreadyRefunded | Failure::Refused(_)) => {
                WitError::Refused(why)
            }
            Error::Failure(Failure::Unavailable(_)) => WitError::Unavailable(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn missing() -> object::Error {
        object::Error::Missing("id".into())
    }

    #[test]
    fn an_unreadable_answer_may_pass_and_an_unreadable_webhook_not() {
        let answer = WitError::from(Error::Object(missing()));
        assert!(matches!(answer, WitError::Unavailable(_)), "{answer:?}");
        let notice = WitError::from(Error::Notice(missing().into()));
        assert!(matches!(notice, WitError::Refused(_)), "{notice:?}");
    }

    #[test]
    fn an_amount_that_stripe_cannot_charge_is_refused_for_good() {
        let fraction = currency::Error::Fraction {
            amount: 1,
            currency: "ISK".into(),
        };
        let error = WitError::from(Error::Object(fraction.into()));
        assert!(matches!(error, WitError::Refused(_)), "{error:?}");
    }
}

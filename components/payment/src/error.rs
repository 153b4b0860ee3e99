//! Why this service did not do something, and the HTTP answer to it. `domain` knows neither.

use eventhub_guest::problem::{Code, Problem};
use eventhub_guest::sql;

use crate::ports::ProviderError;

/// Whose fault it is that something could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The caller's: no such payment.
    #[error("no such payment")]
    NotFound,
    /// The caller's: no such provider.
    #[error("there is no provider {0}")]
    UnknownProvider(String),
    /// The sender's of a webhook: it is not signed as it must be.
    #[error("bad signature: {0}")]
    BadSignature(String),
    /// The provider's: its signed webhook cannot be read.
    #[error("unreadable webhook: {0}")]
    UnreadableNotice(String),
    /// The caller's, or the provider's rules: to try again does not help.
    #[error("refused: {0}")]
    Refused(String),
    /// Nobody's fault: try again.
    #[error("unavailable: {0}")]
    Unavailable(String),
    #[error(transparent)]
    Database(#[from] sql::Error),
}

impl Error {
    /// Whether the next payment would fail in the same way.
    pub fn concerns_all_payments(&self) -> bool {
        matches!(self, Error::Unavailable(_) | Error::Database(_))
    }
}

impl From<ProviderError> for Error {
    fn from(error: ProviderError) -> Self {
        match error {
            ProviderError::Unknown(name) => Error::UnknownProvider(name),
            ProviderError::NotFound => Error::NotFound,
            ProviderError::Refused(why) => Error::Refused(why),
            ProviderError::BadSignature(why) | ProviderError::Unavailable(why) => {
                Error::Unavailable(why)
            }
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound => Problem::not_found("payment"),
            // The name stands in the path.
            Error::UnknownProvider(_) => Problem::not_found("resource"),
            Error::BadSignature(why) => Problem::new(
                Code::BadSignature,
                format!("The webhook is not accepted: {why}."),
            ),
            Error::UnreadableNotice(why) => Problem::new(
                Code::ValidationFailed,
                format!("The webhook cannot be read: {why}."),
            ),
            Error::Refused(why) => Problem::internal(why),
            Error::Unavailable(why) => Problem::unavailable(why),
            Error::Database(error) => error.into(),
        }
    }
}

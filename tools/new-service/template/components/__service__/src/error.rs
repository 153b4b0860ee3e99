//! Why a request fails, and the problem that the client gets for it.

use eventhub_guest::{Problem, sql};

use crate::domain::__resource__;

/// Why a request failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    __Resource__(#[from] __resource__::Error),
    #[error(transparent)]
    Database(#[from] sql::Error),
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::__Resource__(error @ __resource__::Error::Length) => {
                Problem::invalid("/text", "wrong_length", error.to_string())
            }
            Error::Database(error) => error.into(),
        }
    }
}

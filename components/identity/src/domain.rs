//! The rules of accounts and organizers, without I/O: time is an argument, randomness too.

pub mod email;
pub mod keys;
pub mod organizer;
pub mod password;
pub mod profile;
pub mod refresh;

use eventhub_guest::problem::{Code, Problem};
use eventhub_guest::sql;

/// Why something was not done. The first group is the client's, the last two are not.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("this e-mail address has an account")]
    EmailTaken,
    #[error("e-mail or password is wrong")]
    InvalidCredentials,
    #[error("this refresh token, or another of its family, was used twice")]
    RefreshTokenReused,
    #[error("this refresh token is unknown, expired or logged out")]
    RefreshTokenRefused,
    #[error("another organizer has this slug")]
    SlugTaken,
    #[error("this user is a member already")]
    AlreadyMember,
    #[error("an organizer needs an owner")]
    LastOwner,
    /// The database does not answer, or refuses what it should not.
    #[error(transparent)]
    Database(#[from] sql::Error),
    /// A bug of ours, or a damaged row.
    #[error("{0}")]
    Internal(String),
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::EmailTaken => Problem::new(
                Code::EmailTaken,
                "Log in, or sign up with another e-mail address.",
            ),
            Error::InvalidCredentials => Problem::new(
                Code::InvalidCredentials,
                "There is no account with this e-mail address and this password.",
            ),
            Error::RefreshTokenReused => Problem::new(
                Code::RefreshTokenReused,
                "A refresh token works once. This one was used before, so everything that came from the same log-in is revoked: log in again.",
            ),
            Error::RefreshTokenRefused => Problem::new(
                Code::Unauthenticated,
                "This refresh token is unknown, has expired or was logged out: log in again.",
            ),
            Error::SlugTaken => Problem::new(
                Code::Conflict,
                "Another organizer has this slug: choose another one.",
            ),
            Error::AlreadyMember => Problem::new(
                Code::Conflict,
                "This user is a member already: change their role with PUT.",
            ),
            Error::LastOwner => Problem::new(
                Code::Conflict,
                "An organizer needs an owner: make somebody else an owner first.",
            ),
            Error::Database(error) => error.into(),
            Error::Internal(cause) => Problem::internal(cause),
        }
    }
}

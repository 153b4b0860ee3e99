//! Why this service did not do something, and the HTTP answer to it. `domain` knows neither.

use eventhub_guest::problem::{Code, Problem};
use eventhub_guest::sql;

use crate::domain::password;

/// The first group is the client's fault. [`Error::Database`] may pass by itself;
/// [`Error::Internal`] is a bug or a damaged row.
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
    #[error("this account no longer exists")]
    AccountDeleted,
    #[error("there is no such organizer, or the caller is not a member of it")]
    OrganizerNotFound,
    #[error("there is no such member")]
    MemberNotFound,
    #[error("nobody has an account with this e-mail address")]
    NoAccount,
    #[error("only owners of an organizer {0}")]
    NotAnOwner(&'static str),
    #[error("another organizer has this slug")]
    SlugTaken,
    #[error("this user is already a member")]
    AlreadyMember,
    #[error("an organizer needs an owner")]
    LastOwner,

    #[error(transparent)]
    Database(#[from] sql::Error),
    #[error("{0}")]
    Internal(String),
}

impl From<password::Error> for Error {
    fn from(error: password::Error) -> Self {
        Error::Internal(error.to_string())
    }
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
                "A refresh token works once. This one was used before, so every token of the same \
                 log-in is revoked: log in again.",
            ),
            Error::RefreshTokenRefused => Problem::new(
                Code::Unauthenticated,
                "This refresh token is unknown, has expired or was logged out: log in again.",
            ),
            // An access token outlives its account for some minutes.
            Error::AccountDeleted => {
                Problem::new(Code::Unauthenticated, "This account no longer exists.")
            }
            Error::OrganizerNotFound => Problem::not_found("organizer"),
            Error::MemberNotFound => Problem::not_found("member"),
            Error::NoAccount => Problem::invalid(
                "/email",
                "no_account",
                "nobody has an account with this e-mail address",
            ),
            Error::NotAnOwner(what) => {
                Problem::forbidden(format!("Only owners of an organizer {what}."))
            }
            Error::SlugTaken => Problem::new(
                Code::Conflict,
                "Another organizer has this slug: choose another one.",
            ),
            Error::AlreadyMember => Problem::new(
                Code::Conflict,
                "This user is already a member: change their role with PUT.",
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

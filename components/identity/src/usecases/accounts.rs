//! Sign-up, log-in, refresh.

use eventhub_guest::Timestamp;
use eventhub_guest::ids::UserId;
use eventhub_guest::validate::EmailAddress;

use super::rotation::rotate_until_known;
use super::signing_keys::current_signer;
use super::tokens::{Tokens, issue_tokens, new_refresh_token, random_bytes};
use crate::domain::password;
use crate::domain::refresh::{Family, RefreshToken, Revocation, StoredToken, Verdict, judge_use};
use crate::domain::user::User;
use crate::error::Error;
use crate::store::users::NewUser;
use crate::store::{refresh, users};

/// Makes an account. All arguments have been checked.
///
/// # Errors
/// [`Error::EmailTaken`].
pub fn sign_up(
    email: &EmailAddress,
    name: &str,
    password: &str,
    now: Timestamp,
    traceparent: &str,
) -> Result<Tokens, Error> {
    // Before the account is made: a failure here must not leave one whose owner got no tokens.
    current_signer(now)?;
    let password_hash = password::hash_password(password, &random_bytes())?;
    let (token, stored) = new_refresh_token(Family::new(), now);
    let new = NewUser {
        id: UserId::new(),
        email,
        name,
        password_hash: &password_hash,
    };
    let user = users::insert_user(&new, &stored, now, traceparent)?;
    issue_tokens(user, &token, now)
}

/// Begins a new family of refresh tokens for the account.
///
/// # Errors
/// [`Error::InvalidCredentials`].
pub fn log_in(email: &str, password: &str, now: Timestamp) -> Result<Tokens, Error> {
    let account = match EmailAddress::parse(email) {
        Ok(email) => users::find_by_email(&email)?,
        Err(_) => None,
    };
    // The same work with and without an account: the time tells nobody which addresses have one.
    let hash = account.as_ref().map(|(_, hash)| hash.as_str());
    let fits = password::verify_password(password, hash)?;
    let Some((user, _)) = account.filter(|_| fits) else {
        return Err(Error::InvalidCredentials);
    };
    let (token, stored) = new_refresh_token(Family::new(), now);
    refresh::insert_family(user.id, &stored)?;
    issue_tokens(user, &token, now)
}

/// Exchanges a refresh token for new tokens. A second use of one revokes its family.
///
/// # Errors
/// [`Error::RefreshTokenRefused`], [`Error::RefreshTokenReused`].
pub fn refresh_tokens(old: &RefreshToken, now: Timestamp) -> Result<Tokens, Error> {
    let (stored, user) = refresh::find_token(old)?.ok_or(Error::RefreshTokenRefused)?;
    match judge_use(&stored, now) {
        Verdict::Refused => return Err(Error::RefreshTokenRefused),
        Verdict::Reused => return Err(revoke_reused(&stored, &user)),
        Verdict::Rotate => {}
    }
    // Before the old token is used up: a failure here must not cost the client its log-in.
    current_signer(now)?;
    let (token, new) = new_refresh_token(stored.family, now);
    if !rotate_until_known(old, &new, now)? {
        return Err(revoke_reused(&stored, &user));
    }
    issue_tokens(user, &token, now)
}

/// Revokes the family of a token that was used twice.
fn revoke_reused(stored: &StoredToken, user: &User) -> Error {
    if let Err(error) = refresh::revoke_family(stored.family, Revocation::Reuse) {
        return error;
    }
    tracing::warn!(user.id = %user.id, "refresh token used twice; its family is revoked");
    Error::RefreshTokenReused
}

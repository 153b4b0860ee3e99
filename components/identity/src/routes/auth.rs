//! Sign-up, log-in, refresh, log-out.

use eventhub_guest::ids::UserId;
use eventhub_guest::router::Answer;
use eventhub_guest::{Check, Params, Request, Timestamp, http, json};
use serde::Deserialize;

use crate::domain::email::{self, Email};
use crate::domain::refresh::{Family, RefreshToken, Revocation, Verdict, judge};
use crate::domain::{Error, password, profile};
use crate::store::users::NewUser;
use crate::{store, tokens};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignUp {
    email: String,
    password: String,
    name: String,
}

pub fn sign_up(request: &Request, _: &Params) -> Answer {
    http::Query::parse(request, &[])?;
    let body: SignUp = json::body(request)?;
    let mut check = Check::new();
    let email = Email::parse(&body.email);
    if let Err(error) = &email {
        check.that(false, "/email", "invalid", error.to_string());
    }
    profile::check_name(&mut check, &body.name);
    let length = body.password.chars().count();
    check.that(
        length >= password::MIN_LENGTH,
        "/password",
        "too_short",
        format!("must have at least {} characters", password::MIN_LENGTH),
    );
    check.that(
        length <= password::MAX_LENGTH,
        "/password",
        "too_long",
        format!("must have at most {} characters", password::MAX_LENGTH),
    );
    if let Ok(email) = &email
        && check.is_ok()
        && let Some(weakness) = password::weakness(&body.password, email, &body.name)
    {
        check.that(false, "/password", "too_common", weakness);
    }
    check.finish()?;
    let email = email.map_err(|error| Error::Internal(error.to_string()))?;

    let now = Timestamp::now();
    // Before the account is made: a failure here must not leave one whose owner got no tokens.
    tokens::signer(now)?;
    let password_hash = password::hash(&body.password, &tokens::random())?;
    let (token, stored) = tokens::new_refresh(Family::new(), now);
    let new = NewUser {
        id: UserId::new(),
        email: &email,
        name: &body.name,
        password_hash: &password_hash,
    };
    let user = store::users::sign_up(&new, &stored, now, &request.traceparent)?;
    json::response(201, &tokens::issue(user, &token, now)?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LogIn {
    email: String,
    password: String,
}

pub fn log_in(request: &Request, _: &Params) -> Answer {
    http::Query::parse(request, &[])?;
    let body: LogIn = json::body(request)?;
    let mut check = Check::new();
    check.that(
        body.email.chars().count() <= email::MAX_LENGTH,
        "/email",
        "too_long",
        format!("must have at most {} characters", email::MAX_LENGTH),
    );
    check.that(
        body.password.chars().count() <= password::MAX_LENGTH,
        "/password",
        "too_long",
        format!("must have at most {} characters", password::MAX_LENGTH),
    );
    check.finish()?;

    let found = match Email::parse(&body.email) {
        Ok(email) => store::users::by_email(&email)?,
        Err(_) => None,
    };
    // The same work with and without an account: the time tells nobody which addresses have one.
    let fits = password::verify(
        &body.password,
        found.as_ref().map(|(_, hash)| hash.as_str()),
    )?;
    let Some((user, _)) = found.filter(|_| fits) else {
        return Err(Error::InvalidCredentials.into());
    };
    let now = Timestamp::now();
    let (token, stored) = tokens::new_refresh(Family::new(), now);
    store::refresh::log_in(user.id, &stored)?;
    json::response(200, &tokens::issue(user, &token, now)?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Refresh {
    refresh_token: String,
}

/// The token of the body. Ours have 43 characters; a longer one is only looked up in vain.
fn refresh_token(request: &Request) -> Result<RefreshToken, eventhub_guest::Problem> {
    let body: Refresh = json::body(request)?;
    let mut check = Check::new();
    check.that(
        body.refresh_token.chars().count() <= 200,
        "/refresh_token",
        "too_long",
        "must have at most 200 characters",
    );
    check.finish()?;
    Ok(RefreshToken::received(body.refresh_token))
}

pub fn refresh(request: &Request, _: &Params) -> Answer {
    http::Query::parse(request, &[])?;
    let old = refresh_token(request)?;
    let now = Timestamp::now();
    let Some((stored, user)) = store::refresh::find(&old)? else {
        return Err(Error::RefreshTokenRefused.into());
    };
    let reused = || {
        store::refresh::revoke(stored.family, Revocation::Reuse)?;
        tracing::warn!(user.id = %user.id, "a refresh token was used twice, its family is revoked");
        Err::<(), Error>(Error::RefreshTokenReused)
    };
    match judge(&stored, now) {
        Verdict::Refused => return Err(Error::RefreshTokenRefused.into()),
        Verdict::Reused => reused()?,
        Verdict::Rotate => {}
    }
    // Before the old token is used up: a failure here must not cost the client its log-in.
    tokens::signer(now)?;
    let (token, new) = tokens::new_refresh(stored.family, now);
    if !store::refresh::rotate(&old, &new, now)? {
        reused()?;
    }
    json::response(200, &tokens::issue(user, &token, now)?)
}

pub fn log_out(request: &Request, _: &Params) -> Answer {
    http::Query::parse(request, &[])?;
    store::refresh::log_out(&refresh_token(request)?)?;
    Ok(http::no_content())
}

//! Sign-up, log-in, refresh, log-out.

use eventhub_guest::validate::{EmailAddress, MAX_EMAIL_LENGTH};
use eventhub_guest::{Answer, Check, Problem, Timestamp, http, json};
use serde::Deserialize;

use super::Call;
use crate::domain::refresh::RefreshToken;
use crate::domain::{password, profile};
use crate::store;
use crate::usecases::accounts;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignUpBody {
    email: String,
    password: String,
    name: String,
}

impl SignUpBody {
    /// The address, where nothing is wrong with the body.
    fn check(&self) -> Result<EmailAddress, Problem> {
        let email = EmailAddress::parse(&self.email);
        let mut check = Check::new();
        if let Err(error) = &email {
            check.that(false, "/email", "invalid", error.to_string());
        }
        profile::check_name(&mut check, &self.name);
        password::check_length(&mut check, &self.password);
        if let Ok(email) = &email
            && check.is_ok()
            && let Some(weakness) = password::find_weakness(&self.password, email, &self.name)
        {
            check.that(false, "/password", "too_common", weakness);
        }
        check.finish()?;
        email.map_err(|error| Problem::invalid("/email", "invalid", error.to_string()))
    }
}

pub fn sign_up(call: &Call) -> Answer {
    let body: SignUpBody = call.body()?;
    let email = body.check()?;
    let tokens = accounts::sign_up(
        &email,
        &body.name,
        &body.password,
        Timestamp::now(),
        &call.request.traceparent,
    )?;
    json::response(201, &tokens)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LogInBody {
    email: String,
    password: String,
}

pub fn log_in(call: &Call) -> Answer {
    let body: LogInBody = call.body()?;
    let mut check = Check::new();
    check_max_length(&mut check, "/email", &body.email, MAX_EMAIL_LENGTH);
    check_max_length(
        &mut check,
        "/password",
        &body.password,
        password::MAX_LENGTH,
    );
    check.finish()?;
    let tokens = accounts::log_in(&body.email, &body.password, Timestamp::now())?;
    json::response(200, &tokens)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RefreshBody {
    refresh_token: String,
}

/// Our tokens have 43 characters. A longer one is unknown, and need not be looked up.
const MAX_TOKEN_LENGTH: usize = 200;

fn refresh_token(call: &Call) -> Result<RefreshToken, Problem> {
    let body: RefreshBody = call.body()?;
    let mut check = Check::new();
    check_max_length(
        &mut check,
        "/refresh_token",
        &body.refresh_token,
        MAX_TOKEN_LENGTH,
    );
    check.finish()?;
    Ok(RefreshToken::from_client(body.refresh_token))
}

pub fn refresh(call: &Call) -> Answer {
    let tokens = accounts::refresh_tokens(&refresh_token(call)?, Timestamp::now())?;
    json::response(200, &tokens)
}

pub fn log_out(call: &Call) -> Answer {
    store::refresh::log_out(&refresh_token(call)?)?;
    Ok(http::no_content())
}

fn check_max_length(check: &mut Check, pointer: &str, text: &str, max: usize) {
    check.that(
        text.chars().count() <= max,
        pointer,
        "too_long",
        format!("must have at most {max} characters"),
    );
}

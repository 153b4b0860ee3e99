//! The account of the caller.

use eventhub_guest::http::WithHeader;
use eventhub_guest::{Answer, Check, Timestamp, etag, json};
use serde::Deserialize;

use super::Call;
use crate::domain::profile;
use crate::domain::user::{ProfileChange, User};
use crate::error::Error;
use crate::store::users;

fn find_caller(call: &Call) -> Result<User, eventhub_guest::Problem> {
    Ok(users::find_user(call.user()?)?.ok_or(Error::AccountDeleted)?)
}

pub fn get_me(call: &Call) -> Answer {
    let user = find_caller(call)?;
    let answer = json::response(200, &user)?;
    Ok(etag::apply(call.request, user.version, answer))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangeBody {
    name: Option<String>,
    locale: Option<String>,
    time_zone: Option<String>,
}

pub fn change_me(call: &Call) -> Answer {
    let id = call.user()?;
    let version = call.if_match()?;
    let body: ChangeBody = call.body()?;
    let change = ProfileChange {
        name: body.name,
        locale: body.locale,
        time_zone: body.time_zone,
    };
    let mut check = Check::new();
    profile::check_change(&mut check, &change);
    check.finish()?;
    match users::update_profile(id, change, version, Timestamp::now())? {
        Some(user) => Ok(json::response(200, &user)?.with_header("etag", etag::of(user.version))),
        None => {
            find_caller(call)?;
            Err(etag::stale())
        }
    }
}

//! The account of who asks.

use eventhub_guest::http::{Query, WithHeader};
use eventhub_guest::problem::{Code, Problem};
use eventhub_guest::router::Answer;
use eventhub_guest::{Check, Params, Request, Timestamp, auth, etag, json};
use serde::Deserialize;

use super::present;
use crate::domain::profile;
use crate::store;
use crate::store::users::{Change, User};

/// The token is valid for a while after its account is gone.
fn gone() -> Problem {
    Problem::new(
        Code::Unauthenticated,
        "This account does not exist any more.",
    )
}

fn account(request: &Request) -> Result<User, Problem> {
    store::users::by_id(auth::user(request)?)?.ok_or_else(gone)
}

pub fn me(request: &Request, _: &Params) -> Answer {
    Query::parse(request, &[])?;
    let user = account(request)?;
    Ok(etag::apply(
        request,
        user.version,
        json::response(200, &user)?,
    ))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    #[serde(default, deserialize_with = "present")]
    name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    locale: Option<String>,
    #[serde(default, deserialize_with = "present")]
    time_zone: Option<String>,
}

pub fn change(request: &Request, _: &Params) -> Answer {
    let id = auth::user(request)?;
    Query::parse(request, &[])?;
    let version = etag::required(request)?;
    let body: Body = json::body(request)?;
    let mut check = Check::new();
    if let Some(name) = &body.name {
        profile::check_name(&mut check, name);
    }
    if let Some(locale) = &body.locale {
        check.that(
            profile::is_locale(locale),
            "/locale",
            "invalid",
            "must be a language, perhaps with script and region: en, pt-BR, zh-Hant-TW",
        );
    }
    if let Some(zone) = &body.time_zone {
        check.that(
            profile::is_time_zone(zone),
            "/time_zone",
            "invalid",
            "must be a zone of the IANA database, such as Europe/Berlin",
        );
    }
    check.finish()?;

    let change = Change {
        name: body.name.as_deref(),
        locale: body.locale.as_deref(),
        time_zone: body.time_zone.as_deref(),
    };
    match store::users::change(id, &change, version, Timestamp::now())? {
        Some(user) => Ok(json::response(200, &user)?.with_header("etag", etag::of(user.version))),
        None => {
            account(request)?;
            Err(etag::stale())
        }
    }
}

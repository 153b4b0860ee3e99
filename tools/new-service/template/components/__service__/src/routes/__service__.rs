//! Writes and reads them.

use eventhub_facts::__Resource__Id;
use eventhub_guest::creation::Key;
use eventhub_guest::http::WithHeader;
use eventhub_guest::{Answer, Problem, Timestamp, json};
use serde::Deserialize;

use super::Call;
use crate::domain::__resource__::__Resource__;
use crate::error::Error;
use crate::store::__service__ as store;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct New__Resource__ {
    text: String,
}

pub fn create(call: &Call) -> Answer {
    let user = call.user()?;
    let body: New__Resource__ = call.body()?;
    let mut written =
        __Resource__::write(user, &body.text, Timestamp::now()).map_err(Error::from)?;
    let key = Key::of(call.request, user);
    let creation = store::insert(&written, key.as_ref(), &call.request.traceparent)?;
    if let Some(existing) = creation.existing()? {
        written = store::find(existing, user)?.ok_or_else(|| Problem::not_found("__resource__"))?;
    }
    Ok(json::response(201, &written)?
        .with_header("location", format!("/api/v1/__service__/{}", written.id)))
}

pub fn get(call: &Call) -> Answer {
    let user = call.user()?;
    let id: __Resource__Id = call.id("id", "__resource__")?;
    let found = store::find(id, user)?.ok_or_else(|| Problem::not_found("__resource__"))?;
    json::response(200, &found)
}

pub fn list(call: &Call) -> Answer {
    let user = call.user()?;
    let page = call.page::<__Resource__Id>()?;
    let found = store::list(user, page.after, page.limit + 1)?;
    json::response(200, &page.list(found, |written| written.id)?)
}

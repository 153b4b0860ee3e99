//! The key set with which access tokens are verified.

use eventhub_guest::http::WithHeader;
use eventhub_guest::{Answer, Timestamp, json};
use serde::Serialize;

use super::Call;
use crate::domain::signing_key::Jwk;
use crate::usecases::signing_keys::published_keys;

/// RFC 7517 section 5.
#[derive(Serialize)]
struct KeySet {
    keys: Vec<Jwk>,
}

pub fn get_key_set(_: &Call) -> Answer {
    let keys = published_keys(Timestamp::now())?;
    let answer = json::response(200, &KeySet { keys })?;
    Ok(answer.with_header("cache-control", "public, max-age=60"))
}

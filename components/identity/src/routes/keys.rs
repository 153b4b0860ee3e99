//! The key set with which access tokens are verified.

use eventhub_guest::http::{Query, WithHeader};
use eventhub_guest::router::Answer;
use eventhub_guest::{Params, Request, Timestamp, json};

use crate::tokens;

pub fn jwks(request: &Request, _: &Params) -> Answer {
    Query::parse(request, &[])?;
    let keys = tokens::key_set(Timestamp::now())?;
    Ok(json::response(200, &serde_json::json!({ "keys": keys }))?
        .with_header("cache-control", "public, max-age=60"))
}

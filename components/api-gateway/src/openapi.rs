//! The OpenAPI document of the whole API, put together at build time from the parts that the components describe.

use eventhub_guest::problem::{Code, Problem};
use eventhub_guest::router::Answer;
use eventhub_guest::{Request, Response};

const DOCUMENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/openapi.json"));

pub fn answer(request: &Request) -> Answer {
    if !matches!(request.method.as_str(), "GET" | "HEAD") {
        return Err(Problem::new(Code::MethodNotAllowed, "The document can be read only.").header("allow", "GET"));
    }
    let header = |name: &str, value: &str| (name.to_string(), value.to_string());
    let headers = vec![header("content-type", "application/json"), header("cache-control", "public, max-age=300")];
    Ok(Response { status: 200, headers, body: DOCUMENT.to_vec() })
}

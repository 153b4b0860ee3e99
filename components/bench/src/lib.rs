//! What the benchmarks run inside the host: an answer of a hundred bytes, a consumer of messages,
//! and the rules of the saga and of seat-lock in a loop ([`kernels`]), which the benchmark also
//! runs natively. Not part of the product.

pub mod kernels;

#[allow(missing_docs)]
mod bindings {
    include!(concat!(env!("OUT_DIR"), "/bindings.rs"));
}

use bindings::exports::eventhub as exported;
use eventhub_guest::bindings::eventhub::kafka::types::{Delivery, Outcome};
use eventhub_guest::{Request, Response};

/// What is answered to everything but the paths below; the native baseline answers the same.
pub const ANSWER: &str = r#"{"id":"evt_01jdg3v0000000000000000000","status":"published","title":"Opening Night","seats_free":10}"#;

/// `/kernels/{name}/{rounds}` computes; the key set is the one in the variable `JWKS`.
fn answer(request: &Request) -> Response {
    let body = match request
        .path
        .strip_prefix("/kernels/")
        .and_then(|rest| rest.split_once('/'))
    {
        Some((name, rounds)) => match kernels::run(name, rounds.parse().unwrap_or(0)) {
            Some(checksum) => checksum.to_string(),
            None => {
                return Response {
                    status: 404,
                    headers: vec![],
                    body: vec![],
                };
            }
        },
        None if request.path == "/.well-known/jwks.json" => {
            std::env::var("JWKS").unwrap_or_default()
        }
        None => ANSWER.into(),
    };
    Response {
        status: 200,
        headers: vec![("content-type".into(), "application/json".into())],
        body: body.into_bytes(),
    }
}

struct Component;

macro_rules! routes {
    ($($service:ident)*) => {$(
        impl exported::$service::routes::Guest for Component {
            fn handle(request: Request) -> Response {
                answer(&request)
            }
        }
    )*};
}

include!(concat!(env!("OUT_DIR"), "/routes.rs"));

impl exported::bench::events::Guest for Component {
    fn handle(batch: Vec<Delivery>) -> Vec<Outcome> {
        vec![Outcome::Done; batch.len()]
    }
}

// Only a component has exports; a native library cannot have names such as these.
#[cfg(target_arch = "wasm32")]
bindings::export!(Component with_types_in bindings);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_has_a_hundred_bytes() {
        assert_eq!(ANSWER.len(), 100);
        assert!(serde_json::from_str::<serde_json::Value>(ANSWER).is_ok());
    }
}

//! The public entry: says who is asking, how often they may, and which service answers.
//! `gateway` is the pipeline, top to bottom; every step is a module that a test can look at alone.
mod accept;
mod auth;
mod config;
mod cors;
mod gateway;
mod headers;
mod idempotency;
mod incoming;
mod openapi;
mod ports;
mod rate;
mod table;
#[cfg(test)]
mod testing;
mod trace;

/// The gateway's world with the routes of every service, written by the build script.
#[allow(missing_docs)]
mod bindings {
    include!(concat!(env!("OUT_DIR"), "/bindings.rs"));
}

use bindings::exports::eventhub::api_gateway::routes::Guest;
use eventhub_guest::{Request, Response};
use gateway::Gateway;
use ports::Linked;

struct Component;

thread_local! {
    /// One per instance: configuration, and what it remembers from request to request.
    static GATEWAY: Gateway<Linked> = Gateway::new(config::Config::from_env(), Linked);
}

impl Guest for Component {
    fn handle(request: Request) -> Response {
        GATEWAY.with(|gateway| gateway.handle(request))
    }
}

// The exported names are no symbols that a native linker takes.
#[cfg(target_arch = "wasm32")]
bindings::export!(Component with_types_in bindings);
#[cfg(target_arch = "wasm32")]
wasip2::http::proxy::export!(Component with_types_in wasip2);

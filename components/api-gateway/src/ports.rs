//! The gateway's dependencies: services, Redis, the clock. A trait, so that tests can replace them.

use eventhub_guest::redis::{self, Error, Reply};
use eventhub_guest::{Request, Response, Timestamp};

use crate::table::Service;

pub trait Ports {
    fn call(&self, service: Service, request: &Request) -> Response;
    /// Runs a Lua script; see `eventhub:redis/commands`.
    fn script(&self, source: &str, keys: &[Vec<u8>], args: &[Vec<u8>]) -> Result<Reply, Error>;
    fn now(&self) -> Timestamp;
}

/// The component's own imports.
pub struct Linked;

impl Ports for Linked {
    fn call(&self, service: Service, request: &Request) -> Response {
        call_linked(service, request)
    }

    fn script(&self, source: &str, keys: &[Vec<u8>], args: &[Vec<u8>]) -> Result<Reply, Error> {
        redis::script(source, keys, args)
    }

    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

include!(concat!(env!("OUT_DIR"), "/call.rs"));

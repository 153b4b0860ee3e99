//! What all components share: the capabilities' bindings and the manners of the HTTP API.
//!
//! A component generates the bindings of its own world and maps the shared interfaces onto
//! [`bindings`] with [`shared_interfaces!`]-style `with:` entries, so that a `Request` is the same
//! Rust type everywhere.

pub mod auth;
pub mod bindings;
pub mod config;
pub mod creation;
pub mod etag;
pub mod http;
pub mod ids;
pub mod json;
pub mod log;
pub mod money;
pub mod outbox;
pub mod page;
pub mod problem;
pub mod redis;
pub mod router;
pub mod sql;
pub mod testing;
pub mod time;
mod well_formed;
mod whole;

pub use bindings::eventhub::http::types::{Principal, Request, Response};
pub use ids::Id;
pub use money::{Currency, Money};
pub use problem::{Check, Code, Problem};
pub use router::{Params, Router};
pub use time::Timestamp;

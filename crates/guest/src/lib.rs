//! The code shared by all components: the capabilities, the conventions of the HTTP API, ids, money
//! and time.
//!
//! A component's `lib.rs` is one [`service!`]: it generates the bindings of the component's world,
//! maps the shared interfaces onto [`bindings`], so that a `Request` is the same Rust type
//! everywhere, and exports routes, events and timers.

pub mod auth;
pub mod bindings;
pub mod capabilities;
pub mod config;
pub mod creation;
pub mod etag;
pub mod http;
pub mod ids;
pub mod inbox;
pub mod json;
pub mod log;
pub mod money;
#[cfg(not(target_arch = "wasm32"))]
pub mod native;
pub mod outbox;
pub mod page;
pub mod problem;
pub mod redis;
pub mod router;
mod service;
pub mod sql;
pub mod time;
pub mod validate;

pub use bindings::eventhub::http::types::{Principal, Request, Response};
pub use ids::Id;
pub use money::{Currency, Money};
pub use problem::{Check, Code, Problem};
pub use router::{Answer, Call, Router};
pub use time::Timestamp;

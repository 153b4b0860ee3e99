//! What the end-to-end tests share: a running EventHub on servers of its own, a client of its API, and things to sell.
//!
//! Tests talk to it as anybody would, over HTTP and WebSocket; they look into the databases only to check what must never be.

pub mod api;
pub mod eventhub;
pub mod fixtures;
pub mod live;
pub mod stripe;

pub use api::{Answer, Api};
pub use eventhub::{Eventhub, State};

//! The code shared by the end-to-end tests: a running EventHub on its own servers, a client of its
//! API, and fixtures.
//!
//! Tests use the public API over HTTP and WebSocket; they read the databases only to check
//! invariants.

pub mod api;
pub mod audit;
pub mod balancer;
pub mod buyers;
pub mod cluster;
pub mod eventhub;
pub mod fixtures;
pub mod folder;
pub mod live;
pub mod obstacle;
pub mod openapi;
pub mod served;
pub mod story;
pub mod stripe;
pub mod webhook;

pub use api::{Answer, Api};
pub use cluster::Cluster;
pub use eventhub::{Eventhub, SLOW_BODY, SOCKETS, State};
pub use served::Served;

//! What the end-to-end tests share: a running EventHub on servers of its own, a client of its API,
//! and things to sell.
//!
//! Tests talk to it as anybody would, over HTTP and WebSocket; they look into the databases only to
//! check what must never be.

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

//! Change data capture: what services insert into their `outbox` tables is published to Kafka, at
//! least once, in order per key.
//!
//! A [`Service`] per database reads the write-ahead log through a logical replication slot
//! (`pgoutput`) and publishes with the contract of Debezium's outbox event router, so that Debezium
//! can take its place: topic `outbox.event.<aggregatetype>`, key `aggregateid`, headers `id`,
//! `eventType` and `tracingspancontext`, timestamp from `occurred_at_us`, and as value the payload
//! as compact JSON without the null members of its objects. The position is confirmed to Postgres
//! only when Kafka has acknowledged all before it; a crash in between publishes again, with the
//! same `id`.
//!
//! Several hosts may run the service of one database: the slot serves one of them, the others wait
//! their turn.

mod config;
mod decode;
mod error;
mod event;
mod payload;
mod service;
mod session;
mod slot;

pub use config::{Config, Options};
pub use error::Error;
pub use event::TOPIC_PREFIX;
pub use service::{Handle, Service, Status, producer};

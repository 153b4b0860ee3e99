//! Change data capture: publishes the rows that services insert into their `outbox` tables to
//! Kafka, at least once, in order per key.
//!
//! A [`Service`] per database reads the write-ahead log through a logical replication slot
//! (`pgoutput`) and publishes with the contract of Debezium's outbox event router, so that Debezium
//! can take its place: topic `outbox.event.<aggregatetype>`, key `aggregateid`, headers `id`,
//! `eventType` and `tracingspancontext`, timestamp from `occurred_at_us`, and as value the payload
//! as compact JSON without the null members of its objects. The relay confirms a position to
//! Postgres only after Kafka has acknowledged every message before it; after a crash in between,
//! messages are published again with the same `id`.
//!
//! Several hosts may run the service of one database: the slot serves one host, and the others wait
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

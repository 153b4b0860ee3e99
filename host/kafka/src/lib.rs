//! Kafka for components: `eventhub:kafka/producer`, and the consumer groups that feed their
//! `events` export.
//!
//! One [`Client`] per process holds the idempotent producer and the administration; one
//! [`Consumer`] per service and process is a member of the service's group, with a worker per
//! assigned partition. Linking is done once per component ([`add_to_linker`]); nothing is kept per
//! instance.

mod acknowledgement;
mod admin;
mod client;
mod config;
mod consumer;
mod error;
mod host;

pub use acknowledgement::Acknowledgement;
pub use client::{Client, Publication, Record};
pub use config::{Config, ConsumerConfig};
pub use consumer::{Consumer, Handler, HandlerError};
pub use error::{Error, Undelivered};
pub use eventhub_bindings::kafka::{Delivery, Message, Outcome, PublishError};
pub use host::{PRODUCER, add_to_linker};

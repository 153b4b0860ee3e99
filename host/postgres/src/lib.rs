//! The capability `eventhub:postgres/sql@0.1.0`: queries and whole transactions as values, over
//! tokio-postgres.
//!
//! A transaction is sent as one pipeline over one pooled connection and has ended, one way or the
//! other, when its call returns. A connection whose state is not certain (the caller gave up, the
//! network broke) is closed and never used again.

mod client;
mod config;
mod decode;
mod encode;
mod failure;
mod host;
mod pipeline;
mod pool;

pub use client::Client;
pub use config::{Config, ConfigError};
pub use eventhub_bindings::postgres::{
    Conflict, Error, Expectation, Isolation, Options, Rows, Statement, Value, Violation,
};
pub use host::add_to_linker;

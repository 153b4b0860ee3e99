//! The capability `eventhub:redis/commands@0.1.0`: commands, pipelines and scripts over one
//! multiplexed connection.
//!
//! All components share the connection, so commands that would change it for others or block it are
//! refused.

mod client;
mod command;
mod config;
mod host;
mod reply;

pub use client::Client;
pub use config::{Config, ConfigError};
pub use eventhub_bindings::redis::{Command, Error, Item, Reply};
pub use host::add_to_linker;

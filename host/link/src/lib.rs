//! Every call that leaves a component goes through a [`Link`], whether it calls another component,
//! a database or the outside.
//!
//! A link has four layers, outermost first: the breaker (does the callee answer at all?), the
//! bulkhead (is there a permit, or room in the queue?), the timeout (of queueing and call
//! together), and the metrics. A link never retries: only the caller knows whether a second call is
//! safe.

mod breaker;
mod config;
mod error;
mod link;
mod meters;

pub use config::{BreakerConfig, LinkConfig};
pub use error::LinkError;
pub use link::Link;

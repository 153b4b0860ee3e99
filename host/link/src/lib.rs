//! What every call that leaves a component goes through, whatever it calls: another component, a
//! database, the outside.
//!
//! Outermost first: the breaker (is the callee worth asking at all?), the bulkhead (is there a
//! place, or one in the queue?), the timeout (of queueing and call together), and the metrics of
//! all of it. A [`Link`] never retries: only the caller knows whether asking twice is safe.

mod breaker;
mod config;
mod error;
mod link;
mod meters;

pub use config::{BreakerConfig, LinkConfig};
pub use error::LinkError;
pub use link::Link;

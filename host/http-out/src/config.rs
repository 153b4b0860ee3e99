//! The time limits of outgoing requests.

use eventhub_link::LinkConfig;
use serde::{Deserialize, Serialize};

/// The configuration of the capability.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The limit for connecting, TLS included. Milliseconds.
    pub connect_timeout_ms: u64,
    /// The limit for the wait for the response head. Milliseconds; a component may ask for less.
    pub first_byte_timeout_ms: u64,
    /// The limits of each component and authority.
    pub link: LinkConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            connect_timeout_ms: 3_000,
            first_byte_timeout_ms: 15_000,
            link: LinkConfig {
                timeout_ms: 20_000,
                ..LinkConfig::default()
            },
        }
    }
}

//! Who may talk to whom, and how long that may take.

use std::collections::BTreeMap;

use eventhub_link::LinkConfig;
use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Component → authorities: `api.stripe.com`, `*.example.com`, `localhost:4242`; with `private
    /// ` before it, it may be a private address.
    pub allow: BTreeMap<String, Vec<String>>,
    /// Connecting, TLS included. Milliseconds.
    pub connect_timeout_ms: u64,
    /// Until the answer's head has come. Milliseconds; a component may ask for less.
    pub first_byte_timeout_ms: u64,
    /// Of each component and authority.
    pub link: LinkConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            allow: BTreeMap::new(),
            connect_timeout_ms: 3_000,
            first_byte_timeout_ms: 15_000,
            link: LinkConfig {
                timeout_ms: 20_000,
                ..LinkConfig::default()
            },
        }
    }
}

//! How Redis is reached.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The configuration of the capability.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `redis://user:password@host:6379/0`.
    pub url: String,
    /// How long connecting may take. Milliseconds.
    pub connect_timeout_ms: u64,
    /// How long an answer may take. Milliseconds.
    pub response_timeout_ms: u64,
    /// The largest accepted reply. Bytes.
    pub max_reply_bytes: usize,
    /// How often the connection is tested, so that a broken one is replaced before the next call.
    /// Milliseconds.
    pub ping_interval_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            url: "redis://127.0.0.1:6379".into(),
            connect_timeout_ms: 1_000,
            response_timeout_ms: 2_000,
            max_reply_bytes: 8 << 20,
            ping_interval_ms: 1_000,
        }
    }
}

/// Leaves out the address, which may hold a password.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("connect_timeout_ms", &self.connect_timeout_ms)
            .field("response_timeout_ms", &self.response_timeout_ms)
            .field("max_reply_bytes", &self.max_reply_bytes)
            .field("ping_interval_ms", &self.ping_interval_ms)
            .finish_non_exhaustive()
    }
}

/// The operator's mistake.
#[derive(Debug, thiserror::Error)]
#[error("the address of Redis is not redis://user:password@host:port/: {0}")]
pub struct ConfigError(pub(crate) String);

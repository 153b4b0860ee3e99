//! How Redis is reached.

use std::fmt;

use serde::Deserialize;

/// The configuration of the capability; only `url` has to be given.
#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `redis://user:password@host:6379/0`.
    pub url: String,
    /// How long connecting may take. Milliseconds.
    pub connect_timeout_ms: u64,
    /// How long an answer may take. Milliseconds.
    pub response_timeout_ms: u64,
    /// A reply with more in it is refused. Bytes.
    pub max_reply_bytes: usize,
    /// How often the connection is tried out, so that a broken one is replaced before a caller
    /// meets it. Milliseconds.
    pub ping_interval_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            url: String::new(),
            connect_timeout_ms: 1_000,
            response_timeout_ms: 1_000,
            max_reply_bytes: 8 << 20,
            ping_interval_ms: 1_000,
        }
    }
}

/// Without the address, which may hold a password.
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

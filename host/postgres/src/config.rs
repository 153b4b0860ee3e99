//! How the databases are reached.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;

/// More connections than this to one database cost throughput instead of adding any.
pub(crate) const MOST_CONNECTIONS: usize = 30;

/// The configuration of the capability; only `databases` has to be given.
#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// From the name that components use to where it is: `event_db` →
    /// `postgres://user:password@host:5432/event_db`.
    pub databases: BTreeMap<String, String>,
    /// Connections per database, 1 to 30. They are made when needed and kept.
    pub pool_size: usize,
    /// How long a call waits for a connection of the pool before it is refused as unavailable.
    /// Milliseconds.
    pub acquire_timeout_ms: u64,
    /// How long making a connection may take. Milliseconds.
    pub connect_timeout_ms: u64,
    /// The server cancels a statement that takes longer. Milliseconds.
    pub statement_timeout_ms: u64,
    /// How often a single query that met a serialization failure or a deadlock is tried again.
    /// Transactions say it themselves.
    pub query_retries: u8,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            databases: BTreeMap::new(),
            pool_size: 16,
            acquire_timeout_ms: 2_000,
            connect_timeout_ms: 2_000,
            statement_timeout_ms: 5_000,
            query_retries: 3,
        }
    }
}

/// Without the addresses, which hold passwords.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("databases", &self.databases.keys())
            .field("pool_size", &self.pool_size)
            .field("acquire_timeout_ms", &self.acquire_timeout_ms)
            .field("connect_timeout_ms", &self.connect_timeout_ms)
            .field("statement_timeout_ms", &self.statement_timeout_ms)
            .field("query_retries", &self.query_retries)
            .finish()
    }
}

/// The operator's mistake.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A database's address cannot be read. The address is not repeated, for its password.
    #[error(
        "the address of the database {database} is not postgres://user:password@host:port/name: {reason}"
    )]
    Address { database: String, reason: String },
    #[error("pool_size has to be between 1 and 30, not {0}")]
    PoolSize(usize),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_does_not_reach_the_log() {
        let config = Config {
            databases: [("a_db".to_owned(), "postgres://u:secret@h/a".to_owned())].into(),
            ..Config::default()
        };
        let text = format!("{config:?}");
        assert!(text.contains("a_db") && !text.contains("secret"), "{text}");
    }
}

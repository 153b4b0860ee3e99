//! How the databases are reached.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// More connections than this to one database cost throughput instead of adding any.
pub(crate) const MOST_CONNECTIONS: usize = 30;

/// The configuration of the capability.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The address of every database whose own address is empty: `{database}` stands for its name.
    pub url: String,
    /// The address of each database by the name that components use: `event_db` →
    /// `postgres://user:password@host:5432/event_db`. [`Config::fill_addresses`] fills empty ones.
    pub databases: BTreeMap<String, String>,
    /// Connections per database, 1 to 30. The pool makes them when needed and keeps them.
    pub pool_size: usize,
    /// How long a call waits for a connection of the pool before the pool refuses it as
    /// unavailable. Milliseconds.
    pub acquire_timeout_ms: u64,
    /// How long making a connection may take. Milliseconds.
    pub connect_timeout_ms: u64,
    /// The server cancels a statement that takes longer. Milliseconds.
    pub statement_timeout_ms: u64,
    /// How often a single query is tried again after a serialization failure or a deadlock.
    /// Transactions say it themselves.
    pub query_retries: u8,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            url: "postgres://eventhub@127.0.0.1:5432/{database}".into(),
            databases: BTreeMap::new(),
            pool_size: 10,
            acquire_timeout_ms: 2_000,
            connect_timeout_ms: 2_000,
            statement_timeout_ms: 15_000,
            query_retries: 3,
        }
    }
}

impl Config {
    /// Gives every database without an address of its own the one that [`Config::url`] makes.
    pub fn fill_addresses(&mut self) {
        for (name, address) in &mut self.databases {
            if address.is_empty() {
                *address = self.url.replace("{database}", name);
            }
        }
    }
}

/// Leaves out the addresses, which hold passwords.
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
            url: "postgres://u:secret@h/{database}".into(),
            databases: [("a_db".to_owned(), "postgres://u:secret@h/a".to_owned())].into(),
            ..Config::default()
        };
        let text = format!("{config:?}");
        assert!(text.contains("a_db") && !text.contains("secret"), "{text}");
    }

    #[test]
    fn a_database_without_an_address_gets_one_by_its_name() {
        let mut config = Config {
            url: "postgres://u@h/{database}?x=1".into(),
            databases: [("a_db", ""), ("b_db", "postgres://b")]
                .map(|(name, address)| (name.to_owned(), address.to_owned()))
                .into(),
            ..Config::default()
        };
        config.fill_addresses();
        assert_eq!(config.databases["a_db"], "postgres://u@h/a_db?x=1");
        assert_eq!(config.databases["b_db"], "postgres://b");
    }
}

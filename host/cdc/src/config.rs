//! The operator's configuration of all relays, and the options of the relay of one database.

use serde::{Deserialize, Serialize};

use crate::Error;

/// The configuration of all relays.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether outboxes are relayed here; Debezium can do it instead.
    pub enabled: bool,
    /// The databases whose outbox is relayed. Empty: every database to which the manifest gives an
    /// outbox.
    pub databases: Vec<String>,
    /// Published rows of this age are deleted from the table. Minutes; 0 keeps them for ever.
    pub keep_minutes: u32,
    /// How often old rows are deleted. Seconds.
    pub prune_seconds: u64,
    /// The wait before the slot is tried again while another reader has it, or after an error.
    /// Milliseconds.
    pub retry_ms: u64,
    /// On shutdown, Kafka has this long to acknowledge the rows already read; the rest is read
    /// again next time. Milliseconds.
    pub drain_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            enabled: true,
            databases: Vec::new(),
            keep_minutes: 60,
            prune_seconds: 60,
            retry_ms: 1_000,
            drain_ms: 5_000,
        }
    }
}

/// One database whose outbox is published.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// The database's name, for logs, metrics and the name of the slot.
    pub database: String,
    /// `postgres://user:password@host:port/database`; the user needs REPLICATION and has to own
    /// the table `public.outbox`.
    pub url: String,
    /// The replication slot; empty is `eventhub_outbox_<database>`. The relay makes it when it is
    /// missing.
    pub slot: String,
    /// The publication. The relay makes it when it is missing.
    pub publication: String,
    /// The settings shared by all relays.
    pub config: Config,
}

impl Options {
    /// The defaults for a database.
    pub fn new(database: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            database: database.into(),
            url: url.into(),
            slot: String::new(),
            publication: "eventhub_outbox".into(),
            config: Config::default(),
        }
    }

    /// The slot's name.
    pub fn slot(&self) -> String {
        if self.slot.is_empty() {
            format!("eventhub_outbox_{}", self.database)
        } else {
            self.slot.clone()
        }
    }

    /// Checks the names that go into replication commands, which take no parameters.
    pub(crate) fn validate(&self) -> Result<tokio_postgres::Config, Error> {
        let plain = |name: &str| {
            (1..=58).contains(&name.len())
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        };
        for name in [&self.slot(), &self.publication] {
            if !plain(name) {
                return Err(Error::Config(format!(
                    "`{name}`: only a-z, 0-9 and _, at most 58 characters"
                )));
            }
        }
        self.url
            .parse()
            .map_err(|error| Error::Config(format!("the URL of {}: {error}", self.database)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn names_that_could_end_a_command_are_refused() {
        let good = Options::new("event_db", "postgres://u@h:5432/event_db");
        assert_eq!(good.slot(), "eventhub_outbox_event_db");
        assert!(good.validate().is_ok());
        assert!(
            Options {
                slot: "a; DROP TABLE x".into(),
                ..good.clone()
            }
            .validate()
            .is_err()
        );
        assert!(
            Options {
                publication: "a'b".into(),
                ..good.clone()
            }
            .validate()
            .is_err()
        );
        assert!(
            Options {
                url: "no url".into(),
                ..good
            }
            .validate()
            .is_err()
        );
    }
}

//! What the relay of one database is told.

use serde::{Deserialize, Serialize};

use crate::Error;

/// One database whose outbox is published.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Its name, for logs, metrics and the name of the slot.
    pub database: String,
    /// `postgres://user:password@host:port/database`; the user needs REPLICATION and has to own
    /// the table `public.outbox`.
    pub url: String,
    /// The replication slot; empty is `eventhub_outbox_<database>`. It is made when it is not
    /// there.
    pub slot: String,
    /// The publication; made when it is not there.
    pub publication: String,
    /// Published rows are deleted from the table when they are this old. Minutes; 0 keeps them for
    /// good.
    pub keep_minutes: u32,
    /// How often that is looked after. Seconds.
    pub prune_seconds: u64,
    /// The wait before the slot is tried again while another reader has it, or after an error.
    /// Milliseconds.
    pub retry_ms: u64,
    /// On shutdown, what was read has this long to be acknowledged by Kafka; the rest is read
    /// again next time. Milliseconds.
    pub drain_ms: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            database: String::new(),
            url: String::new(),
            slot: String::new(),
            publication: "eventhub_outbox".into(),
            keep_minutes: 60,
            prune_seconds: 60,
            retry_ms: 1_000,
            drain_ms: 5_000,
        }
    }
}

impl Options {
    /// The defaults for a database.
    pub fn new(database: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            database: database.into(),
            url: url.into(),
            ..Self::default()
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

    /// Checks what goes into replication commands, which know no parameters.
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

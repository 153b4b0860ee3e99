//! The errors that stop the relay of one database for a while.

use eventhub_kafka::Undelivered;
use pgwire_replication::PgWireError;

/// Why a session ended; the service starts the next one after a while.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operator's fault: an invalid option.
    #[error("the outbox relay is configured wrongly: {0}")]
    Config(String),
    /// Postgres' fault, or the network's, or the database is not migrated yet.
    #[error("Postgres: {0}")]
    Postgres(String),
    /// Nobody's fault: another host relays this database.
    #[error("another reader is active")]
    Busy,
    /// Kafka's fault.
    #[error("Kafka: {0}")]
    Kafka(String),
    /// A bug in this crate, or a table that does not have the outbox's columns.
    #[error("the write-ahead log cannot be understood: {0}")]
    Protocol(String),
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(db) => Self::Postgres(format!("{} ({})", db.message(), db.code().code())),
            None => Self::Postgres(error.to_string()),
        }
    }
}

impl From<PgWireError> for Error {
    fn from(error: PgWireError) -> Self {
        match &error {
            PgWireError::Server(text) if text.contains("is active for PID") => Self::Busy,
            _ => Self::Postgres(error.to_string()),
        }
    }
}

impl From<Undelivered> for Error {
    fn from(error: Undelivered) -> Self {
        Self::Kafka(error.to_string())
    }
}

impl From<eventhub_kafka::Error> for Error {
    fn from(error: eventhub_kafka::Error) -> Self {
        Self::Kafka(error.to_string())
    }
}

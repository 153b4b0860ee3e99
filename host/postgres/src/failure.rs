//! The outcome of a failed attempt, from the error of PostgreSQL or of the driver. SQLSTATEs:
//! appendix A of PostgreSQL's manual.

use std::error::Error as _;

use eventhub_bindings::postgres::{Error, Violation};
use tokio_postgres::error::{DbError, Severity};

/// Why an attempt failed. In every case but [`Failure::Lost`] it is certain that it had no effect.
#[derive(Debug)]
pub enum Failure {
    /// It would fail again.
    Final(Error),
    /// Another transaction was in the way (40001, 40P01, 55P03): a retry may succeed.
    Again(String),
    /// The plan of a prepared statement no longer fits the tables: prepare it again.
    Stale(String),
    /// The connection is unusable.
    Lost {
        text: String,
        may_have_happened: bool,
    },
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
}

impl Failure {
    /// The failure of the statement with this index. `commits` says whether its success would have
    /// been final: then a connection that ends without an answer leaves the outcome unknown.
    pub fn of_statement(error: &tokio_postgres::Error, index: u32, commits: bool) -> Self {
        match error.as_db_error() {
            Some(said) => Self::said(said, index),
            None => Self::Lost {
                text: whole(error),
                may_have_happened: commits,
            },
        }
    }

    /// The failure of COMMIT, after the last statement.
    pub fn of_commit(error: &tokio_postgres::Error, last: u32) -> Self {
        match Self::of_statement(error, last, true) {
            Self::Lost { text, .. } => Self::Lost {
                text,
                may_have_happened: true,
            },
            other => other,
        }
    }

    fn said(error: &DbError, index: u32) -> Self {
        let code = error.code().code();
        let text = format!("statement {index}: {} ({code})", sentence(error));
        let ends_connection = matches!(
            error.parsed_severity(),
            Some(Severity::Fatal | Severity::Panic)
        ) || code.starts_with("57P");
        if ends_connection {
            return Self::Lost {
                text,
                may_have_happened: false,
            };
        }
        match code {
            // A deferred constraint is checked at COMMIT, so the transaction as a whole violates
            // it.
            _ if code.starts_with("23") => Self::Final(Error::Violation(Violation {
                statement: index,
                code: code.to_owned(),
                constraint: error
                    .constraint()
                    .or_else(|| error.column())
                    .unwrap_or_default()
                    .to_owned(),
                detail: error.detail().unwrap_or_else(|| error.message()).to_owned(),
            })),
            "40001" | "40P01" | "55P03" => Self::Again(text),
            "0A000" if error.routine() == Some("RevalidateCachedQuery") => Self::Stale(text),
            // Read-only: this server was demoted, its successor has another address.
            "25006" => Self::Lost {
                text,
                may_have_happened: false,
            },
            // Cancelled for taking too long; out of resources; the server's own trouble.
            "57014" => Self::Final(Error::Unavailable(text)),
            _ if ["08", "53", "58", "XX"]
                .iter()
                .any(|class| code.starts_with(class)) =>
            {
                Self::Final(Error::Unavailable(text))
            }
            _ => Self::Final(Error::Invalid(text)),
        }
    }
}

/// An error of the driver with its causes: `error connecting to server: Connection refused`.
pub fn whole(error: &tokio_postgres::Error) -> String {
    if let Some(said) = error.as_db_error() {
        return sentence(said);
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn sentence(error: &DbError) -> String {
    let mut text = error.message().to_owned();
    for more in [error.detail(), error.hint()].into_iter().flatten() {
        text = format!("{text}; {more}");
    }
    text
}

//! Maps Spin's errors of a failed block to the errors of `eventhub:postgres`. SQLSTATEs: appendix A
//! of PostgreSQL's manual.

use crate::bindings::exports::eventhub::postgres::sql::{Conflict, Error, Violation};
use crate::bindings::spin::postgres::postgres::{DbError, Error as SpinError, QueryError};
use crate::block::{HEAD, UNMET};

/// Why an attempt failed.
#[derive(Debug)]
pub enum Failure {
    /// It would fail again.
    Final(Error),
    /// Another transaction was in the way (40001, 40P01, 55P03): a retry may succeed.
    Again(String),
}

impl Failure {
    /// The error for the caller.
    pub fn told(self, database: &str) -> Error {
        match self {
            Self::Again(text) => Error::Serialization(format!("{database}: {text}")),
            Self::Final(Error::Unavailable(text)) => {
                Error::Unavailable(format!("{database}: {text}"))
            }
            Self::Final(error) => error,
        }
    }
}

/// Whether the block did not run because another caller's transaction is still open on the
/// connection, or aborted.
pub fn is_left_open(error: &SpinError) -> bool {
    match error {
        SpinError::QueryFailed(QueryError::DbError(said)) => {
            said.code == "25P02" || (said.code == "2D000" && line(said) == Some(HEAD))
        }
        _ => false,
    }
}

/// The failure of a block with this number of statements.
pub fn of(error: SpinError, statements: usize) -> Failure {
    let said = match error {
        SpinError::QueryFailed(QueryError::DbError(said)) => said,
        SpinError::ConnectionFailed(text)
        | SpinError::BadParameter(text)
        | SpinError::ValueConversionFailed(text)
        | SpinError::Other(text)
        | SpinError::QueryFailed(QueryError::Text(text)) => {
            return Failure::Final(Error::Unavailable(text));
        }
    };
    if said.code == UNMET {
        return Failure::Final(unmet(&said.message));
    }
    // An error without a line of the block comes from the end of the transaction: deferred checks
    // count for the last statement.
    let last = statements.saturating_sub(1);
    let index = line(&said).map_or(last, |line| line.saturating_sub(HEAD + 1).min(last));
    let index = u32::try_from(index).unwrap_or(u32::MAX);
    let detail = said.detail.clone().unwrap_or_default();
    let text = format!(
        "statement {index}: {}{}{detail} ({})",
        said.message,
        if detail.is_empty() { "" } else { "; " },
        said.code
    );
    let is_of = |classes: &[&str]| classes.iter().any(|class| said.code.starts_with(class));
    match said.code.as_str() {
        _ if is_of(&["23"]) => Failure::Final(Error::Violation(Violation {
            statement: index,
            constraint: extra(&said, "constraint")
                .or_else(|| extra(&said, "column"))
                .unwrap_or_default()
                .into(),
            detail: said.detail.unwrap_or(said.message),
            code: said.code,
        })),
        "40001" | "40P01" | "55P03" => Failure::Again(text),
        // The statement was cancelled, or the server is read-only since it was demoted; below: no
        // connection, out of resources, an internal error of the server.
        "57014" | "25006" => Failure::Final(Error::Unavailable(text)),
        _ if is_of(&["08", "53", "57P", "58", "XX"]) => Failure::Final(Error::Unavailable(text)),
        _ => Failure::Final(Error::Invalid(text)),
    }
}

/// Reads `0 3`: the statement and its rows.
fn unmet(message: &str) -> Error {
    let numbers = message
        .split_once(' ')
        .and_then(|(statement, affected)| Some((statement.parse().ok()?, affected.parse().ok()?)));
    match numbers {
        Some((statement, affected)) => Error::Conflict(Conflict {
            statement,
            affected,
        }),
        None => Error::Invalid(message.into()),
    }
}

/// The line of the block that failed, from the error's context: `PL/pgSQL function
/// inline_code_block line 3 at EXECUTE`. The words around the number are in the server's language.
fn line(said: &DbError) -> Option<usize> {
    let context = extra(said, "where_").or_else(|| extra(said, "where"))?;
    let (_, after) = context.rsplit_once("inline_code_block")?;
    let number = after.trim_start_matches(|c: char| !c.is_ascii_digit());
    number[..number
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(number.len())]
        .parse()
        .ok()
}

fn extra<'a>(said: &'a DbError, name: &str) -> Option<&'a str> {
    said.extras
        .iter()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(code: &str, message: &str, extras: &[(&str, &str)]) -> SpinError {
        let extras = extras
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect();
        let severity = "ERROR".into();
        SpinError::QueryFailed(QueryError::DbError(DbError {
            as_text: String::new(),
            severity,
            code: code.into(),
            message: message.into(),
            detail: None,
            extras,
        }))
    }

    #[test]
    fn a_missing_line_number_blames_the_last_statement() {
        let place = "SQL statement \"…\"\nPL/pgSQL-Funktion inline_code_block Zeile 3 bei EXECUTE";
        let Failure::Final(Error::Violation(violation)) = of(
            said(
                "23505",
                "duplicate",
                &[("where_", place), ("constraint", "a_key")],
            ),
            3,
        ) else {
            panic!()
        };
        assert_eq!(
            (violation.statement, violation.constraint.as_str()),
            (1, "a_key")
        );
        let Failure::Final(Error::Violation(violation)) = of(said("23503", "missing", &[]), 3)
        else {
            panic!()
        };
        assert_eq!(
            (violation.statement, violation.detail.as_str()),
            (2, "missing")
        );
    }

    #[test]
    fn each_state_is_the_error_that_our_host_makes_of_it() {
        assert!(matches!(
            of(said(UNMET, "2 7", &[]), 3),
            Failure::Final(Error::Conflict(Conflict {
                statement: 2,
                affected: 7
            }))
        ));
        for code in ["40001", "40P01", "55P03"] {
            assert!(
                matches!(of(said(code, "", &[]), 1), Failure::Again(_)),
                "{code}"
            );
        }
        for code in ["57014", "57P01", "53300", "08006", "XX000", "25006"] {
            assert!(
                matches!(
                    of(said(code, "", &[]), 1),
                    Failure::Final(Error::Unavailable(_))
                ),
                "{code}"
            );
        }
        for code in ["42601", "22P02", "42P01"] {
            assert!(
                matches!(
                    of(said(code, "", &[]), 1),
                    Failure::Final(Error::Invalid(_))
                ),
                "{code}"
            );
        }
        assert!(matches!(
            of(
                SpinError::QueryFailed(QueryError::Text("broken pipe".into())),
                1
            ),
            Failure::Final(Error::Unavailable(_))
        ));
    }

    #[test]
    fn only_a_failure_on_the_head_line_means_an_open_transaction() {
        let at = |line: usize| format!("PL/pgSQL function inline_code_block line {line} at COMMIT");
        assert!(is_left_open(&said("2D000", "", &[("where_", &at(HEAD))])));
        assert!(!is_left_open(&said(
            "2D000",
            "",
            &[("where_", &at(HEAD + 1))]
        )));
        assert!(is_left_open(&said("25P02", "", &[])));
        assert!(!is_left_open(&said("23505", "", &[("where_", &at(HEAD))])));
    }
}

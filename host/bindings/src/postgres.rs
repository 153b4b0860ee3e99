//! `eventhub:postgres@0.1.0`: statements, transactions and their results.

mod generated {
    wasmtime::component::bindgen!({
        path: "../../wit/deps/postgres",
        interfaces: "import eventhub:postgres/sql@0.1.0;",
        additional_derives: [PartialEq],
    });
}

pub use generated::eventhub::postgres::sql::{
    Conflict, Error, Expectation, Isolation, Options, Rows, Statement, Value, Violation,
};

impl Expectation {
    /// Whether a statement that returned or changed `affected` rows meets it.
    pub fn is_met(self, affected: u64) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(rows) => affected == u64::from(rows),
            Self::AtLeast(rows) => affected >= u64::from(rows),
        }
    }
}

impl Error {
    /// The error for a log or a readiness check. Its generated `Display` prints the Rust value.
    pub fn message(&self) -> String {
        match self {
            Self::Conflict(conflict) => {
                format!(
                    "statement {} affected {} rows",
                    conflict.statement, conflict.affected
                )
            }
            Self::Violation(violation) => format!(
                "statement {} violates {}: {}",
                violation.statement, violation.constraint, violation.detail
            ),
            Self::Serialization(text) | Self::Invalid(text) | Self::Unavailable(text) => {
                text.clone()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expectations_compare_the_number_of_rows() {
        assert!(Expectation::Any.is_met(0));
        assert!(Expectation::Exactly(2).is_met(2) && !Expectation::Exactly(2).is_met(3));
        assert!(Expectation::AtLeast(2).is_met(3) && !Expectation::AtLeast(2).is_met(1));
    }

    #[test]
    fn an_error_message_is_a_sentence_not_a_rust_value() {
        let error = Error::Unavailable("no connection".to_owned());
        assert_eq!(error.message(), "no connection");
        let error = Error::Conflict(Conflict {
            statement: 1,
            affected: 0,
        });
        assert_eq!(error.message(), "statement 1 affected 0 rows");
    }
}

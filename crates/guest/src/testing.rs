//! For the tests of components; no component has it in its code.

use crate::sql::{Statement, Value};

/// The statement as psql takes it: prepared, as the host does, and executed with its parameters.
///
/// # Panics
/// With a parameter of a type that no test has needed yet.
pub fn prepared(statement: &Statement) -> String {
    let literals = statement.params.iter().map(|value| match value {
        Value::Timestamp(micros) => format!("to_timestamp({micros} / 1e6)"),
        Value::Int(number) => number.to_string(),
        Value::Text(text) => format!("'{text}'"),
        Value::Bytes(bytes) => format!(
            "'\\x{}'",
            bytes
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>()
        ),
        Value::Uuid((high, low)) => format!("'{high:016x}{low:016x}'"),
        other => panic!("not used yet: {other:?}"),
    });
    let literals: Vec<String> = literals.collect();
    format!(
        "PREPARE it AS {}; EXECUTE it({})",
        statement.text,
        literals.join(", ")
    )
}

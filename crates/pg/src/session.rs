//! The statements forbidden to components: components share the connection, and its provider begins
//! and ends the transaction.

/// The first word of a statement that would end the transaction, change the connection for others,
/// or switch to another protocol.
pub fn control(text: &str) -> Option<&'static str> {
    const WORDS: &[&str] = &[
        "ABORT",
        "BEGIN",
        "CALL",
        "CLOSE",
        "COMMIT",
        "COPY",
        "DEALLOCATE",
        "DECLARE",
        "DISCARD",
        "END",
        "EXECUTE",
        "FETCH",
        "LISTEN",
        "MOVE",
        "PREPARE",
        "RELEASE",
        "RESET",
        "ROLLBACK",
        "SAVEPOINT",
        "SET",
        "START",
        "UNLISTEN",
    ];
    let mut text = text.trim_start();
    loop {
        if let Some(comment) = text.strip_prefix("--") {
            text = comment
                .split_once('\n')
                .map_or("", |(_, rest)| rest)
                .trim_start();
        } else if let Some(comment) = text.strip_prefix("/*") {
            text = comment
                .split_once("*/")
                .map_or("", |(_, rest)| rest)
                .trim_start();
        } else {
            break;
        }
    }
    let end = text
        .find(|c: char| !c.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let first = &text[..end];
    WORDS
        .iter()
        .find(|word| word.eq_ignore_ascii_case(first))
        .copied()
}

#[cfg(test)]
mod tests {
    use super::control;

    #[test]
    fn statements_cannot_end_the_transaction_or_change_the_session() {
        for text in [
            "COMMIT",
            " rollback ",
            "-- so\n/* it */ Set x = 1",
            "end;",
            "COPY t FROM stdin",
        ] {
            assert!(control(text).is_some(), "{text}");
        }
        for text in [
            "SELECT 1",
            "UPDATE t SET a = 1",
            "WITH x AS (SELECT 1) SELECT 1",
            "INSERT INTO commit VALUES (1)",
            "",
        ] {
            assert_eq!(control(text), None, "{text}");
        }
    }
}

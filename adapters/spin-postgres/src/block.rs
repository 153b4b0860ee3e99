//! A transaction as one `DO` block: one statement, and so atomic even if the guest traps.
//!
//! `COMMIT` comes first: it fails (2D000) inside a transaction that was left open on the
//! connection; otherwise it only makes the isolation level settable. Each statement has one line of
//! the block, so that an error's context names the statement.
//!
//! A statement with parameters is first prepared, only to learn the types of its parameters, as a
//! driver does; then it runs with the values as constants of those types. (`EXECUTE` of the
//! prepared statement would not report the number of changed rows.) Rows are kept in the server's
//! binary form (`record_send`), which includes the types, and returned in a setting of the session
//! ([`ANSWER`]).

use eventhub_pg::session;

use crate::bindings::exports::eventhub::postgres::sql::{Expectation, Isolation, Statement};
use crate::literal::{quoted, text};
use crate::scan::{Piece, Scanned, scan};

/// The SQLSTATE of an unmet expectation; its message holds the statement and the rows: `0 3`.
pub const UNMET: &str = "EH000";
/// Fetches the answer of the previous block on the same connection.
pub const ANSWER: &str = "SELECT current_setting('eventhub.answer')";
/// The number of lines before the first statement of a block.
pub const HEAD: usize = 1;

/// Writes the block. The answer begins with the mark, so that an answer from another session is
/// detected when a pooler gives each statement a different session of the server.
///
/// # Errors
/// Which statement is invalid, and why: the caller's mistake.
pub fn block(statements: &[Statement], isolation: Isolation, mark: &str) -> Result<String, String> {
    let level = match isolation {
        Isolation::ReadCommitted => "READ COMMITTED",
        Isolation::RepeatableRead => "REPEATABLE READ",
        Isolation::Serializable => "SERIALIZABLE",
    };
    // A prepared statement outlives the transaction that prepared it, even a failed one.
    let mut body = format!(
        "DECLARE r record; n bigint; q text; p text[]; t regtype[]; o text[] := '{{}}'; BEGIN COMMIT; SET TRANSACTION ISOLATION LEVEL {level}; \
         PERFORM set_config('TimeZone', 'UTC', true); IF EXISTS (SELECT FROM pg_prepared_statements WHERE name = 'eventhub') THEN DEALLOCATE eventhub; END IF;\n"
    );
    for (index, statement) in statements.iter().enumerate() {
        body.push_str(&line(index, statement).map_err(|why| format!("statement {index}: {why}"))?);
        body.push('\n');
    }
    body.push_str(&format!("PERFORM set_config('eventhub.answer', array_to_string(ARRAY['{mark}'] || o, ' '), false); END"));
    // Not `quoted()`, because the body keeps its lines.
    Ok(format!(
        "DO {}'{}'",
        if body.contains('\\') { "E" } else { "" },
        body.replace('\\', "\\\\").replace('\'', "''")
    ))
}

/// Builds the constants. `character` and `bit` without a length would be cut to one.
const TYPED: &str = "FOR i IN 1 .. array_length(p, 1) LOOP p[i] := '(' || quote_nullable(p[i]) || '::' || CASE t[i] \
     WHEN 'bpchar'::regtype THEN 'bpchar' WHEN 'bpchar[]'::regtype THEN 'bpchar[]' WHEN 'bit'::regtype THEN 'varbit' WHEN 'bit[]'::regtype THEN 'varbit[]' \
     ELSE t[i]::text END || ')'; END LOOP;";

fn line(index: usize, statement: &Statement) -> Result<String, String> {
    if let Some(word) = session::control(&statement.text) {
        return Err(format!(
            "{word} is not for components: the host begins, ends and shares"
        ));
    }
    if statement.text.contains('\0') {
        return Err("it has a zero byte in it".into());
    }
    let scanned = scan(&statement.text)?;
    let given = statement.params.len();
    if scanned.parameters != given {
        return Err(format!(
            "it has {} parameters, {given} were given",
            scanned.parameters
        ));
    }
    let prepared = if given == 0 {
        format!("q := {};", quoted(&whole(&scanned)))
    } else {
        prepared(statement, &scanned)?
    };
    let run = if scanned.returns_rows {
        "n := 0; FOR r IN EXECUTE q LOOP \
         IF n = 0 THEN o := o || ARRAY(SELECT 'c' || encode(convert_to(k, 'UTF8'), 'hex') FROM json_object_keys(row_to_json(r)) k); END IF; \
         n := n + 1; o := o || ('r' || encode(record_send(r), 'hex')); END LOOP;"
    } else {
        "EXECUTE q; GET DIAGNOSTICS n = ROW_COUNT;"
    };
    let unmet = match statement.expect {
        Expectation::Any => None,
        Expectation::Exactly(rows) => Some(format!("n <> {rows}")),
        Expectation::AtLeast(rows) => Some(format!("n < {rows}")),
    };
    let check = unmet.map(|unmet| format!(" IF {unmet} THEN RAISE EXCEPTION USING ERRCODE = '{UNMET}', MESSAGE = '{index} ' || n; END IF;"));
    Ok(format!(
        "{prepared} {run}{} o := o || ('n' || n);",
        check.unwrap_or_default()
    ))
}

/// The unchanged statement, without a trailing semicolon.
fn whole(scanned: &Scanned<'_>) -> String {
    let text = |piece: &Piece<'_>| match piece {
        Piece::Text(text) => (*text).to_string(),
        Piece::Parameter(number) => format!("${number}"),
    };
    scanned.pieces.iter().map(text).collect()
}

/// Sets `q` to the statement with the constants filled in.
fn prepared(statement: &Statement, scanned: &Scanned<'_>) -> Result<String, String> {
    let mut values = Vec::with_capacity(statement.params.len());
    for (number, value) in (1..).zip(&statement.params) {
        let text = text(value).map_err(|why| format!("parameter ${number} {why}"))?;
        values.push(text.map_or_else(|| "NULL".to_string(), |text| quoted(&text)));
    }
    let pieces = scanned.pieces.iter().map(|piece| match piece {
        Piece::Text(text) => quoted(text),
        Piece::Parameter(number) => format!("p[{number}]"),
    });
    Ok(format!(
        "EXECUTE {}; SELECT parameter_types INTO t FROM pg_prepared_statements WHERE name = 'eventhub'; DEALLOCATE eventhub; \
         p := ARRAY[{}]::text[]; {TYPED} q := {};",
        quoted(&format!("PREPARE eventhub AS {}", whole(scanned))),
        values.join(", "),
        pieces.collect::<Vec<_>>().join(" || "),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::exports::eventhub::postgres::sql::Value;

    fn statement(text: &str, params: Vec<Value>, expect: Expectation) -> Statement {
        Statement {
            text: text.into(),
            params,
            expect,
        }
    }

    #[test]
    fn each_statement_has_a_line_of_its_own_whatever_is_in_it() {
        let statements = [
            statement(
                "SELECT\n$1",
                vec![Value::Text("a\nb".into())],
                Expectation::Any,
            ),
            statement("UPDATE t\r\nSET x = '\n'", vec![], Expectation::Exactly(1)),
        ];
        let block = block(&statements, Isolation::Serializable, "m1").unwrap();
        let lines: Vec<&str> = block.lines().collect();
        assert_eq!(lines.len(), HEAD + 3, "{block}");
        assert!(
            lines[0].contains("BEGIN COMMIT; SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"),
            "{block}"
        );
        assert!(
            lines[HEAD].contains("FOR r IN EXECUTE q")
                && lines[HEAD + 1].contains("IF n <> 1 THEN RAISE"),
            "{block}"
        );
    }

    #[test]
    fn a_forbidden_statement_is_refused_before_anything_is_sent() {
        for (text, params) in [
            ("COMMIT", vec![]),
            ("SET x = 1", vec![]),
            ("SELECT 1; DELETE FROM t", vec![]),
            ("SELECT $1", vec![]),
            ("SELECT $2", vec![Value::Null]),
            ("SELECT $1", vec![Value::Numeric("NaN".into())]),
        ] {
            let error = block(
                &[statement(text, params, Expectation::Any)],
                Isolation::ReadCommitted,
                "m1",
            )
            .unwrap_err();
            assert!(error.starts_with("statement 0: "), "{text}: {error}");
        }
    }
}

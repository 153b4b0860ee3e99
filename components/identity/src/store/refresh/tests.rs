//! What a rotation came to; and statements on the schema as the migrations make it, in PostgreSQL's single-user mode.

use super::*;
use eventhub_guest::sql::Value;
use std::io::Write;
use std::process::{Command, Stdio};

fn lost() -> sql::Error {
    sql::Error::Unavailable("the connection was closed".into())
}

#[test]
fn who_got_no_answer_to_a_rotation_that_took_effect_keeps_the_log_in() {
    assert!(matches!(outcome(Err(lost()), || Ok(true)), Ok(true)));
}

#[test]
fn a_rotation_of_which_nothing_is_known_is_no_success() {
    assert!(matches!(outcome(Err(lost()), || Ok(false)), Err(Error::Database(sql::Error::Unavailable(_)))));
    assert!(matches!(outcome(Err(lost()), || Err(lost())), Err(Error::Database(sql::Error::Unavailable(_)))));
}

#[test]
fn only_a_lost_connection_leaves_a_rotation_in_doubt() {
    let is_stored = || panic!("it is known what became of it");
    assert!(matches!(outcome(Ok(()), is_stored), Ok(true)));
    assert!(matches!(outcome(Err(sql::Error::Conflict { statement: 0, affected: 0 }), is_stored), Ok(false)));
    assert!(matches!(outcome(Err(sql::Error::Serialization("40001".into())), is_stored), Err(Error::Database(_))));
}

#[test]
fn tokens_go_once_they_have_expired_and_a_used_one_is_known_until_then() {
    let now = Timestamp::from_micros(1_800_000_000_000_000);
    let token = |hash: u8| NewToken { family: Family::new(), hash: vec![hash; 32], expires_at: now };
    let said = postgres(&[
        include_str!("../../../../../migrations/identity_db/0001_accounts.sql").into(),
        include_str!("../../../../../migrations/identity_db/0002_expired_refresh_tokens.sql").into(),
        "INSERT INTO users (id, email, email_key, name, password_hash) VALUES (gen_random_uuid(), 'a@b.c', 'a@b.c', 'A', '')".into(),
        // One family, living, of which far more tokens have expired than one statement deletes.
        "INSERT INTO refresh_families SELECT gen_random_uuid(), id, to_timestamp(1800000060) FROM users".into(),
        "INSERT INTO refresh_tokens SELECT sha256(n::text::bytea), id, to_timestamp(1799999999), to_timestamp(1790000000) \
         FROM refresh_families, generate_series(1, 1500) n"
            .into(),
        "INSERT INTO refresh_tokens SELECT decode(repeat('01', 32), 'hex'), id, to_timestamp(1800000000), to_timestamp(1799999999) FROM refresh_families"
            .into(),
        "INSERT INTO refresh_tokens SELECT decode(repeat('02', 32), 'hex'), id, to_timestamp(1800000060), NULL FROM refresh_families".into(),
        prepared(&expired_tokens(now)),
        "SELECT count(*) AS found FROM refresh_tokens".into(),
        prepared(&expired_tokens(now)),
        "SELECT count(*) AS found FROM refresh_tokens".into(),
        prepared(&by_hash(&token(1))),
        prepared(&by_hash(&token(2))),
        prepared(&by_hash(&token(3))),
    ]);
    let found: Vec<&str> = said.lines().filter_map(|line| line.split_once("found = \"")?.1.split('"').next()).collect();
    assert_eq!(found, ["502", "2", "1", "1"], "{said}");
}

/// The statement as the host sends it: prepared, with its parameters.
fn prepared(statement: &Statement) -> String {
    let literals = statement.params.iter().map(|value| match value {
        Value::Timestamp(micros) => format!("to_timestamp({micros} / 1e6)"),
        Value::Int(number) => number.to_string(),
        Value::Bytes(bytes) => format!("'\\x{}'", bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
        other => panic!("not used here: {other:?}"),
    });
    let literals: Vec<String> = literals.collect();
    format!("DEALLOCATE ALL;\n\nPREPARE it AS {};\n\nEXECUTE it({})", statement.text, literals.join(", "))
}

/// Makes a cluster, runs the statements in it and removes it. PostgreSQL does not run as root.
const RUN: &str = r#"
set -e
PATH="$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1):$PATH"
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
as=
if [ "$(id -u)" = 0 ]; then as="setpriv --reuid=postgres --regid=postgres --clear-groups"; chown postgres "$folder"; fi
cd "$folder"
$as initdb -D data -U eventhub --auth=trust --no-sync --encoding=UTF8 --locale=C.UTF-8 </dev/null >log 2>&1 || { cat log >&2; exit 1; }
$as postgres --single -j -D data postgres
"#;

/// What PostgreSQL says to the statements.
fn postgres(statements: &[String]) -> String {
    let mut shell = Command::new("/bin/sh").args(["-c", RUN]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut input = shell.stdin.take().unwrap();
    for statement in statements {
        write!(input, "{};\n\n", statement.trim_end().trim_end_matches(';')).unwrap();
    }
    drop(input);
    let output = shell.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !errors.contains("ERROR:"), "{errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

//! What a rotation came to; and statements on the schema as the migrations make it, in a real PostgreSQL.

use super::*;
use eventhub_guest::sql::Value;
use eventhub_testing::Postgres;

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
    let postgres = Postgres::start(&["identity_db"]).unwrap();
    let run = |text: &str| postgres.psql("identity_db", text).unwrap().trim().to_string();
    for text in [
        include_str!("../../../../../migrations/identity_db/0001_accounts.sql"),
        include_str!("../../../../../migrations/identity_db/0002_expired_refresh_tokens.sql"),
        "INSERT INTO users (id, email, email_key, name, password_hash) VALUES (gen_random_uuid(), 'a@b.c', 'a@b.c', 'A', '')",
        // One family, living, of which far more tokens have expired than one statement deletes.
        "INSERT INTO refresh_families SELECT gen_random_uuid(), id, to_timestamp(1800000060) FROM users",
        "INSERT INTO refresh_tokens SELECT sha256(n::text::bytea), id, to_timestamp(1799999999), to_timestamp(1790000000) \
         FROM refresh_families, generate_series(1, 1500) n",
        "INSERT INTO refresh_tokens SELECT decode(repeat('01', 32), 'hex'), id, to_timestamp(1800000000), to_timestamp(1799999999) FROM refresh_families",
        "INSERT INTO refresh_tokens SELECT decode(repeat('02', 32), 'hex'), id, to_timestamp(1800000060), NULL FROM refresh_families",
    ] {
        run(text);
    }
    for left in ["502", "2"] {
        run(&prepared(&expired_tokens(now)));
        assert_eq!(run("SELECT count(*) FROM refresh_tokens"), left);
    }
    let found = [1, 2, 3].map(|hash| run(&prepared(&by_hash(&token(hash)))));
    assert_eq!(found, ["1", "1", ""]);
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
    format!("PREPARE it AS {}; EXECUTE it({})", statement.text, literals.join(", "))
}

//! A server for a whole test file, and short ways to say things.

#![allow(dead_code, clippy::unwrap_used)]

use std::sync::LazyLock;

use eventhub_postgres::{
    Client, Config, Error, Expectation, Isolation, Options, Rows, Statement, Value,
};
use eventhub_testing::Postgres;

/// One server for all tests of a file that do not stop it; each uses tables of its own.
pub static SERVER: LazyLock<Postgres> = LazyLock::new(|| Postgres::start(&["test_db"]).unwrap());

pub fn config(server: &Postgres) -> Config {
    Config {
        databases: [("test_db".to_owned(), server.url("test_db"))].into(),
        ..Config::default()
    }
}

pub fn client() -> Client {
    Client::new(config(&SERVER)).unwrap()
}

pub fn any(text: &str, params: impl Into<Vec<Value>>) -> Statement {
    Statement {
        text: text.to_owned(),
        params: params.into(),
        expect: Expectation::Any,
    }
}

pub fn exactly(rows: u32, text: &str, params: impl Into<Vec<Value>>) -> Statement {
    Statement {
        expect: Expectation::Exactly(rows),
        ..any(text, params)
    }
}

pub fn once(isolation: Isolation) -> Options {
    Options {
        isolation,
        retries: 0,
    }
}

pub const READ_COMMITTED: Options = Options {
    isolation: Isolation::ReadCommitted,
    retries: 0,
};

pub async fn query(
    client: &Client,
    text: &str,
    params: impl Into<Vec<Value>>,
) -> Result<Rows, Error> {
    client.query("test_db", &any(text, params)).await
}

/// The one value of one row.
pub async fn one(client: &Client, text: &str, params: impl Into<Vec<Value>>) -> Value {
    let rows = query(client, text, params).await.unwrap();
    assert_eq!((rows.rows.len(), rows.columns.len()), (1, 1), "{rows:?}");
    rows.rows[0][0].clone()
}

pub async fn int(client: &Client, text: &str) -> i64 {
    match one(client, text, []).await {
        Value::Int(value) => value,
        other => panic!("{other:?}"),
    }
}

/// The text of `invalid`.
pub fn invalid<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    match result {
        Err(Error::Invalid(text)) => text,
        other => panic!("{other:?}"),
    }
}

/// The text of `unavailable`.
pub fn unavailable<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    match result {
        Err(Error::Unavailable(text)) => text,
        other => panic!("{other:?}"),
    }
}

//! The typed Postgres capability: builds statements, and reads rows by column name.
//!
//! ```ignore
//! const DB: Database = Database("event_db");
//! let row = DB.optional(sql("SELECT title FROM events WHERE id = $1").bind(id))?;
//! let title: Option<String> = row.map(|row| row.get("title")).transpose()?;
//! ```

pub use wit::{Expectation, Isolation, Options, Statement, Value};

use crate::bindings::eventhub::postgres::sql as wit;
use crate::capabilities::postgres;
use crate::ids::{Id, Kind};
use crate::problem::Problem;
use crate::time::Timestamp;

/// A database of the manifest.
#[derive(Clone, Copy)]
pub struct Database(pub &'static str);

/// The errors of a call, by the party at fault.
#[derive(Debug, thiserror::Error, PartialEq)]
pub enum Error {
    /// A statement did not meet its expectation: another caller was quicker. Holds the statement's
    /// index.
    #[error("statement {statement} touched {affected} rows")]
    Conflict { statement: u32, affected: u64 },
    /// A constraint refused the change.
    #[error("constraint {constraint} ({code}): {detail}")]
    Violation {
        statement: u32,
        code: String,
        constraint: String,
        detail: String,
    },
    /// The retries of a serialization failure are used up: try again.
    #[error("serialization failure: {0}")]
    Serialization(String),
    /// A bug of ours: wrong SQL or a column of another type.
    #[error("invalid: {0}")]
    Invalid(String),
    /// The database does not answer for now.
    #[error("unavailable: {0}")]
    Unavailable(String),
}

impl Error {
    /// Whether the named constraint refused the change.
    pub fn violates(&self, name: &str) -> bool {
        matches!(self, Error::Violation { constraint, .. } if constraint == name)
    }

    pub fn is_conflict(&self) -> bool {
        matches!(self, Error::Conflict { .. })
    }
}

impl From<wit::Error> for Error {
    fn from(error: wit::Error) -> Self {
        match error {
            wit::Error::Conflict(c) => Error::Conflict {
                statement: c.statement,
                affected: c.affected,
            },
            wit::Error::Violation(v) => Error::Violation {
                statement: v.statement,
                code: v.code,
                constraint: v.constraint,
                detail: v.detail,
            },
            wit::Error::Serialization(text) => Error::Serialization(text),
            wit::Error::Invalid(text) => Error::Invalid(text),
            wit::Error::Unavailable(text) => Error::Unavailable(text),
        }
    }
}

/// Maps the errors that a service does not expect.
impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Unavailable(_) | Error::Serialization(_) => {
                tracing::warn!(error.cause = %error, "database call failed");
                Problem::unavailable(
                    "The database does not answer just now; try again in a moment.",
                )
            }
            other => Problem::internal(other),
        }
    }
}

/// Begins a statement; keep the text constant, it is prepared once per connection.
pub fn sql(text: &str) -> Statement {
    Statement {
        text: text.to_string(),
        params: vec![],
        expect: Expectation::Any,
    }
}

impl Statement {
    /// The next parameter: `$1`, then `$2` …
    pub fn bind(mut self, value: impl ToValue) -> Self {
        self.params.push(value.to_value());
        self
    }

    /// Exactly this many rows, or the transaction is rolled back with [`Error::Conflict`].
    pub fn expect(mut self, rows: u32) -> Self {
        self.expect = Expectation::Exactly(rows);
        self
    }
}

impl Database {
    /// One statement, all its rows.
    pub fn query(&self, statement: Statement) -> Result<Vec<Row>, Error> {
        Ok(Row::all(postgres::query(self.0, &statement)?))
    }

    /// One statement, and its first row, if any.
    pub fn optional(&self, statement: Statement) -> Result<Option<Row>, Error> {
        Ok(self.query(statement)?.into_iter().next())
    }

    /// One statement that must touch exactly one row.
    pub fn one(&self, statement: Statement) -> Result<Row, Error> {
        let rows = self.query(statement.expect(1))?;
        rows.into_iter()
            .next()
            .ok_or_else(|| Error::Invalid("the statement returns no row".into()))
    }

    /// Rows changed.
    pub fn execute(&self, statement: Statement) -> Result<u64, Error> {
        Ok(postgres::query(self.0, &statement)?.affected)
    }

    /// All or nothing, read committed, deadlocks retried by the host. One list of rows per
    /// statement.
    pub fn transaction(&self, statements: &[Statement]) -> Result<Vec<Vec<Row>>, Error> {
        let options = Options {
            isolation: Isolation::ReadCommitted,
            retries: 3,
        };
        Ok(postgres::transaction(self.0, statements, options)?
            .into_iter()
            .map(Row::all)
            .collect())
    }
}

/// One row. Columns are read by name.
#[derive(Debug, Clone)]
pub struct Row {
    columns: std::rc::Rc<[String]>,
    values: Vec<Value>,
}

impl Row {
    fn all(rows: wit::Rows) -> Vec<Row> {
        let columns: std::rc::Rc<[String]> = rows.columns.into();
        rows.rows
            .into_iter()
            .map(|values| Row {
                columns: columns.clone(),
                values,
            })
            .collect()
    }

    /// # Errors
    /// [`Error::Invalid`] if the column does not exist or has another type.
    pub fn get<T: FromValue>(&self, column: &str) -> Result<T, Error> {
        let at = self.columns.iter().position(|known| known == column);
        let value = at
            .and_then(|at| self.values.get(at))
            .ok_or_else(|| Error::Invalid(format!("no column {column}")))?;
        T::from_value(value).ok_or_else(|| Error::Invalid(format!("column {column} is {value:?}")))
    }

    /// A parsed text column: an enum in the form of its `Display`.
    ///
    /// # Errors
    /// As [`Row::get`], and if the text does not parse.
    pub fn parse<T: std::str::FromStr>(&self, column: &str) -> Result<T, Error> {
        let text: String = self.get(column)?;
        text.parse()
            .map_err(|_| Error::Invalid(format!("column {column} is {text:?}")))
    }
}

/// A type of parameters.
pub trait ToValue {
    fn to_value(self) -> Value;
}

/// A type of columns; none if the value does not fit.
pub trait FromValue: Sized {
    fn from_value(value: &Value) -> Option<Self>;
}

/// A json or jsonb parameter or column.
#[derive(Clone, Debug, PartialEq)]
pub struct Json<T>(pub T);

/// A numeric in decimal text.
#[derive(Clone, Debug, PartialEq)]
pub struct Numeric(pub String);

impl ToValue for Value {
    fn to_value(self) -> Value {
        self
    }
}

macro_rules! values {
    ($($type:ty: |$to:ident| $make:expr, $pattern:pat => $read:expr;)*) => {$(
        impl ToValue for $type { fn to_value(self) -> Value { let $to = self; $make } }
        impl FromValue for $type {
            fn from_value(value: &Value) -> Option<Self> { match value { $pattern => $read, _ => None } }
        }
    )*};
}

values! {
    bool: |v| Value::Boolean(v), Value::Boolean(v) => Some(*v);
    i64: |v| Value::Int(v), Value::Int(v) => Some(*v);
    i32: |v| Value::Int(v.into()), Value::Int(v) => (*v).try_into().ok();
    u32: |v| Value::Int(v.into()), Value::Int(v) => (*v).try_into().ok();
    f64: |v| Value::Float(v), Value::Float(v) => Some(*v);
    String: |v| Value::Text(v), Value::Text(v) => Some(v.clone());
    Vec<u8>: |v| Value::Bytes(v), Value::Bytes(v) => Some(v.clone());
    Timestamp: |v| Value::Timestamp(v.micros()), Value::Timestamp(v) => Some(Timestamp::from_micros(*v));
    Vec<i64>: |v| Value::IntArray(v), Value::IntArray(v) => Some(v.clone());
    Vec<String>: |v| Value::TextArray(v), Value::TextArray(v) => Some(v.clone());
    Numeric: |v| Value::Numeric(v.0), Value::Numeric(v) => Some(Numeric(v.clone()));
    crate::Currency: |v| Value::Text(v.to_string()), Value::Text(v) => v.parse().ok();
}

impl ToValue for &str {
    fn to_value(self) -> Value {
        Value::Text(self.to_string())
    }
}

impl<K: Kind> ToValue for Id<K> {
    fn to_value(self) -> Value {
        Value::Uuid(self.halves())
    }
}

impl<K: Kind> FromValue for Id<K> {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Uuid(halves) => Some(Id::from_halves(*halves)),
            _ => None,
        }
    }
}

impl<K: Kind> ToValue for Vec<Id<K>> {
    fn to_value(self) -> Value {
        Value::UuidArray(self.into_iter().map(Id::halves).collect())
    }
}

impl<K: Kind> FromValue for Vec<Id<K>> {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::UuidArray(ids) => {
                Some(ids.iter().map(|halves| Id::from_halves(*halves)).collect())
            }
            _ => None,
        }
    }
}

impl<T: serde::Serialize> ToValue for Json<T> {
    fn to_value(self) -> Value {
        // Our own types always serialize; a map with non-text keys would be a bug that the column's
        // NOT NULL reveals.
        serde_json::to_string(&self.0).map_or(Value::Null, Value::Json)
    }
}

impl<T: serde::de::DeserializeOwned> FromValue for Json<T> {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Json(text) => serde_json::from_str(text).ok().map(Json),
            _ => None,
        }
    }
}

impl<T: ToValue> ToValue for Option<T> {
    fn to_value(self) -> Value {
        self.map_or(Value::Null, ToValue::to_value)
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Null => Some(None),
            other => T::from_value(other).map(Some),
        }
    }
}

//! The types of `eventhub:postgres/sql@0.1.0`, as wasmtime lifts and lowers them.
//! `wit/deps/postgres/postgres.wit` documents them.

use wasmtime::component::{ComponentType, Lift, Lower};

/// A parameter or a column.
#[derive(Debug, Clone, PartialEq, ComponentType, Lift, Lower)]
#[component(variant)]
pub enum Value {
    #[component(name = "null")]
    Null,
    #[component(name = "boolean")]
    Boolean(bool),
    #[component(name = "int")]
    Int(i64),
    #[component(name = "float")]
    Float(f64),
    #[component(name = "text")]
    Text(String),
    #[component(name = "bytes")]
    Bytes(Vec<u8>),
    /// High half, low half.
    #[component(name = "uuid")]
    Uuid((u64, u64)),
    #[component(name = "json")]
    Json(String),
    /// Microseconds since the Unix epoch.
    #[component(name = "timestamp")]
    Timestamp(i64),
    /// Decimal: `-12.50`.
    #[component(name = "numeric")]
    Numeric(String),
    #[component(name = "int-array")]
    IntArray(Vec<i64>),
    #[component(name = "text-array")]
    TextArray(Vec<String>),
    #[component(name = "uuid-array")]
    UuidArray(Vec<(u64, u64)>),
}

/// How many rows a statement must return or change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(variant)]
pub enum Expectation {
    #[component(name = "any")]
    Any,
    #[component(name = "exactly")]
    Exactly(u32),
    #[component(name = "at-least")]
    AtLeast(u32),
}

impl Expectation {
    /// Whether so many rows are as expected.
    pub fn is_met(self, affected: u64) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(rows) => affected == u64::from(rows),
            Self::AtLeast(rows) => affected >= u64::from(rows),
        }
    }
}

#[derive(Debug, Clone, PartialEq, ComponentType, Lift, Lower)]
#[component(record)]
pub struct Statement {
    #[component(name = "text")]
    pub text: String,
    #[component(name = "params")]
    pub params: Vec<Value>,
    #[component(name = "expect")]
    pub expect: Expectation,
}

#[derive(Debug, Clone, PartialEq, ComponentType, Lift, Lower)]
#[component(record)]
pub struct Rows {
    #[component(name = "columns")]
    pub columns: Vec<String>,
    #[component(name = "rows")]
    pub rows: Vec<Vec<Value>>,
    /// Rows returned or changed.
    #[component(name = "affected")]
    pub affected: u64,
}

/// An expectation that was not met.
#[derive(Debug, Clone, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(record)]
pub struct Conflict {
    #[component(name = "statement")]
    pub statement: u32,
    #[component(name = "affected")]
    pub affected: u64,
}

/// A constraint that refused the change.
#[derive(Debug, Clone, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(record)]
pub struct Violation {
    #[component(name = "statement")]
    pub statement: u32,
    /// SQLSTATE.
    #[component(name = "code")]
    pub code: String,
    #[component(name = "constraint")]
    pub constraint: String,
    #[component(name = "detail")]
    pub detail: String,
}

/// Why a query or a transaction has no effect, except for [`Error::Unavailable`], where that is
/// unknown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, ComponentType, Lift, Lower)]
#[component(variant)]
pub enum Error {
    /// The data are not as the caller expected.
    #[error("statement {} met {} rows", .0.statement, .0.affected)]
    #[component(name = "conflict")]
    Conflict(Conflict),
    /// The data do not allow it.
    #[error("statement {} violates {}: {}", .0.statement, .0.constraint, .0.detail)]
    #[component(name = "violation")]
    Violation(Violation),
    /// Others were at the same data at the same time, once too often.
    #[error("{0}")]
    #[component(name = "serialization")]
    Serialization(String),
    /// The caller's mistake.
    #[error("{0}")]
    #[component(name = "invalid")]
    Invalid(String),
    /// The database's or the network's fault.
    #[error("{0}")]
    #[component(name = "unavailable")]
    Unavailable(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
pub enum Isolation {
    #[component(name = "read-committed")]
    ReadCommitted,
    #[component(name = "repeatable-read")]
    RepeatableRead,
    #[component(name = "serializable")]
    Serializable,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(record)]
pub struct Options {
    #[component(name = "isolation")]
    pub isolation: Isolation,
    /// How often a serialization failure or deadlock is tried again.
    #[component(name = "retries")]
    pub retries: u8,
}

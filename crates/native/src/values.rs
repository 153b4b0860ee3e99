//! The same WIT types twice: as the guest's bindings have them, and as the host's.

use eventhub_bindings::{postgres as host, redis as host_redis};
use eventhub_guest::bindings::eventhub::postgres::sql as guest;
use eventhub_guest::bindings::eventhub::redis::commands as guest_redis;

/// Both ways between two enums whose variants each hold one value.
macro_rules! twins {
    ($to_host:ident $to_guest:ident: $($variant:ident)*) => {
        fn $to_host(value: &guest::Value) -> host::Value {
            match value.clone() {
                guest::Value::Null => host::Value::Null,
                $(guest::Value::$variant(inner) => host::Value::$variant(inner),)*
            }
        }

        fn $to_guest(value: host::Value) -> guest::Value {
            match value {
                host::Value::Null => guest::Value::Null,
                $(host::Value::$variant(inner) => guest::Value::$variant(inner),)*
            }
        }
    };
}

twins! {
    value_to_host value_to_guest:
    Boolean Int Float Text Bytes Uuid Json Timestamp Numeric IntArray TextArray UuidArray
}

pub fn statement_to_host(statement: &guest::Statement) -> host::Statement {
    host::Statement {
        text: statement.text.clone(),
        params: statement.params.iter().map(value_to_host).collect(),
        expect: match statement.expect {
            guest::Expectation::Any => host::Expectation::Any,
            guest::Expectation::Exactly(rows) => host::Expectation::Exactly(rows),
            guest::Expectation::AtLeast(rows) => host::Expectation::AtLeast(rows),
        },
    }
}

pub fn options_to_host(options: guest::Options) -> host::Options {
    host::Options {
        isolation: match options.isolation {
            guest::Isolation::ReadCommitted => host::Isolation::ReadCommitted,
            guest::Isolation::RepeatableRead => host::Isolation::RepeatableRead,
            guest::Isolation::Serializable => host::Isolation::Serializable,
        },
        retries: options.retries,
    }
}

pub fn rows_to_guest(rows: host::Rows) -> guest::Rows {
    let row = |row: Vec<host::Value>| row.into_iter().map(value_to_guest).collect();
    guest::Rows {
        columns: rows.columns,
        rows: rows.rows.into_iter().map(row).collect(),
        affected: rows.affected,
    }
}

pub fn sql_error_to_guest(error: host::Error) -> guest::Error {
    match error {
        host::Error::Conflict(conflict) => guest::Error::Conflict(guest::Conflict {
            statement: conflict.statement,
            affected: conflict.affected,
        }),
        host::Error::Violation(violation) => guest::Error::Violation(guest::Violation {
            statement: violation.statement,
            code: violation.code,
            constraint: violation.constraint,
            detail: violation.detail,
        }),
        host::Error::Serialization(text) => guest::Error::Serialization(text),
        host::Error::Invalid(text) => guest::Error::Invalid(text),
        host::Error::Unavailable(text) => guest::Error::Unavailable(text),
    }
}

pub fn reply_to_guest(reply: host_redis::Reply) -> guest_redis::Reply {
    let item = |item: host_redis::Item| match item {
        host_redis::Item::Nil => guest_redis::Item::Nil,
        host_redis::Item::Int(value) => guest_redis::Item::Int(value),
        host_redis::Item::Bulk(bytes) => guest_redis::Item::Bulk(bytes),
    };
    match reply {
        host_redis::Reply::Nil => guest_redis::Reply::Nil,
        host_redis::Reply::Int(value) => guest_redis::Reply::Int(value),
        host_redis::Reply::Status(text) => guest_redis::Reply::Status(text),
        host_redis::Reply::Bulk(bytes) => guest_redis::Reply::Bulk(bytes),
        host_redis::Reply::Array(items) => {
            guest_redis::Reply::Array(items.into_iter().map(item).collect())
        }
    }
}

pub fn redis_error_to_guest(error: host_redis::Error) -> guest_redis::Error {
    match error {
        host_redis::Error::Refused(text) => guest_redis::Error::Refused(text),
        host_redis::Error::Invalid(text) => guest_redis::Error::Invalid(text),
        host_redis::Error::Unavailable(text) => guest_redis::Error::Unavailable(text),
    }
}

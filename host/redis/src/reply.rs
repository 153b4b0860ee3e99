//! From the driver's value to the WIT's reply.

use eventhub_bindings::redis::{Error, Item, Reply};
use redis::{RedisError, ServerError, Value};

/// Converts a reply of at most `max_bytes`.
///
/// # Errors
/// The error that Redis returned, or why the value has no reply in the WIT.
pub fn reply(value: Value, max_bytes: usize) -> Result<Reply, Error> {
    let reply = match value {
        Value::Nil => Reply::Nil,
        Value::Int(value) => Reply::Int(value),
        Value::Okay => Reply::Status("OK".to_owned()),
        Value::SimpleString(text) => Reply::Status(text),
        Value::BulkString(bytes) => Reply::Bulk(bytes),
        Value::Array(values) => {
            Reply::Array(values.into_iter().map(item).collect::<Result<_, _>>()?)
        }
        Value::ServerError(error) => return Err(said(&error)),
        _ => {
            return Err(Error::Invalid(
                "a kind of reply that is not supported".to_owned(),
            ));
        }
    };
    let bytes = match &reply {
        Reply::Bulk(bytes) => bytes.len(),
        Reply::Array(items) => items
            .iter()
            .map(|item| match item {
                Item::Bulk(bytes) => bytes.len() + size_of::<Item>(),
                Item::Nil | Item::Int(_) => size_of::<Item>(),
            })
            .sum(),
        Reply::Nil | Reply::Int(_) | Reply::Status(_) => 0,
    };
    if bytes > max_bytes {
        return Err(Error::Invalid(format!(
            "a reply of {bytes} bytes, more than the limit of {max_bytes}"
        )));
    }
    Ok(reply)
}

fn item(value: Value) -> Result<Item, Error> {
    match value {
        Value::Nil => Ok(Item::Nil),
        Value::Int(value) => Ok(Item::Int(value)),
        Value::BulkString(bytes) => Ok(Item::Bulk(bytes)),
        Value::SimpleString(text) => Ok(Item::Bulk(text.into_bytes())),
        Value::Okay => Ok(Item::Bulk(b"OK".to_vec())),
        Value::ServerError(error) => Err(said(&error)),
        Value::Array(_) => Err(Error::Invalid(
            "a reply of arrays within an array".to_owned(),
        )),
        _ => Err(Error::Invalid(
            "a kind of reply that is not supported".to_owned(),
        )),
    }
}

/// Whether the server does not know the script.
pub fn is_unknown_script(value: &Value) -> bool {
    matches!(value, Value::ServerError(error) if error.code() == "NOSCRIPT")
}

fn said(error: &ServerError) -> Error {
    let code = error.code();
    let text = match error.details() {
        Some(details) => format!("{code} {details}"),
        None => code.to_owned(),
    };
    match code {
        // The server refuses every command for now.
        "LOADING" | "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" | "READONLY" | "BUSY" => {
            Error::Unavailable(text)
        }
        _ => Error::Refused(text),
    }
}

/// A driver error: the server cannot be reached.
pub fn unreachable(error: &RedisError) -> Error {
    Error::Unavailable(format!("redis: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_and_oversized_replies_are_refused_and_flat_ones_pass() {
        let flat = Value::Array(vec![
            Value::Int(1),
            Value::Nil,
            Value::Okay,
            Value::BulkString(vec![7]),
        ]);
        let items = vec![
            Item::Int(1),
            Item::Nil,
            Item::Bulk(b"OK".to_vec()),
            Item::Bulk(vec![7]),
        ];
        assert_eq!(reply(flat.clone(), 1_000), Ok(Reply::Array(items)));
        assert!(matches!(reply(flat.clone(), 10), Err(Error::Invalid(_))));
        assert!(matches!(
            reply(Value::Array(vec![flat]), 1_000),
            Err(Error::Invalid(_))
        ));
        assert!(matches!(
            reply(Value::BulkString(vec![0; 11]), 10),
            Err(Error::Invalid(_))
        ));
    }
}

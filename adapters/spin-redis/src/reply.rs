//! Rebuilds replies from Spin's flat list.

use crate::bindings::exports::eventhub::redis::commands::{Error, Item, Reply};
use crate::bindings::fermyon::spin::redis::RedisResult;

type Answer = Result<Reply, Error>;

/// The replies that a script has written, in order.
///
/// # Errors
/// [`Error::Invalid`]: the list is malformed.
pub fn replies(list: Vec<RedisResult>) -> Result<Vec<Answer>, Error> {
    let broken = || Error::Invalid("the reply is not what the script before it writes".into());
    let mut list = list.into_iter();
    let mut replies = Vec::new();
    while let Some(kind) = list.next() {
        let RedisResult::Binary(kind) = kind else {
            return Err(broken());
        };
        let mut next = || list.next().ok_or_else(broken);
        replies.push(match kind.as_slice() {
            b"_" => Ok(Reply::Nil),
            b":" => Ok(Reply::Int(int(next()?).ok_or_else(broken)?)),
            b"$" => Ok(Reply::Bulk(bytes(next()?).ok_or_else(broken)?)),
            b"+" => Ok(Reply::Status(text(next()?).ok_or_else(broken)?)),
            b"-" => Err(said(text(next()?).ok_or_else(broken)?)),
            b"!" => Err(Error::Invalid(text(next()?).ok_or_else(broken)?)),
            b"*" => {
                let length = int(next()?).ok_or_else(broken)?;
                Ok(Reply::Array(
                    (0..length)
                        .map(|_| Ok(item(next()?)))
                        .collect::<Result<_, Error>>()?,
                ))
            }
            _ => return Err(broken()),
        });
    }
    Ok(replies)
}

fn int(value: RedisResult) -> Option<i64> {
    if let RedisResult::Int64(value) = value {
        Some(value)
    } else {
        None
    }
}

fn bytes(value: RedisResult) -> Option<Vec<u8>> {
    if let RedisResult::Binary(bytes) = value {
        Some(bytes)
    } else {
        None
    }
}

fn text(value: RedisResult) -> Option<String> {
    bytes(value).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

fn item(value: RedisResult) -> Item {
    match value {
        RedisResult::Nil => Item::Nil,
        RedisResult::Int64(value) => Item::Int(value),
        RedisResult::Binary(bytes) => Item::Bulk(bytes),
        RedisResult::Status(text) => Item::Bulk(text.into_bytes()),
    }
}

/// An error of Redis, classified by its first word.
pub fn said(text: String) -> Error {
    match text.split(' ').next().unwrap_or_default() {
        // The server refuses every command for now.
        "LOADING" | "MASTERDOWN" | "CLUSTERDOWN" | "TRYAGAIN" | "READONLY" | "BUSY" => {
            Error::Unavailable(text)
        }
        _ => Error::Refused(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> RedisResult {
        RedisResult::Binary(text.as_bytes().to_vec())
    }

    #[test]
    fn replies_are_told_apart_that_look_the_same_in_a_flat_list() {
        let list = vec![
            bulk("$"),
            bulk("x"),
            bulk("*"),
            RedisResult::Int64(1),
            bulk("x"),
            bulk("*"),
            RedisResult::Int64(0),
            bulk("_"),
            bulk("+"),
            bulk("OK"),
        ];
        let replies = replies(list).unwrap();
        assert!(matches!(&replies[0], Ok(Reply::Bulk(bytes)) if bytes == b"x"));
        assert!(
            matches!(&replies[1], Ok(Reply::Array(items)) if matches!(items.as_slice(), [Item::Bulk(_)]))
        );
        assert!(matches!(&replies[2], Ok(Reply::Array(items)) if items.is_empty()));
        assert!(matches!(&replies[3], Ok(Reply::Nil)));
        assert!(matches!(&replies[4], Ok(Reply::Status(text)) if text == "OK"));
    }

    #[test]
    fn the_first_word_classifies_errors_and_a_cut_reply_is_invalid() {
        assert!(matches!(
            said("WRONGTYPE Operation".into()),
            Error::Refused(_)
        ));
        assert!(matches!(
            said("LOADING Redis is loading".into()),
            Error::Unavailable(_)
        ));
        for list in [
            vec![bulk("*"), RedisResult::Int64(2), bulk("x")],
            vec![bulk(":"), bulk("x")],
            vec![RedisResult::Nil],
            vec![bulk("?")],
        ] {
            assert!(matches!(replies(list), Err(Error::Invalid(_))));
        }
    }
}

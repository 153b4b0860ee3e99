//! The Redis capability with text and numbers for arguments.

use crate::bindings::eventhub::redis::commands as wit;
pub use crate::bindings::eventhub::redis::commands::{Error, Item, Reply};
use crate::problem::Problem;

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Unavailable(_) => {
                tracing::warn!(error.cause = %error, "redis call failed");
                Problem::unavailable("Seats cannot be held just now; try again in a moment.")
            }
            other => Problem::internal(other),
        }
    }
}

/// One command from its words: `execute(&["SET", "k", "v", "PX", "1000"])`.
pub fn execute<A: AsRef<[u8]>>(words: &[A]) -> Result<Reply, Error> {
    let command: Vec<Vec<u8>> = words.iter().map(|word| word.as_ref().to_vec()).collect();
    wit::execute(&command)
}

/// A script: atomic, every key in `keys`.
pub fn script<K: AsRef<[u8]>, A: AsRef<[u8]>>(
    source: &str,
    keys: &[K],
    args: &[A],
) -> Result<Reply, Error> {
    let keys: Vec<Vec<u8>> = keys.iter().map(|key| key.as_ref().to_vec()).collect();
    let args: Vec<Vec<u8>> = args.iter().map(|arg| arg.as_ref().to_vec()).collect();
    wit::script(source, &keys, &args)
}

impl Reply {
    pub fn int(&self) -> Option<i64> {
        match self {
            Reply::Int(value) => Some(*value),
            _ => None,
        }
    }

    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Reply::Bulk(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub fn items(&self) -> &[Item] {
        match self {
            Reply::Array(items) => items,
            _ => &[],
        }
    }
}

impl Item {
    pub fn int(&self) -> Option<i64> {
        match self {
            Item::Int(value) => Some(*value),
            _ => None,
        }
    }

    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Item::Bulk(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub fn text(&self) -> Option<&str> {
        self.bytes()
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
    }
}

//! The Redis capability: commands, pipelines, scripts, and helpers that read their replies.

pub use crate::bindings::eventhub::redis::commands::{Command, Error, Item, Reply};
pub use crate::capabilities::redis::{execute, pipeline, script};
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

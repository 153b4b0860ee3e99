//! A __resource__: what it is, and which texts it may have.

use eventhub_facts::__Resource__Id;
use eventhub_guest::Timestamp;
use eventhub_guest::ids::UserId;
use serde::Serialize;

/// As it is stored, and as its author reads it.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct __Resource__ {
    pub id: __Resource__Id,
    #[serde(skip)]
    pub user_id: UserId,
    /// 1 to 1,000 characters.
    pub text: String,
    pub created_at: Timestamp,
}

/// Why a text is refused: its author's fault.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    #[error("must have 1 to 1000 characters that are not all white space")]
    Length,
}

impl __Resource__ {
    /// A new one, written by `user_id` at `now`.
    ///
    /// # Errors
    /// [`Error`]: the text is empty or too long.
    pub fn write(user_id: UserId, text: &str, now: Timestamp) -> Result<Self, Error> {
        let text = text.trim();
        if !(1..=1000).contains(&text.chars().count()) {
            return Err(Error::Length);
        }
        Ok(Self {
            id: __Resource__Id::new(),
            user_id,
            text: text.into(),
            created_at: now,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_one_to_a_thousand_characters() {
        let write = |text: &str| {
            __Resource__::write(UserId::from_u128(1), text, Timestamp::from_micros(0))
        };
        assert_eq!(write(" fine ").map(|written| written.text), Ok("fine".into()));
        assert_eq!(write("  ").unwrap_err(), Error::Length);
        assert_eq!(write(&"a".repeat(1001)).unwrap_err(), Error::Length);
    }
}

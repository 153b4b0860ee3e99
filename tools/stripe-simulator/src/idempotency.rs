//! Idempotency keys: the first answer is kept for 24 hours and given again, whatever it was, once
//! execution had begun. Source: https://docs.stripe.com/api/idempotent_requests.

use std::collections::{HashMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::error::{ApiError, Result};
use crate::objects::Object;

/// Seconds that a key is kept.
const KEPT_FOR: i64 = 24 * 3600;

/// An answer that is given again.
#[derive(Debug, Clone)]
pub enum Answered {
    /// 200 with this object, as it was then; shares the ledger's memory.
    Object(Object),
    /// Any other status and body.
    Body(u16, String),
}

/// What one key was used for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Use {
    /// Where.
    pub path: String,
    /// Digest of the parameters.
    pub fingerprint: String,
    /// The id of the first request.
    pub request: String,
    /// Seconds since 1970.
    pub at: i64,
}

#[derive(Debug)]
struct Entry {
    used: Use,
    answered: Option<Answered>,
}

/// All keys in use.
#[derive(Debug, Default)]
pub struct Keys {
    entries: HashMap<String, Entry>,
    order: VecDeque<(i64, String)>,
}

impl Keys {
    /// Takes the key for a request, or gives the first answer and the first request's id.
    ///
    /// # Errors
    /// 400 `idempotency_error` for another request, 409 while the first one runs.
    pub fn begin(&mut self, key: &str, new: Use) -> Result<Option<(Answered, String)>> {
        self.prune(new.at);
        let Some(entry) = self.entries.get(key) else {
            self.entries.insert(
                key.to_owned(),
                Entry {
                    used: new,
                    answered: None,
                },
            );
            return Ok(None);
        };
        if entry.used.path != new.path || entry.used.fingerprint != new.fingerprint {
            return Err(ApiError::key_reused(key, entry.used.path == new.path));
        }
        match &entry.answered {
            Some(answered) => Ok(Some((answered.clone(), entry.used.request.clone()))),
            None => Err(ApiError::key_in_use(key)),
        }
    }

    /// Keeps the answer; returns what the key was used for, to be written down.
    pub fn finish(&mut self, key: &str, answered: Answered) -> Option<&Use> {
        let entry = self.entries.get_mut(key)?;
        entry.answered = Some(answered);
        self.order.push_back((entry.used.at, key.to_owned()));
        Some(&entry.used)
    }

    /// Gives the key back: the request was refused before execution began.
    pub fn forget(&mut self, key: &str) {
        if self
            .entries
            .get(key)
            .is_some_and(|entry| entry.answered.is_none())
        {
            self.entries.remove(key);
        }
    }

    /// Puts back what was written down.
    pub fn restore(&mut self, key: String, used: Use, answered: Answered) {
        self.order.push_back((used.at, key.clone()));
        self.entries.insert(
            key,
            Entry {
                used,
                answered: Some(answered),
            },
        );
    }

    /// All that have an answer.
    pub fn answered(&self) -> impl Iterator<Item = (&String, &Use, &Answered)> {
        let entries = self
            .order
            .iter()
            .filter_map(|(_, key)| self.entries.get_key_value(key));
        entries.filter_map(|(key, entry)| Some((key, &entry.used, entry.answered.as_ref()?)))
    }

    /// Drops what is older than a day.
    pub fn prune(&mut self, now: i64) {
        while let Some((at, key)) = self.order.front()
            && now - at > KEPT_FOR
        {
            self.entries.remove(key);
            self.order.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    fn used(path: &str, fingerprint: &str, at: i64) -> Use {
        Use {
            path: path.into(),
            fingerprint: fingerprint.into(),
            request: "req_1".into(),
            at,
        }
    }

    #[test]
    fn a_key_answers_once_and_then_repeats_itself() {
        let mut keys = Keys::default();
        assert!(keys.begin("k", used("/a", "x", 0)).unwrap().is_none());
        assert_eq!(keys.begin("k", used("/a", "x", 1)).unwrap_err().status, 409);
        keys.finish("k", Answered::Body(402, "refused".into()));
        let (answered, request) = keys.begin("k", used("/a", "x", 2)).unwrap().unwrap();
        assert!(matches!(answered, Answered::Body(402, body) if body == "refused"));
        assert_eq!(request, "req_1");
        for other in [used("/a", "y", 3), used("/b", "x", 3)] {
            assert_eq!(keys.begin("k", other).unwrap_err().kind, Kind::Idempotency);
        }
    }

    #[test]
    fn a_key_given_back_or_older_than_a_day_is_free() {
        let mut keys = Keys::default();
        keys.begin("k", used("/a", "x", 0)).unwrap();
        keys.forget("k");
        assert!(keys.begin("k", used("/a", "y", 0)).unwrap().is_none());
        keys.finish("k", Answered::Body(200, String::new()));
        assert!(
            keys.begin("k", used("/a", "y", KEPT_FOR))
                .unwrap()
                .is_some()
        );
        assert!(
            keys.begin("k", used("/a", "z", KEPT_FOR + 1))
                .unwrap()
                .is_none()
        );
    }
}

//! Everything behind one lock: the ledger, the idempotency keys and the state file. One request is
//! one turn with the lock, a few tens of microseconds, which is also what makes two confirmations
//! of one intent give one charge.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::{Mutex, MutexGuard};

use crate::idempotency::{Answered, Keys};
use crate::journal::Journal;
use crate::ledger::{Change, Ledger};
use crate::objects::Event;

/// What the lock guards.
#[derive(Debug)]
pub struct Books {
    /// Objects, events, endpoints.
    pub ledger: Ledger,
    /// Idempotency keys.
    pub keys: Keys,
    /// The state file, if there is one.
    pub journal: Option<Journal>,
}

impl Books {
    /// Keeps the answer under its key and writes down what changed. Whoever calls this then tells
    /// the endpoints.
    pub fn commit(&mut self, change: &Change, key: Option<(&str, Answered)>) {
        let used = match &key {
            Some((key, answered)) => self.keys.finish(key, answered.clone()),
            None => None,
        };
        if let Some(journal) = &mut self.journal {
            let kept = key
                .as_ref()
                .zip(used)
                .map(|((key, answered), used)| (*key, used, answered));
            if kept.is_some() || !change.is_empty() {
                journal.append(change, kept);
            }
        }
    }

    /// Notes that an endpoint needs to hear no more of an event.
    pub fn settle(&mut self, event: &Event, endpoint: &str) {
        let mut owed = event.owed.lock();
        let before = owed.len();
        owed.retain(|id| id != endpoint);
        if owed.len() < before
            && let Some(journal) = &mut self.journal
        {
            journal.settled(&event.id, endpoint);
        }
    }
}

/// The books, shared.
#[derive(Debug, Clone)]
pub struct Shared(Arc<Mutex<Books>>);

impl Shared {
    /// Puts them behind their lock.
    pub fn new(books: Books) -> Self {
        Self(Arc::new(Mutex::new(books)))
    }

    /// Waits for the turn. Never held across an await.
    pub fn lock(&self) -> MutexGuard<'_, Books> {
        self.0.lock()
    }
}

/// The time, in seconds since 1970.
pub fn now() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

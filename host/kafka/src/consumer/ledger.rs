//! The rules of one partition, without I/O: which messages may be handed over now, which wait, and
//! up to which offset all are done.
//!
//! A batch never holds two messages of one key, and a key with an unfinished message earlier in the
//! partition is skipped. So order holds per key whatever the outcome of each message, and a retried
//! message delays only its own key.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use crate::{ConsumerConfig, Delivery, Message};

/// The unfinished messages of one partition, by offset.
pub(super) struct Ledger {
    entries: BTreeMap<i64, Entry>,
    /// One past the highest offset read.
    next: Option<i64>,
    limits: Limits,
}

#[derive(Debug, Clone)]
struct Limits {
    max_attempts: u32,
    max_pending: usize,
    max_ahead: i64,
}

struct Entry {
    delivery: Delivery,
    /// Not before this; `None` is at once.
    ready_at: Option<Instant>,
    /// How often in a row something that it needs was unavailable.
    postponed: u32,
    /// The most messages in a batch with this one: halved each time such a batch crashes its
    /// handler.
    company: usize,
    /// Given up for this cause: to be dead-lettered, not handled.
    dead: Option<String>,
}

/// A message for the dead letter topic.
pub(super) struct Dead {
    pub delivery: Delivery,
    pub cause: String,
}

impl Ledger {
    pub fn new(config: &ConsumerConfig) -> Self {
        let limits = Limits {
            max_attempts: config.max_attempts,
            max_pending: config.max_pending,
            max_ahead: config.max_ahead,
        };
        Self {
            entries: BTreeMap::new(),
            next: None,
            limits,
        }
    }

    /// Adds a message that was read.
    pub fn push(&mut self, delivery: Delivery) {
        let offset = delivery.offset;
        // A lower offset means that the position was reset. Going on from there is at-least-once;
        // staying ahead would skip messages.
        self.next = Some(offset + 1);
        self.entries.insert(
            offset,
            Entry {
                delivery,
                ready_at: None,
                postponed: 0,
                company: usize::MAX,
                dead: None,
            },
        );
    }

    /// Whether to read more: memory and the distance to the first unfinished message are bounded.
    pub fn accepts(&self) -> bool {
        let ahead = match (self.watermark(), self.next) {
            (Some(watermark), Some(next)) => next - watermark,
            _ => 0,
        };
        self.entries.len() < self.limits.max_pending && ahead < self.limits.max_ahead
    }

    /// The offset to commit: everything before it is done. `None` before the first read.
    pub fn watermark(&self) -> Option<i64> {
        match (self.entries.first_key_value(), self.next) {
            (Some((first, _)), Some(next)) => Some((*first).min(next)),
            (_, next) => next,
        }
    }

    /// When the next waiting message becomes ready; `None` if no message waits for the clock.
    pub fn wake_at(&self) -> Option<Instant> {
        self.entries
            .values()
            .filter_map(|entry| entry.ready_at)
            .min()
    }

    /// Takes the messages that may be handed over now, in order, at most `max`. Each has to come
    /// back through [`Self::done`], [`Self::retry`], [`Self::bury`], [`Self::put_back`] or
    /// [`Self::part`] before the next batch is taken.
    pub fn take_batch(&mut self, now: Instant, max: usize) -> Vec<Delivery> {
        let mut cap = max;
        let mut offsets = Vec::with_capacity(max.min(self.entries.len()));
        let mut seen: HashSet<&[u8]> = HashSet::new();
        for (offset, entry) in &self.entries {
            if offsets.len() >= cap {
                break;
            }
            if let Some(key) = &entry.delivery.message.key
                && !seen.insert(key)
            {
                continue;
            }
            let ready = entry.dead.is_none() && entry.ready_at.is_none_or(|at| at <= now);
            if ready && offsets.len() < entry.company {
                cap = cap.min(entry.company);
                offsets.push(*offset);
            }
        }
        // The entries stay, and the watermark with them: only their messages travel.
        offsets
            .iter()
            .filter_map(|offset| self.lend(*offset))
            .collect()
    }

    /// Takes the given-up messages that are due for the dead letter topic.
    pub fn take_dead(&mut self, now: Instant) -> Vec<Dead> {
        let due =
            |entry: &&mut Entry| entry.dead.is_some() && entry.ready_at.is_none_or(|at| at <= now);
        self.entries
            .values_mut()
            .filter(due)
            .filter_map(|entry| {
                let cause = entry.dead.clone()?;
                Some(Dead {
                    delivery: hollow(&mut entry.delivery),
                    cause,
                })
            })
            .collect()
    }

    fn lend(&mut self, offset: i64) -> Option<Delivery> {
        self.entries
            .get_mut(&offset)
            .map(|entry| hollow(&mut entry.delivery))
    }

    /// Marks a message as handled, or as written to the dead letter topic.
    pub fn done(&mut self, offset: i64) {
        self.entries.remove(&offset);
    }

    /// Retries a message at `at`. After the last attempt it is given up instead.
    pub fn retry(&mut self, mut delivery: Delivery, at: Instant, cause: String) {
        if delivery.attempt >= self.limits.max_attempts {
            let cause = format!("given up after {} attempts: {cause}", delivery.attempt);
            return self.bury(delivery, cause);
        }
        delivery.attempt += 1;
        self.restore(delivery, |entry| {
            (entry.ready_at, entry.postponed) = (Some(at), 0)
        });
    }

    /// Retries a message without a limit; `wait` gives the delay for the number of times in a row.
    pub fn postpone(
        &mut self,
        delivery: Delivery,
        now: Instant,
        wait: impl FnOnce(u32) -> Duration,
    ) {
        self.restore(delivery, |entry| {
            entry.postponed += 1;
            entry.ready_at = Some(now + wait(entry.postponed));
        });
    }

    /// Gives a message up.
    pub fn bury(&mut self, delivery: Delivery, cause: String) {
        self.restore(delivery, |entry| {
            entry.dead = Some(cause);
            entry.ready_at = None;
        });
    }

    /// Retries a dead letter that was not written.
    pub fn bury_later(&mut self, dead: Dead, at: Instant) {
        self.restore(dead.delivery, |entry| {
            entry.dead = Some(dead.cause);
            entry.ready_at = Some(at);
        });
    }

    /// Puts back a message that was not handled, through no fault of its own.
    pub fn put_back(&mut self, delivery: Delivery) {
        self.restore(delivery, |entry| entry.ready_at = None);
    }

    /// Puts back a message of a batch of `size` that crashed the handler: its next batch is
    /// smaller, so that the culprit is found.
    pub fn part(&mut self, delivery: Delivery, size: usize) {
        self.restore(delivery, |entry| entry.company = (size / 2).max(1));
    }

    fn restore(&mut self, delivery: Delivery, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.entries.get_mut(&delivery.offset) {
            entry.delivery = delivery;
            change(entry);
        }
    }
}

/// Takes the message out; the rest of the entry is not read before the message is put back.
fn hollow(delivery: &mut Delivery) -> Delivery {
    let empty = Message {
        topic: String::new(),
        key: None,
        headers: Vec::new(),
        value: Vec::new(),
    };
    Delivery {
        message: std::mem::replace(&mut delivery.message, empty),
        ..*delivery
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn config() -> ConsumerConfig {
        ConsumerConfig {
            max_attempts: 3,
            max_pending: 10,
            max_ahead: 20,
            ..ConsumerConfig::default()
        }
    }

    fn delivery(offset: i64, key: &str) -> Delivery {
        let key = (!key.is_empty()).then(|| key.as_bytes().to_vec());
        let message = Message {
            topic: "t".into(),
            key,
            headers: vec![],
            value: vec![],
        };
        Delivery {
            message,
            partition: 0,
            offset,
            timestamp: 0,
            attempt: 1,
        }
    }

    fn ledger(keys: &[&str]) -> Ledger {
        let mut ledger = Ledger::new(&config());
        for (offset, key) in keys.iter().enumerate() {
            ledger.push(delivery(offset as i64, key));
        }
        ledger
    }

    fn offsets(batch: &[Delivery]) -> Vec<i64> {
        batch.iter().map(|delivery| delivery.offset).collect()
    }

    #[test]
    fn a_key_is_never_twice_in_a_batch() {
        let mut ledger = ledger(&["a", "b", "a", "", "", "b", "c"]);
        let now = Instant::now();
        let batch = ledger.take_batch(now, 100);
        assert_eq!(
            offsets(&batch),
            [0, 1, 3, 4, 6],
            "the second of a key waits, messages without key do not"
        );
        for delivery in batch {
            ledger.done(delivery.offset);
        }
        assert_eq!(offsets(&ledger.take_batch(now, 100)), [2, 5]);
    }

    #[test]
    fn a_retried_message_holds_up_its_key_only_and_the_watermark() {
        let mut ledger = ledger(&["a", "b", "a"]);
        let now = Instant::now();
        let mut batch = ledger.take_batch(now, 100).into_iter();
        let later = now + Duration::from_secs(1);
        ledger.retry(batch.next().unwrap(), later, "later".into());
        ledger.done(batch.next().unwrap().offset);
        ledger.push(delivery(3, "c"));
        assert_eq!(
            offsets(&ledger.take_batch(now, 100)),
            [3],
            "offset 2 has the key of offset 0"
        );
        ledger.done(3);
        assert_eq!(
            ledger.watermark(),
            Some(0),
            "committing more would lose the retried message in a crash"
        );
        assert_eq!(ledger.wake_at(), Some(later));
        let batch = ledger.take_batch(later, 100);
        assert_eq!((batch.len(), batch[0].offset, batch[0].attempt), (1, 0, 2));
        ledger.done(0);
        assert_eq!(ledger.watermark(), Some(2));
    }

    #[test]
    fn the_last_attempt_dead_letters_and_then_frees_the_key() {
        let mut ledger = ledger(&["a", "a"]);
        let now = Instant::now();
        for attempt in 1..=3 {
            let batch = ledger.take_batch(now, 10);
            assert_eq!((batch[0].offset, batch[0].attempt), (0, attempt));
            ledger.retry(batch.into_iter().next().unwrap(), now, "no".into());
        }
        assert!(
            ledger.take_batch(now, 10).is_empty(),
            "the next of the key has to wait until the dead letter is written"
        );
        let dead = ledger.take_dead(now).pop().unwrap();
        assert_eq!(dead.cause, "given up after 3 attempts: no");
        ledger.bury_later(dead, now + Duration::from_secs(1));
        assert!(ledger.take_dead(now).is_empty());
        assert_eq!(ledger.watermark(), Some(0), "not written yet");
        assert_eq!(ledger.take_dead(now + Duration::from_secs(1)).len(), 1);
        ledger.done(0);
        assert_eq!(offsets(&ledger.take_batch(now, 10)), [1]);
    }

    #[test]
    fn a_postponed_message_waits_without_limit_or_counted_attempts() {
        let mut ledger = ledger(&["a", "a"]);
        let mut now = Instant::now();
        for times in 1..=50 {
            let batch = ledger.take_batch(now, 10);
            assert_eq!(
                (offsets(&batch), batch[0].attempt),
                (vec![0], 1),
                "no attempt is counted, and its key waits"
            );
            ledger.postpone(batch.into_iter().next().unwrap(), now, |postponed| {
                assert_eq!(postponed, times);
                Duration::from_secs(1)
            });
            assert!(ledger.take_batch(now, 10).is_empty() && ledger.take_dead(now).is_empty());
            now += Duration::from_secs(1);
        }
        assert_eq!(offsets(&ledger.take_batch(now, 10)), [0]);
    }

    #[test]
    fn the_message_that_crashes_its_handler_is_found_by_halving() {
        let mut ledger = ledger(&["a", "b", "c", "d", "e", "f", "g", "h"]);
        let now = Instant::now();
        let (poison, mut calls, mut handled) = (5, 0, vec![]);
        loop {
            let batch = ledger.take_batch(now, 100);
            calls += 1;
            let size = batch.len();
            if offsets(&batch).contains(&poison) {
                if size == 1 {
                    break;
                }
                batch
                    .into_iter()
                    .for_each(|delivery| ledger.part(delivery, size));
            } else {
                for delivery in batch {
                    handled.push(delivery.offset);
                    ledger.done(delivery.offset);
                }
            }
            assert!(calls < 20);
        }
        assert_eq!(handled, [0, 1, 2, 3, 4], "those before it went through");
    }

    #[test]
    fn reading_stops_at_the_bounds_and_goes_on_below_them() {
        let mut ledger = Ledger::new(&config());
        for offset in 0..10 {
            assert!(ledger.accepts());
            ledger.push(delivery(offset, ""));
        }
        assert!(!ledger.accepts(), "ten are pending");
        for delivery in ledger.take_batch(Instant::now(), 9) {
            ledger.done(delivery.offset + 1);
        }
        assert_eq!(ledger.watermark(), Some(0));
        assert!(ledger.accepts());
        ledger.push(delivery(20, ""));
        assert!(!ledger.accepts(), "too far from the first unfinished one");
        ledger.done(0);
        assert!(ledger.accepts());
    }

    #[test]
    fn a_position_that_goes_back_is_not_skipped() {
        let mut ledger = Ledger::new(&config());
        assert_eq!(ledger.watermark(), None);
        ledger.push(delivery(500, ""));
        ledger.done(500);
        assert_eq!(ledger.watermark(), Some(501));
        ledger.push(delivery(300, ""));
        ledger.done(300);
        assert_eq!(ledger.watermark(), Some(301));
    }
}

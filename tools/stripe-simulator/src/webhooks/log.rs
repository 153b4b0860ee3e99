//! The latest attempts to deliver, for `GET /_simulator/deliveries`.

use std::collections::VecDeque;

use parking_lot::Mutex;
use serde::Serialize;

const KEPT: usize = 10_000;

/// One attempt.
#[derive(Debug, Clone, Serialize)]
pub struct Delivery {
    /// `evt_…`.
    pub event: String,
    /// Such as `payment_intent.succeeded`.
    #[serde(rename = "type")]
    pub kind: String,
    /// `we_…`.
    pub endpoint: String,
    /// Where it went.
    pub url: String,
    /// Counted from 1; 0 for a duplicate that a test asked for.
    pub attempt: u32,
    /// Seconds since 1970.
    pub at: i64,
    /// How long the answer took.
    pub milliseconds: u64,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// Why there was none.
    pub error: Option<String>,
    /// `delivered`, `will_retry` or `given_up`.
    pub outcome: &'static str,
}

/// The latest attempts, and how many there were of each outcome.
#[derive(Debug, Default)]
pub struct DeliveryLog(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    latest: VecDeque<Delivery>,
    delivered: u64,
    failed: u64,
    given_up: u64,
}

impl DeliveryLog {
    pub(super) fn add(&self, delivery: Delivery) {
        let mut inner = self.0.lock();
        match delivery.outcome {
            "delivered" => inner.delivered += 1,
            "given_up" => inner.given_up += 1,
            _ => inner.failed += 1,
        }
        if inner.latest.len() == KEPT {
            inner.latest.pop_front();
        }
        inner.latest.push_back(delivery);
    }

    /// The latest, newest first, of one event or one outcome if so wished.
    pub fn latest(
        &self,
        limit: usize,
        event: Option<&str>,
        outcome: Option<&str>,
    ) -> Vec<Delivery> {
        let inner = self.0.lock();
        let of_event = |delivery: &&Delivery| event.is_none_or(|event| delivery.event == event);
        let with_outcome =
            |delivery: &&Delivery| outcome.is_none_or(|outcome| delivery.outcome == outcome);
        inner
            .latest
            .iter()
            .rev()
            .filter(of_event)
            .filter(with_outcome)
            .take(limit)
            .cloned()
            .collect()
    }

    /// Attempts that were taken, that failed and will be tried again, and that were the last.
    pub fn counts(&self) -> (u64, u64, u64) {
        let inner = self.0.lock();
        (inner.delivered, inner.failed, inner.given_up)
    }
}

//! Faults that a test asks for: slow answers, errors before and after the effect, answers that
//! never come.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// 500, nothing done, nothing kept under the key: a retry does it.
    ErrorBefore,
    /// 500, nothing done, and that 500 is kept under the key, as Stripe keeps it: a retry gets it
    /// again.
    ErrorKept,
    /// Done and kept, but answered with 500: a retry with the same key gets the real answer.
    ErrorAfter,
    /// Done and kept; the connection closes without an answer.
    NoAnswer,
    /// Done and kept; no answer for `hang_ms`, then the connection closes.
    Hang,
    /// 429, nothing done.
    RateLimit,
}

/// A fault and when it strikes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What goes wrong.
    pub kind: FaultKind,
    /// For how many requests.
    #[serde(default = "one")]
    pub count: u32,
    /// Only those whose path contains this, such as `/capture`.
    #[serde(default)]
    pub path: String,
    /// Only those with this method.
    #[serde(default)]
    pub method: Option<String>,
    /// For `hang`.
    #[serde(default = "half_a_minute")]
    pub hang_ms: u64,
}

fn one() -> u32 {
    1
}

fn half_a_minute() -> u64 {
    30_000
}

/// Those that are still to come, and the latency of every call.
#[derive(Debug, Default)]
pub struct Faults {
    waiting: Mutex<Vec<Fault>>,
    latency_ms: AtomicU64,
}

impl Faults {
    /// Adds one behind the others.
    pub fn add(&self, fault: Fault) {
        self.waiting.lock().push(fault);
    }

    /// Those that are still to come.
    pub fn waiting(&self) -> Vec<Fault> {
        self.waiting.lock().clone()
    }

    /// Takes them all back.
    pub fn clear(&self) {
        self.waiting.lock().clear();
    }

    /// The first one that strikes this request, if any.
    pub fn strike(&self, method: &str, path: &str) -> Option<(FaultKind, Duration)> {
        let mut waiting = self.waiting.lock();
        let matches = |fault: &Fault| {
            path.contains(&fault.path) && fault.method.as_deref().is_none_or(|only| only == method)
        };
        let place = waiting.iter().position(matches)?;
        let fault = waiting.get_mut(place)?;
        let struck = (fault.kind, Duration::from_millis(fault.hang_ms));
        fault.count = fault.count.saturating_sub(1);
        if fault.count == 0 {
            waiting.remove(place);
        }
        Some(struck)
    }

    /// How long every call takes before it is done.
    pub fn latency(&self) -> Duration {
        Duration::from_millis(self.latency_ms.load(Ordering::Relaxed))
    }

    /// Changes that.
    pub fn set_latency(&self, latency: Duration) {
        self.latency_ms.store(
            u64::try_from(latency.as_millis()).unwrap_or(u64::MAX),
            Ordering::Relaxed,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_strikes_as_often_as_asked_and_only_where_asked() {
        let faults = Faults::default();
        faults.add(Fault {
            kind: FaultKind::Hang,
            count: 2,
            path: "/capture".into(),
            method: Some("POST".into()),
            hang_ms: 5,
        });
        assert!(faults.strike("POST", "/v1/refunds").is_none());
        assert!(faults.strike("GET", "/v1/x/capture").is_none());
        assert!(faults.strike("POST", "/v1/x/capture").is_some());
        assert!(faults.strike("POST", "/v1/x/capture").is_some());
        assert!(faults.strike("POST", "/v1/x/capture").is_none());
    }
}

//! How a link is configured: the `link_config` of a link in the manifest, all of it optional.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The limits of one link, from one component to one callee.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinkConfig {
    /// The longest time that a call may take, queueing included. Milliseconds.
    pub timeout_ms: u64,
    /// The most calls in flight at once; at least 1.
    pub max_concurrent: usize,
    /// The most calls that may queue for a permit. A call beyond that is refused at once.
    pub max_queued: usize,
    /// When the link stops calling.
    pub breaker: BreakerConfig,
}

/// When a link stops calling a callee that keeps failing, and how it starts again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BreakerConfig {
    /// The share of failures among the calls of the window at which the breaker opens: 0.5 is half
    /// of them. More than 1 turns the breaker off.
    pub failure_rate: f64,
    /// How many of the last calls count.
    pub window: u32,
    /// With fewer calls than this in the window, the breaker stays closed.
    pub min_calls: u32,
    /// How long an open breaker refuses everything. Milliseconds.
    pub open_ms: u64,
    /// After that, this many calls are let through. When all of them succeed, the breaker closes;
    /// when one fails, it opens again.
    pub half_open_probes: u32,
}

impl Default for LinkConfig {
    fn default() -> Self {
        Self {
            timeout_ms: 5_000,
            max_concurrent: 256,
            max_queued: 4_096,
            breaker: BreakerConfig::default(),
        }
    }
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            failure_rate: 0.5,
            window: 50,
            min_calls: 20,
            open_ms: 2_000,
            half_open_probes: 3,
        }
    }
}

impl LinkConfig {
    /// [`Self::timeout_ms`] as a duration.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_are_refused_and_missing_ones_have_defaults() {
        let config: LinkConfig =
            serde_json::from_str(r#"{"timeout_ms": 7, "breaker": {"open_ms": 9}}"#).unwrap();
        assert_eq!(config.timeout(), Duration::from_millis(7));
        assert_eq!(
            config.breaker,
            BreakerConfig {
                open_ms: 9,
                ..BreakerConfig::default()
            }
        );
        assert_eq!(config.max_queued, LinkConfig::default().max_queued);
        assert!(serde_json::from_str::<LinkConfig>(r#"{"timeout": 7}"#).is_err());
        assert!(serde_json::from_str::<LinkConfig>(r#"{"breaker": {"open": 7}}"#).is_err());
    }
}

//! Why a link has no answer. An error that the callee returned is an answer.

use std::sync::Arc;
use std::time::Duration;

/// The callee gave no answer, or was not called. The text names both ends; it suits logs and
/// `unavailable(text)`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The callee was called and did not answer in time. Whether the call took effect is unknown.
    #[error("{to} did not answer {from} within {} ms", after.as_millis())]
    Timeout {
        from: Arc<str>,
        to: Arc<str>,
        after: Duration,
    },
    /// The callee was not called: the link's permits are in use and its queue is full.
    #[error("{from} has too many calls to {to} in flight")]
    Overloaded { from: Arc<str>, to: Arc<str> },
    /// The callee was not called: it has failed too often.
    #[error("{from} does not call {to} for another {} ms: it failed too often", retry_after.as_millis())]
    Open {
        from: Arc<str>,
        to: Arc<str>,
        retry_after: Duration,
    },
}

impl LinkError {
    /// Whether the callee may have been reached, and a write may have taken effect.
    pub fn may_have_happened(&self) -> bool {
        matches!(self, Self::Timeout { .. })
    }

    /// When a retry makes sense.
    pub fn retry_after(&self) -> Duration {
        match self {
            Self::Open { retry_after, .. } => *retry_after,
            Self::Timeout { .. } | Self::Overloaded { .. } => Duration::from_secs(1),
        }
    }
}

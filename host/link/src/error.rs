//! Why a link did not deliver. The callee's own answer, good or bad, is not among these.

use std::sync::Arc;
use std::time::Duration;

/// The callee gave no answer, or was not asked. The text names both ends and is fit for a log, and
/// for `unavailable(text)`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The callee was asked and did not answer in time: whether it did what it was asked is
    /// unknown.
    #[error("{to} did not answer {from} within {} ms", after.as_millis())]
    Timeout {
        from: Arc<str>,
        to: Arc<str>,
        after: Duration,
    },
    /// The callee was not asked: this link has as many calls under way and waiting as it may.
    #[error("{from} has too many calls to {to} under way")]
    Overloaded { from: Arc<str>, to: Arc<str> },
    /// The callee was not asked: it failed too often just now.
    #[error("{from} does not call {to} for another {} ms: it failed too often", retry_after.as_millis())]
    Open {
        from: Arc<str>,
        to: Arc<str>,
        retry_after: Duration,
    },
}

impl LinkError {
    /// Whether the callee may have been reached, so that a write may have taken effect.
    pub fn may_have_happened(&self) -> bool {
        matches!(self, Self::Timeout { .. })
    }

    /// When asking again makes sense.
    pub fn retry_after(&self) -> Duration {
        match self {
            Self::Open { retry_after, .. } => *retry_after,
            Self::Timeout { .. } | Self::Overloaded { .. } => Duration::from_secs(1),
        }
    }
}

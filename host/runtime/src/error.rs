//! How a call of a component fails. Each is logged once, where it happens; whoever gets one need
//! not log it again.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::{Trap, WasmBacktrace};

use crate::limits::MemoryExceeded;

/// Why there is no answer. The instance that was called is gone, where there was one; the next call
/// gets another.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CallError {
    /// The guest's fault: it panicked, or broke the rules.
    #[error("{component} trapped: {reason}")]
    Trap {
        component: Arc<str>,
        reason: String,
        /// One frame a line, innermost first.
        backtrace: String,
    },
    /// The guest computed for too long, or waited for something that did.
    #[error("{component} did not answer within {} ms", after.as_millis())]
    Deadline {
        component: Arc<str>,
        after: Duration,
    },
    /// The guest wanted more memory than its pool grants.
    #[error("{component} {reason}")]
    Memory { component: Arc<str>, reason: String },
    /// Nobody's fault: too many calls at once. The guest was not called.
    #[error("{component} has too many calls under way")]
    Overloaded { component: Arc<str> },
    /// The component could not be instantiated: its own fault in its start function, or the host's
    /// in its limits.
    #[error("{component} did not start: {reason}")]
    Start { component: Arc<str>, reason: String },
    /// The manifest's fault: the component has no such export.
    #[error("{component} does not export {export}")]
    NotExported {
        component: Arc<str>,
        export: &'static str,
    },
    /// The caller's fault: no component has this name.
    #[error("there is no component {component}")]
    UnknownComponent { component: Arc<str> },
}

/// Raised in a guest that is over its deadline.
#[derive(Debug, thiserror::Error)]
#[error("the deadline of the call has passed")]
pub(crate) struct DeadlinePassed;

impl CallError {
    /// Whether this says something against the component, for the breakers of links to it.
    pub fn is_failure(&self) -> bool {
        !matches!(self, Self::Overloaded { .. })
    }

    /// For metrics.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Trap { .. } => "trap",
            Self::Deadline { .. } => "deadline",
            Self::Memory { .. } => "memory",
            Self::Overloaded { .. } => "overloaded",
            Self::Start { .. } => "start",
            Self::NotExported { .. } | Self::UnknownComponent { .. } => "not_exported",
        }
    }

    /// What wasmtime said, told apart.
    pub(crate) fn from_wasm(
        component: &Arc<str>,
        error: &wasmtime::Error,
        after: Duration,
    ) -> Self {
        let component = component.clone();
        if error.is::<DeadlinePassed>() {
            return Self::Deadline { component, after };
        }
        if let Some(exceeded) = error.downcast_ref::<MemoryExceeded>() {
            return Self::Memory {
                component,
                reason: exceeded.to_string(),
            };
        }
        let reason = match error.downcast_ref::<Trap>() {
            Some(trap) => trap.to_string(),
            None => error.root_cause().to_string(),
        };
        Self::Trap {
            component,
            reason,
            backtrace: backtrace(error),
        }
    }
}

/// Where the guest was, one frame a line.
pub(crate) fn backtrace(error: &wasmtime::Error) -> String {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else {
        return String::new();
    };
    // The first line of its text says only that there is one.
    let text = backtrace.to_string();
    text.split_once('\n')
        .map(|(_, frames)| frames.trim_end().to_owned())
        .unwrap_or_default()
}

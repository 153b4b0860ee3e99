//! How a call of a component fails. The pool logs each error once, so callers need not log it
//! again.

use std::sync::Arc;
use std::time::Duration;

use wasmtime::{Trap, WasmBacktrace};

use crate::limits::MemoryExceeded;

/// Why a component did not answer. An instance that failed is dropped; the next call gets another
/// one.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CallError {
    /// The guest's fault: it panicked, or violated the component model.
    #[error("{component} trapped: {reason}")]
    Trap {
        component: Arc<str>,
        reason: String,
        /// One frame per line, innermost first.
        backtrace: String,
    },
    /// The guest, or something that it called, took too long.
    #[error("{component} did not answer within {} ms", after.as_millis())]
    Deadline {
        component: Arc<str>,
        after: Duration,
    },
    /// The guest asked for more memory than its pool grants.
    #[error("{component} {reason}")]
    Memory { component: Arc<str>, reason: String },
    /// Nobody's fault: there were too many calls at once. The guest was not called.
    #[error("{component} has too many calls in flight")]
    Overloaded { component: Arc<str> },
    /// The component could not be instantiated: its start function failed, or the host's limits are
    /// too low.
    #[error("{component} did not start: {reason}")]
    Start { component: Arc<str>, reason: String },
    /// The manifest's fault: the component does not have this export.
    #[error("{component} does not export {export}")]
    NotExported {
        component: Arc<str>,
        export: &'static str,
    },
    /// The caller's fault: no component has this name.
    #[error("there is no component {component}")]
    UnknownComponent { component: Arc<str> },
}

/// Stops a guest that is past its deadline.
#[derive(Debug, thiserror::Error)]
#[error("the deadline of the call has passed")]
pub(crate) struct DeadlinePassed;

impl CallError {
    /// Whether the error counts as a failure of the component, for the breakers of links to it.
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

    /// Classifies an error of wasmtime.
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

/// The guest's backtrace, one frame per line. Empty when there is none.
pub(crate) fn backtrace(error: &wasmtime::Error) -> String {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else {
        return String::new();
    };
    // The first line is a heading.
    let text = backtrace.to_string();
    text.split_once('\n')
        .map(|(_, frames)| frames.trim_end().to_owned())
        .unwrap_or_default()
}

//! The context of a call, passed on to every component that the call reaches: the request and its
//! deadline.

use eventhub_bindings::http::Request;
use eventhub_bindings::timers::Tick;
use tokio::time::Instant;

/// The context of one call. It borrows, because a call must not allocate: each instance copies it
/// into its own buffers.
#[derive(Debug, Clone, Copy, Default)]
pub struct CallContext<'a> {
    /// The value of `X-Request-Id`; it appears in problems and log lines.
    pub request_id: &'a str,
    /// W3C Trace Context `traceparent`.
    pub traceparent: &'a str,
    /// The pool's own deadline applies when this is none or later.
    pub deadline: Option<Instant>,
}

impl<'a> CallContext<'a> {
    /// The context that a request carries.
    pub fn of(request: &'a Request) -> Self {
        Self {
            request_id: &request.request_id,
            traceparent: &request.traceparent,
            deadline: None,
        }
    }

    /// The context of periodic work.
    pub fn of_tick(tick: &'a Tick) -> Self {
        Self {
            request_id: "",
            traceparent: &tick.traceparent,
            deadline: None,
        }
    }

    /// The trace id in [`Self::traceparent`], for logs. Empty when there is none.
    pub fn trace_id(&self) -> &'a str {
        trace_id(self.traceparent)
    }
}

/// The second field of `00-<trace id>-<span id>-<flags>`.
pub(crate) fn trace_id(traceparent: &str) -> &str {
    traceparent.split('-').nth(1).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_malformed_traceparent_has_no_trace_id() {
        assert_eq!(
            trace_id("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            "4bf92f3577b34da6a3ce929d0e0e4736"
        );
        assert_eq!(trace_id(""), "");
        assert_eq!(trace_id("nonsense"), "");
    }
}

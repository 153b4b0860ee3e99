//! What goes with a call through all components: whose request it is, and until when an answer is
//! of use.

use tokio::time::Instant;

use crate::values::{Request, Tick};

/// Borrowed, since a call must not cost allocations: instances copy it into buffers of their own.
#[derive(Debug, Clone, Copy, Default)]
pub struct CallContext<'a> {
    /// As in `X-Request-Id`; in problems and log lines.
    pub request_id: &'a str,
    /// W3C Trace Context `traceparent`.
    pub traceparent: &'a str,
    /// None: as the pool's deadline has it. Never later than that.
    pub deadline: Option<Instant>,
}

impl<'a> CallContext<'a> {
    /// The context that a request carries in itself.
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

    /// The trace id in [`Self::traceparent`], for logs; empty when there is none.
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
    fn the_trace_id_is_taken_out_of_a_traceparent_and_nothing_out_of_nonsense() {
        assert_eq!(
            trace_id("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
            "4bf92f3577b34da6a3ce929d0e0e4736"
        );
        assert_eq!(trace_id(""), "");
        assert_eq!(trace_id("nonsense"), "");
    }
}

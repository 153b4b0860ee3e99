//! Calls from one component to another. The caller's import is a host function that borrows an
//! instance of the callee. Calls of `routes` are typed. Calls of any other interface pass dynamic
//! values, which takes about twice as long.

mod dynamic;
mod routes;

pub(crate) use dynamic::{Mismatch, link as link_dynamic};
use eventhub_link::LinkError;
pub(crate) use routes::link as link_routes;

/// Logs that a callee did not answer. The link itself logs, once, that it has opened.
fn report_link_error(error: &LinkError, request_id: &str, traceparent: &str) {
    let trace_id = crate::context::trace_id(traceparent);
    match error {
        LinkError::Timeout { .. } => tracing::warn!(request_id, trace_id, "{error}"),
        LinkError::Overloaded { .. } | LinkError::Open { .. } => {
            tracing::debug!(request_id, trace_id, "{error}")
        }
    }
}

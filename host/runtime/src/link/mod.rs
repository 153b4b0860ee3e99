//! Calls from one component to another: the caller's import is a host function that borrows an
//! instance of the callee. `routes` go with types; any other interface as dynamic values, which
//! takes about twice as long.

mod dynamic;
mod routes;

pub(crate) use dynamic::{Mismatch, link as link_dynamic};
use eventhub_link::LinkError;
pub(crate) use routes::link as link_routes;

/// Says in the log that a callee did not answer. That it is not asked any more is the link's to
/// say, once.
fn report(error: &LinkError, request_id: &str, traceparent: &str) {
    let trace_id = crate::context::trace_id(traceparent);
    match error {
        LinkError::Timeout { .. } => tracing::warn!(request_id, trace_id, "{error}"),
        LinkError::Overloaded { .. } | LinkError::Open { .. } => {
            tracing::debug!(request_id, trace_id, "{error}")
        }
    }
}

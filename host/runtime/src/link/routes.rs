//! The link to another component's `routes`: typed requests and responses.

use std::sync::Arc;

use eventhub_bindings::http::{Request, Response};
use eventhub_link::{Link, LinkError};
use wasmtime::StoreContextMut;
use wasmtime::component::Linker;

use crate::interface::InterfaceName;
use crate::pool::Pool;
use crate::problem::{Code, problem};
use crate::state::State;
use crate::{CallContext, CallError};

/// Defines `interface` for the caller whose linker this is.
pub(crate) fn link(
    linker: &mut Linker<State>,
    interface: &InterfaceName,
    callee: Arc<Pool>,
    link: Arc<Link>,
) -> wasmtime::Result<()> {
    linker.instance(interface.full())?.func_wrap_async(
        "handle",
        move |mut store: StoreContextMut<'_, State>, (mut request,): (Request,)| {
            let (callee, link) = (callee.clone(), link.clone());
            Box::new(async move {
                let call = &store.data().call;
                // The gateway gives a request the id that clients see. A component that sets none
                // passes on its own.
                if request.request_id.is_empty() {
                    request.request_id.push_str(&call.request_id);
                }
                if request.traceparent.is_empty() {
                    request.traceparent.push_str(&call.traceparent);
                }
                let deadline = call.deadline;
                let response = call_routes(&callee, &link, &request, deadline).await;
                store.set_epoch_deadline(1);
                Ok((response,))
            })
        },
    )
}

async fn call_routes(
    callee: &Pool,
    link: &Link,
    request: &Request,
    deadline: tokio::time::Instant,
) -> Response {
    let context = CallContext {
        deadline: Some(deadline),
        ..CallContext::of(request)
    };
    let failed =
        |result: &Result<Response, CallError>| result.as_ref().is_err_and(CallError::is_failure);
    match link.call(failed, callee.handle(request, context)).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => error.to_response(&request.request_id),
        Err(error) => {
            super::report_link_error(&error, context.request_id, context.traceparent);
            let code = match error {
                LinkError::Timeout { .. } | LinkError::Open { .. } => Code::Unavailable,
                LinkError::Overloaded { .. } => Code::Overloaded,
            };
            problem(code, &request.request_id)
        }
    }
}

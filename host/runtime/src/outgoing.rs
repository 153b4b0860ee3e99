//! HTTP requests that guests make to the outside. An [`OutgoingHttp`] of the host decides whether
//! and how they are sent.

use std::pin::Pin;
use std::sync::Arc;

use http::{HeaderName, HeaderValue, Request, Response};
use tokio::time::Instant;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::computing::Clock;

/// Drives a connection while the response's body is read.
pub type Connection = Box<dyn Future<Output = Result<(), Error>> + Send>;

/// The response, and the driver of its connection: `Box::new(async { Ok(()) })` when the client has
/// a driver of its own.
pub type OutgoingFuture =
    Pin<Box<dyn Future<Output = Result<(Response<WasiBody>, Connection), Error>> + Send>>;

/// Sends the requests that guests make through `wasi:http/outgoing-handler`.
pub trait OutgoingHttp: Send + Sync {
    /// Sends `request`, whose URI is absolute, for `component`. Return
    /// [`Error::HttpRequestDenied`] to refuse it. The future is dropped when the guest no longer
    /// waits for the response.
    fn send(
        &self,
        component: &str,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
    ) -> OutgoingFuture;
}

/// The call that an instance is serving. It lives as long as the instance, so that its buffers are
/// reused.
pub(crate) struct CurrentCall {
    pub component: Arc<str>,
    pub outgoing: Option<Arc<dyn OutgoingHttp>>,
    pub request_id: String,
    pub traceparent: String,
    pub deadline: Instant,
    /// When the epoch callback last ran in the guest; see [`crate::instance`].
    pub seen_at: Option<Instant>,
    pub clock: Arc<Clock>,
}

impl WasiHttpHooks for CurrentCall {
    fn send_request(
        &mut self,
        mut request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _sent: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<(Response<WasiBody>, Connection), Error>> + Send> {
        let Some(outgoing) = &self.outgoing else {
            return Box::new(async { Err(Error::HttpRequestDenied) });
        };
        const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
        if !request.headers().contains_key(TRACEPARENT)
            && !self.traceparent.is_empty()
            && let Ok(value) = HeaderValue::from_str(&self.traceparent)
        {
            request.headers_mut().insert(TRACEPARENT, value);
        }
        Box::new(outgoing.send(&self.component, request, options))
    }
}

//! Requests that guests make to the outside. Whether and how they are sent is for the host to say:
//! see [`OutgoingHttp`].

use std::pin::Pin;
use std::sync::Arc;

use http::{HeaderName, HeaderValue, Request, Response};
use tokio::time::Instant;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::computing::Clock;

/// What keeps a connection going while the body is read; runs beside it.
pub type Connection = Box<dyn Future<Output = Result<(), Error>> + Send>;

/// The answer's head and body, and the connection's driver (`Box::new(async { Ok(()) })` where a
/// client has its own).
pub type OutgoingFuture =
    Pin<Box<dyn Future<Output = Result<(Response<WasiBody>, Connection), Error>> + Send>>;

/// Sends what guests ask for through `wasi:http/outgoing-handler`.
pub trait OutgoingHttp: Send + Sync {
    /// `component` asks for `request`, whose URI is absolute. Refuse with
    /// [`Error::HttpRequestDenied`]. The future is dropped when the guest no longer wants the
    /// answer.
    fn send(
        &self,
        component: &str,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
    ) -> OutgoingFuture;
}

/// The call that an instance is serving. Lives as long as the instance, so that the buffers are
/// reused.
pub(crate) struct CurrentCall {
    pub component: Arc<str>,
    pub outgoing: Option<Arc<dyn OutgoingHttp>>,
    pub request_id: String,
    pub traceparent: String,
    pub deadline: Instant,
    /// When the guest was last found computing; see [`crate::instance`].
    pub looked_up: Option<Instant>,
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

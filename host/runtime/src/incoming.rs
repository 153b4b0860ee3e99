//! Calls a component through `wasi:http/incoming-handler`, as any host does. The request value
//! becomes resources, and the resources of the response become a value again.

use bytes::Bytes;
use eventhub_bindings::http::{Request, Response};
use http::header::HOST;
use http::{HeaderName, HeaderValue, Method};
use http_body_util::{BodyExt, Full};
use tokio::sync::oneshot;
use wasmtime::Store;
use wasmtime::error::Context;
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::p2::bindings::Proxy;
use wasmtime_wasi_http::p2::bindings::http::types::Scheme;

use crate::state::State;

pub(crate) async fn call(
    store: &mut Store<State>,
    proxy: &Proxy,
    request: &Request,
) -> wasmtime::Result<Response> {
    let request = to_http_request(request)?;
    let (sender, receiver) = oneshot::channel();
    let mut http = store.data_mut().http();
    let incoming = http.new_incoming_request(Scheme::Http, request)?;
    let out = http.new_response_outparam(sender)?;

    let guest = proxy
        .wasi_http_incoming_handler()
        .call_handle(&mut *store, incoming, out);
    // The guest writes the body after it has set the response, and blocks until the body is read.
    let answer = async {
        let Ok(answer) = receiver.await else {
            return Ok(None);
        };
        let (head, body) = answer
            .context("the component responded with an error")?
            .into_parts();
        let body = body
            .collect()
            .await
            .context("the component did not finish its response")?
            .to_bytes();
        wasmtime::Result::<_>::Ok(Some((head, body)))
    };
    let (called, answer) = tokio::join!(guest, answer);
    called?;
    let (head, body) = answer?.context("the component set no response")?;
    let headers = head
        .headers
        .iter()
        .map(|(name, value)| {
            (
                name.as_str().to_owned(),
                String::from_utf8_lossy(value.as_bytes()).into_owned(),
            )
        })
        .collect();
    Ok(Response {
        status: head.status.as_u16(),
        headers,
        body: body.into(),
    })
}

fn to_http_request(request: &Request) -> wasmtime::Result<http::Request<Full<Bytes>>> {
    let target = match request.query.as_str() {
        "" => request.path.clone(),
        query => format!("{}?{query}", request.path),
    };
    let mut http = http::Request::new(Full::new(Bytes::from(request.body.clone())));
    *http.method_mut() = Method::from_bytes(request.method.as_bytes())?;
    *http.uri_mut() = target.parse()?;
    let headers = http.headers_mut();
    for (name, value) in &request.headers {
        headers.append(
            HeaderName::from_bytes(name.as_bytes())?,
            HeaderValue::from_str(value)?,
        );
    }
    for (name, value) in [
        ("x-request-id", &request.request_id),
        ("traceparent", &request.traceparent),
    ] {
        if !value.is_empty() {
            headers.insert(name, HeaderValue::from_str(value)?);
        }
    }
    if !headers.contains_key(HOST) {
        headers.insert(HOST, HeaderValue::from_static("localhost"));
    }
    Ok(http)
}

//! The public listener: HTTP/1.1 and HTTP/2 in, one value to the gateway, its answer out; WebSocket
//! upgrades go to `live`.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use eventhub_bindings::http::{Request, Response};
use eventhub_edge::address::{self, Network};
use eventhub_edge::request_id::is_sane;
use eventhub_runtime::{Code, problem};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Incoming};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::app::{App, Endpoint};
use crate::config::Http;
use crate::live::Live;

pub type HyperResponse = hyper::Response<Full<Bytes>>;

/// A listener: its endpoint and what answers there.
pub struct Server {
    pub app: Arc<App>,
    pub live: Live,
    pub config: Http,
    pub endpoint: Endpoint,
}

impl Server {
    /// Accepts until `stop`, then lets what runs finish for `drain_ms`.
    pub async fn run(
        self: Arc<Self>,
        listener: TcpListener,
        stop: CancellationToken,
    ) -> Result<()> {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        // Hyper answers a bare 431 when its buffer is full. A buffer of twice the limit lets the
        // gateway explain most of those refusals.
        let buffer = 2 * self.config.max_header_bytes;
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(Duration::from_millis(self.config.header_timeout_ms))
            .max_buf_size(buffer.max(8192))
            .pipeline_flush(true);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_header_list_size(buffer as u32);
        let graceful = GracefulShutdown::new();
        loop {
            let (stream, peer) = tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        // File descriptors have run out, most likely: some will be free soon.
                        tracing::warn!(error.cause = %error, "cannot accept a connection");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        continue;
                    }
                },
                () = stop.cancelled() => break,
            };
            let _ = stream.set_nodelay(true);
            let server = self.clone();
            let service = service_fn(move |request| {
                let server = server.clone();
                async move { Ok::<_, Infallible>(server.answer(request, peer).await) }
            });
            let connection = builder
                .serve_connection_with_upgrades(TokioIo::new(stream), service)
                .into_owned();
            let watched = graceful.watch(connection);
            tokio::spawn(async move {
                if let Err(error) = watched.await {
                    tracing::debug!(error.cause = %error, peer = %peer, "connection ended with an error");
                }
            });
        }
        drop(listener);
        if tokio::time::timeout(
            Duration::from_millis(self.config.drain_ms),
            graceful.shutdown(),
        )
        .await
        .is_err()
        {
            tracing::warn!("some requests did not finish in time; their connections are closed");
        }
        Ok(())
    }

    async fn answer(&self, request: hyper::Request<Incoming>, peer: SocketAddr) -> HyperResponse {
        let client = client(request.headers(), peer.ip(), &self.config.trusted_proxies);
        if Live::wants(&request) {
            return self.live.upgrade(request, client).await;
        }
        let (parts, body) = request.into_parts();
        let head = head(&parts, client);
        let answer = match self.read(body).await {
            Ok(body) => {
                self.app
                    .handle(&self.endpoint, Request { body, ..head })
                    .await
            }
            // The endpoint's component refuses it with its own problem document: the headers
            // announce a body that is too large, and the body is missing.
            Err(Unread::TooLarge) => {
                self.app
                    .handle(&self.endpoint, announce_oversized_body(head))
                    .await
            }
            // The client has closed the connection; the answer reaches nobody.
            Err(Unread::Broken) => problem(Code::Unavailable, &head.request_id),
            Err(Unread::TooSlow) => problem(Code::RequestTimeout, &head.request_id),
        };
        to_hyper(answer)
    }

    /// The whole body. A body that is announced as too large is not read.
    async fn read(&self, body: Incoming) -> Result<Vec<u8>, Unread> {
        if body.is_end_stream() {
            return Ok(vec![]);
        }
        let (max, within) = (
            self.config.max_body_bytes,
            Duration::from_millis(self.config.body_timeout_ms),
        );
        if body.size_hint().lower() > max as u64 {
            return Err(Unread::TooLarge);
        }
        match tokio::time::timeout(within, Limited::new(body, max).collect()).await {
            Ok(Ok(collected)) => Ok(collected.to_bytes().into()),
            Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
                Err(Unread::TooLarge)
            }
            Ok(Err(_)) => Err(Unread::Broken),
            Err(_) => Err(Unread::TooSlow),
        }
    }
}

/// Why there is no body.
enum Unread {
    TooLarge,
    TooSlow,
    Broken,
}

/// The request without its body, which is too large to be read, and with a length that every route
/// refuses.
fn announce_oversized_body(mut head: Request) -> Request {
    head.headers.retain(|(name, _)| name != "content-length");
    head.headers
        .push(("content-length".into(), u32::MAX.to_string()));
    head
}

/// The client: the peer, or the address that a trusted proxy reports.
fn client(headers: &HeaderMap, peer: IpAddr, trusted: &[Network]) -> IpAddr {
    let peer = peer.to_canonical();
    if trusted.is_empty() {
        return peer;
    }
    let hops: Vec<_> = headers
        .get_all("x-forwarded-for")
        .iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
        .collect();
    address::client(&peer.to_string(), Some(&hops.join(",")), trusted).unwrap_or(peer)
}

/// A request without its body.
pub fn head(parts: &hyper::http::request::Parts, client: IpAddr) -> Request {
    let mut headers = Vec::with_capacity(parts.headers.len());
    let mut traceparent = String::new();
    for (name, value) in &parts.headers {
        let value = value.to_str().map_or_else(
            |_| String::from_utf8_lossy(value.as_bytes()).into_owned(),
            str::to_owned,
        );
        if name == "traceparent" {
            traceparent.clone_from(&value);
        }
        headers.push((name.as_str().to_string(), value));
    }
    Request {
        method: parts.method.as_str().to_string(),
        path: parts.uri.path().to_string(),
        query: parts.uri.query().unwrap_or_default().to_string(),
        headers,
        body: Vec::new(),
        principal: None,
        request_id: request_id(&parts.headers),
        traceparent,
        client_address: client.to_string(),
    }
}

/// The id of the request in its answer and in log lines: the client's own if it is a sane one, or a
/// new one.
fn request_id(headers: &HeaderMap) -> String {
    let sent = headers
        .get("x-request-id")
        .and_then(|value| value.to_str().ok())
        .filter(|id| is_sane(id));
    sent.map_or_else(new_id, str::to_owned)
}

fn new_id() -> String {
    let mut digits = [0; 32];
    // It cannot fail: 16 bytes are 32 digits.
    let _ = hex::encode_to_slice(rand::random::<[u8; 16]>(), &mut digits);
    String::from_utf8_lossy(&digits).into_owned()
}

/// An answer as hyper sends it. A header that HTTP does not allow is left out and logged: it is a
/// bug of the component.
pub fn to_hyper(response: Response) -> HyperResponse {
    let mut answer = hyper::Response::new(Full::new(Bytes::from(response.body)));
    *answer.status_mut() = hyper::StatusCode::from_u16(response.status)
        .unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in response.headers {
        match (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_str(&value),
        ) {
            (Ok(name), Ok(value)) => {
                answer.headers_mut().append(name, value);
            }
            _ => {
                tracing::error!(http.header = %name, "a component answered with an invalid HTTP header, which is left out")
            }
        }
    }
    answer
}

/// Binds a listener; `key` of the configuration is in the error when the port is taken.
pub async fn bind(address: SocketAddr, key: &str) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!("cannot listen on {address}; if it is in use, set `{key}` to another address")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_could_forge_a_log_line_is_not_taken() {
        let of = |sent: &[u8]| {
            request_id(&HeaderMap::from_iter([(
                HeaderName::from_static("x-request-id"),
                HeaderValue::from_bytes(sent).unwrap(),
            )]))
        };
        assert_eq!(of(b"Req-1_a.b"), "Req-1_a.b");
        for sent in [&b"a b"[..], b"\xc3\xa9"] {
            assert_eq!(of(sent).len(), 32);
        }
        assert_ne!(request_id(&HeaderMap::new()), request_id(&HeaderMap::new()));
    }

    #[test]
    fn only_a_trusted_proxy_says_for_whom_it_asks() {
        let sent = |values: &[&'static [u8]]| {
            let header = |value| {
                (
                    HeaderName::from_static("x-forwarded-for"),
                    HeaderValue::from_bytes(value).unwrap(),
                )
            };
            let mut headers = HeaderMap::new();
            for (name, value) in values.iter().copied().map(header) {
                headers.append(name, value);
            }
            headers
        };
        let of = |values: &[&'static [u8]], peer: &str, trusted: &[Network]| {
            client(&sent(values), peer.parse().unwrap(), trusted).to_string()
        };
        let proxies = ["10.0.0.0/8".parse().unwrap()];
        assert_eq!(of(&[b"203.0.113.9"], "10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(
            of(&[b"203.0.113.9"], "::ffff:10.0.0.1", &proxies),
            "203.0.113.9"
        );
        assert_eq!(
            of(
                &[b"6.6.6.6, 203.0.113.9", b"10.9.9.9"],
                "10.0.0.1",
                &proxies
            ),
            "203.0.113.9"
        );
        assert_eq!(
            of(&[b"203.0.113.9", b"\xff"], "10.0.0.1", &proxies),
            "10.0.0.1"
        );
        assert_eq!(of(&[b"203.0.113.9"], "192.0.2.1", &proxies), "192.0.2.1");
        assert_eq!(of(&[], "10.0.0.1", &proxies), "10.0.0.1");
    }
}

//! The opening handshake (RFC 6455, section 4.2) on a request that hyper has read.

use hyper::header::{
    CONNECTION, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper::{HeaderMap, Method, Request, Response, StatusCode, Version};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::Config;

pub(crate) type WebSocket = WebSocketStream<TokioIo<Upgraded>>;

/// Why a request cannot become a WebSocket. It is the client's fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAnUpgrade {
    /// Answer with 426 and `Upgrade: websocket`.
    #[error(
        "this address speaks WebSocket: an HTTP/1.1 GET with `Connection: Upgrade` and `Upgrade: websocket`"
    )]
    Plain,
    /// Answer with 426 and `Sec-WebSocket-Version: 13`.
    #[error("only version 13 of the WebSocket protocol is supported")]
    Version,
    /// Answer with 426.
    #[error("`Sec-WebSocket-Key` is missing or is not 16 bytes in base64")]
    Key,
}

/// Whether a request asks for a WebSocket, even when the request has faults.
pub fn is_upgrade<B>(request: &Request<B>) -> bool {
    request.method() == Method::GET && header_lists(request.headers(), UPGRADE, "websocket")
}

/// A pending upgrade: the connection becomes a WebSocket once the response 101 is sent.
pub struct Upgrade(OnUpgrade);

/// Takes the connection over. Send the response unchanged, with an empty body, on a connection that
/// hyper serves `with_upgrades`.
///
/// # Errors
/// The fault of the request. The connection stays an HTTP connection.
pub fn upgrade<B>(request: &mut Request<B>) -> Result<(Response<()>, Upgrade), NotAnUpgrade> {
    let headers = request.headers();
    let plain = !is_upgrade(request)
        || request.version() != Version::HTTP_11
        || !header_lists(headers, CONNECTION, "upgrade");
    if plain {
        return Err(NotAnUpgrade::Plain);
    }
    if headers
        .get(SEC_WEBSOCKET_VERSION)
        .map(HeaderValue::as_bytes)
        != Some(b"13")
    {
        return Err(NotAnUpgrade::Version);
    }
    // In base64, 16 bytes are 22 characters and two of padding.
    let key = headers.get(SEC_WEBSOCKET_KEY).map(HeaderValue::as_bytes);
    let key = key
        .filter(|key| key.len() == 24 && key.ends_with(b"=="))
        .ok_or(NotAnUpgrade::Key)?;
    let accept = HeaderValue::try_from(derive_accept_key(key)).map_err(|_| NotAnUpgrade::Key)?;

    let mut response = Response::new(());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    Ok((response, Upgrade(hyper::upgrade::on(request))))
}

impl Upgrade {
    pub(crate) async fn accept(self, config: &Config) -> Result<WebSocket, hyper::Error> {
        let upgraded = TokioIo::new(self.0.await?);
        // The buffers are small, because thousands of open sockets are mostly idle. Without a write
        // buffer, each frame is sent at once.
        let config = WebSocketConfig::default()
            .read_buffer_size(4_096)
            .write_buffer_size(0)
            .max_message_size(Some(config.max_client_message_bytes))
            .max_frame_size(Some(config.max_client_message_bytes));
        Ok(WebSocket::from_raw_socket(upgraded, Role::Server, Some(config)).await)
    }
}

/// Whether a comma-separated header contains this word, in any case.
fn header_lists(headers: &HeaderMap, name: HeaderName, word: &str) -> bool {
    let has = |value: &HeaderValue| {
        value.to_str().is_ok_and(|text| {
            text.split(',')
                .any(|part| part.trim().eq_ignore_ascii_case(word))
        })
    };
    headers.get_all(name).iter().any(has)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn request(headers: &[(&str, &str)]) -> Request<()> {
        let mut request = Request::get("/live");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap()
    }

    const GOOD: [(&str, &str); 4] = [
        ("connection", "keep-alive, Upgrade"),
        ("upgrade", "WebSocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];

    #[test]
    fn the_response_is_that_of_the_rfc() {
        let (response, _) = upgrade(&mut request(&GOOD)).unwrap();
        assert_eq!(response.status(), 101);
        // The example of RFC 6455, section 1.3.
        assert_eq!(
            response.headers()["sec-websocket-accept"],
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
    }

    #[test]
    fn each_missing_header_has_its_own_error() {
        let without =
            |name: &str| -> Vec<_> { GOOD.into_iter().filter(|(n, _)| *n != name).collect() };
        let fault = |name: &str| upgrade(&mut request(&without(name))).map(drop).unwrap_err();
        assert_eq!(fault("connection"), NotAnUpgrade::Plain);
        assert_eq!(fault("upgrade"), NotAnUpgrade::Plain);
        assert_eq!(fault("sec-websocket-version"), NotAnUpgrade::Version);
        assert_eq!(fault("sec-websocket-key"), NotAnUpgrade::Key);
        assert!(!is_upgrade(&request(&without("upgrade"))));
    }
}

//! `wasi:http/incoming-handler`: turns an exchange into a request value, and a response value into
//! the answer.

use std::io::Write;

use eventhub_guest::http::request;
use eventhub_guest::{Request, Response};
use wasip2::http::types::{
    Fields, IncomingBody, IncomingRequest, Method, OutgoingBody, OutgoingResponse, ResponseOutparam,
};
use wasip2::io::streams::{InputStream, StreamError};

/// One read of the body.
const CHUNK: usize = 64 * 1024;

/// Why the body was not read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unread {
    TooLarge,
    /// The body did not arrive completely.
    Broken,
}

/// The request without its body, and the announced length of the body. The interface does not
/// report the client's address.
pub fn head(incoming: &IncomingRequest) -> (Request, Option<usize>) {
    let method = match incoming.method() {
        Method::Get => "GET".into(),
        Method::Head => "HEAD".into(),
        Method::Post => "POST".into(),
        Method::Put => "PUT".into(),
        Method::Delete => "DELETE".into(),
        Method::Connect => "CONNECT".into(),
        Method::Options => "OPTIONS".into(),
        Method::Trace => "TRACE".into(),
        Method::Patch => "PATCH".into(),
        Method::Other(other) => other,
    };
    let target = incoming.path_with_query().unwrap_or_else(|| "/".into());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let entries = incoming.headers().entries().into_iter();
    let headers: Vec<(String, String)> = entries
        .map(|(name, value)| {
            (
                name.to_ascii_lowercase(),
                String::from_utf8_lossy(&value).into_owned(),
            )
        })
        .collect();
    let length = headers
        .iter()
        .find(|(name, _)| name == "content-length")
        .and_then(|(_, value)| value.parse().ok());
    (
        Request {
            query: query.into(),
            headers,
            ..request(&method, path)
        },
        length,
    )
}

/// The whole body, of at most `max` bytes; `length` is the announced length.
///
/// # Errors
/// [`Unread`].
pub fn body(
    incoming: &IncomingRequest,
    length: Option<usize>,
    max: usize,
) -> Result<Vec<u8>, Unread> {
    if length.is_some_and(|length| length > max) {
        return Err(Unread::TooLarge);
    }
    let body = incoming.consume().map_err(|()| Unread::Broken)?;
    let stream = body.stream().map_err(|()| Unread::Broken)?;
    let read = drain(&stream, length.unwrap_or_default(), max);
    drop(stream);
    drop(IncomingBody::finish(body));
    read
}

pub(crate) fn drain(stream: &InputStream, length: usize, max: usize) -> Result<Vec<u8>, Unread> {
    let mut bytes = Vec::with_capacity(length);
    loop {
        match stream.blocking_read(CHUNK as u64) {
            Ok(chunk) if bytes.len() + chunk.len() > max => return Err(Unread::TooLarge),
            Ok(chunk) => bytes.extend_from_slice(&chunk),
            Err(StreamError::Closed) => return Ok(bytes),
            Err(StreamError::LastOperationFailed(_)) => return Err(Unread::Broken),
        }
    }
}

/// Sends the answer.
pub fn send(response: Response, out: ResponseOutparam) {
    let headers = Fields::new();
    for (name, value) in &response.headers {
        // A header name reserved by the host is left out.
        let _ = headers.append(name, value.as_bytes());
    }
    let outgoing = OutgoingResponse::new(headers);
    let _ = outgoing.set_status_code(response.status);
    let body = outgoing.body();
    ResponseOutparam::set(out, Ok(outgoing));
    // From here on a failure means that the client has disconnected.
    if let Ok(body) = body {
        if let Ok(mut stream) = body.write() {
            let _ = stream
                .write_all(&response.body)
                .and_then(|()| Write::flush(&mut stream));
        }
        let _ = OutgoingBody::finish(body, None);
    }
}

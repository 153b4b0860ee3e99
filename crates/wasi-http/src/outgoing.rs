//! One call over `wasi:http/outgoing-handler`, with its complete answer.

use std::time::Duration;

use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    Fields, IncomingResponse, Method, OutgoingBody, OutgoingRequest, RequestOptions, Scheme,
};

use crate::incoming::{Unread, drain};

/// The request.
pub struct Call<'a> {
    pub method: Method,
    /// `https://api.example.com`: scheme and authority.
    pub base: &'a str,
    /// Path and query.
    pub path: &'a str,
    /// Lower-case names; `content-length` is added.
    pub headers: &'a [(&'a str, &'a str)],
    pub body: &'a [u8],
    /// The limit of each wait: for the connection, for the answer, and between two of its bytes.
    pub timeout: Duration,
    /// A longer answer is an error.
    pub max_answer: usize,
}

/// The answer.
pub struct Answer {
    pub status: u16,
    /// Lower-case names.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// Sends a call and waits for its answer.
///
/// # Errors
/// Why the call failed, for the log. The call may have had an effect all the same.
pub fn send(call: &Call) -> Result<Answer, String> {
    let response = exchange(call)?;
    let entries = response.headers().entries().into_iter();
    let headers = entries
        .map(|(name, value)| {
            (
                name.to_ascii_lowercase(),
                String::from_utf8_lossy(&value).into_owned(),
            )
        })
        .collect();
    Ok(Answer {
        status: response.status(),
        headers,
        body: read(&response, call.max_answer)?,
    })
}

fn exchange(call: &Call) -> Result<IncomingResponse, String> {
    let (scheme, authority) = match call.base.split_once("://") {
        Some(("http", authority)) => (Scheme::Http, authority),
        Some(("https", authority)) => (Scheme::Https, authority),
        _ => return Err(format!("{} is no http(s) URL", call.base)),
    };
    let length = call.body.len().to_string();
    let length = ("content-length", length.as_str());
    let headers: Vec<(String, Vec<u8>)> = call
        .headers
        .iter()
        .chain([&length])
        .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
        .collect();
    let request =
        OutgoingRequest::new(Fields::from_list(&headers).map_err(|error| format!("{error:?}"))?);
    let set = request
        .set_method(&call.method)
        .and_then(|()| request.set_scheme(Some(&scheme)))
        .and_then(|()| request.set_authority(Some(authority)))
        .and_then(|()| request.set_path_with_query(Some(call.path)));
    set.map_err(|()| "the request cannot be made".to_string())?;
    let body = request
        .body()
        .map_err(|()| "the request has no body".to_string())?;

    let options = RequestOptions::new();
    let nanoseconds = Some(call.timeout.as_nanos() as u64);
    let _ = options.set_connect_timeout(nanoseconds);
    let _ = options.set_first_byte_timeout(nanoseconds);
    let _ = options.set_between_bytes_timeout(nanoseconds);
    let future =
        outgoing_handler::handle(request, Some(options)).map_err(|code| code.to_string())?;
    write(body, call.body)?;
    future.subscribe().block();
    let answer = future
        .get()
        .ok_or("no answer")?
        .map_err(|()| "the answer was taken already".to_string())?;
    answer.map_err(|code| code.to_string())
}

fn write(body: OutgoingBody, bytes: &[u8]) -> Result<(), String> {
    let stream = body
        .write()
        .map_err(|()| "the body cannot be written".to_string())?;
    // The interface accepts at most 4096 bytes per write.
    for chunk in bytes.chunks(4096) {
        stream
            .blocking_write_and_flush(chunk)
            .map_err(|error| error.to_string())?;
    }
    drop(stream);
    OutgoingBody::finish(body, None).map_err(|code| code.to_string())
}

fn read(response: &IncomingResponse, max: usize) -> Result<Vec<u8>, String> {
    let body = response.consume().map_err(|()| "no body".to_string())?;
    let stream = body.stream().map_err(|()| "no stream".to_string())?;
    drain(&stream, 0, max).map_err(|unread| match unread {
        Unread::TooLarge => format!("the answer has more than {max} bytes"),
        Unread::Broken => "the answer broke off".into(),
    })
}

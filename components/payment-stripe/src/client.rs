//! One call to Stripe over `wasi:http/outgoing-handler`.

use crate::bindings::eventhub::payment_provider::types::Error;
use crate::config::Config;
use crate::domain;
use serde_json::Value;
use wasip2::http::outgoing_handler;
use wasip2::http::types::{Fields, IncomingResponse, Method, OutgoingBody, OutgoingRequest, RequestOptions, Scheme};
use wasip2::io::streams::StreamError;

/// The version of Stripe's API that this component is written against.
const API_VERSION: &str = "2026-10-28.endive";
/// An answer is a few kilobytes; more is not from Stripe.
const MAX_ANSWER: usize = 1 << 20;

pub struct Call<'a> {
    method: Method,
    path: &'a str,
    form: String,
    idempotency_key: Option<String>,
}

impl<'a> Call<'a> {
    pub fn get(path: &'a str) -> Self {
        Self { method: Method::Get, path, form: String::new(), idempotency_key: None }
    }

    pub fn post(path: &'a str, form: String) -> Self {
        Self { method: Method::Post, path, form, idempotency_key: None }
    }

    /// The same key never has two effects.
    pub fn idempotent(mut self, key: &str) -> Self {
        self.idempotency_key = Some(key.to_string());
        self
    }
}

/// Keys that a call may use up: see [`send`].
const KEYS: u32 = 3;

/// Sends a call; its JSON where Stripe says that all is well.
///
/// Stripe keeps an error of its own under the idempotency key, too, and gives it again for a day
/// (<https://docs.stripe.com/api/idempotent_requests>). Such a key is used up, and the next one, made from it, takes its place.
pub fn send(config: &Config, mut call: Call) -> Result<Value, Error> {
    let first = call.idempotency_key.clone();
    for used in 1..=KEYS {
        let response = exchange(config, &call).map_err(|cause| Error::Unavailable(format!("Stripe cannot be reached: {cause}")))?;
        let status = response.status();
        let replayed = !response.headers().get("idempotent-replayed").is_empty();
        let bytes = read(&response).map_err(|cause| Error::Unavailable(format!("Stripe's answer broke off: {cause}")))?;
        let body: Value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        match status {
            200..300 => return Ok(body),
            500.. if replayed && used < KEYS => call.idempotency_key = first.as_ref().map(|key| format!("{key}:{}", used + 1)),
            _ => return Err(domain::error(status, &body)),
        }
    }
    Err(Error::Unavailable("Stripe keeps failing".into()))
}

fn exchange(config: &Config, call: &Call) -> Result<IncomingResponse, String> {
    let (scheme, authority) = match config.url.split_once("://") {
        Some(("http", authority)) => (Scheme::Http, authority),
        Some(("https", authority)) => (Scheme::Https, authority),
        _ => return Err(format!("STRIPE_URL {} is no http(s) URL", config.url)),
    };
    let mut headers = vec![
        ("authorization".to_string(), format!("Bearer {}", config.secret_key).into_bytes()),
        ("stripe-version".to_string(), API_VERSION.into()),
        ("content-type".to_string(), b"application/x-www-form-urlencoded".to_vec()),
        ("content-length".to_string(), call.form.len().to_string().into_bytes()),
        ("user-agent".to_string(), b"EventHub/0.1".to_vec()),
    ];
    if let Some(key) = &call.idempotency_key {
        headers.push(("idempotency-key".to_string(), key.as_bytes().to_vec()));
    }
    let fields = Fields::from_list(&headers).map_err(|error| format!("{error:?}"))?;
    let request = OutgoingRequest::new(fields);
    let set = request
        .set_method(&call.method)
        .and_then(|()| request.set_scheme(Some(&scheme)))
        .and_then(|()| request.set_authority(Some(authority)))
        .and_then(|()| request.set_path_with_query(Some(call.path)));
    set.map_err(|()| "the request cannot be made".to_string())?;
    let body = request.body().map_err(|()| "the request has no body".to_string())?;

    let options = RequestOptions::new();
    let nanoseconds = Some(config.timeout.as_nanos() as u64);
    let _ = options.set_connect_timeout(nanoseconds);
    let _ = options.set_first_byte_timeout(nanoseconds);
    let _ = options.set_between_bytes_timeout(nanoseconds);
    let future = outgoing_handler::handle(request, Some(options)).map_err(|code| code.to_string())?;
    write(body, call.form.as_bytes())?;
    future.subscribe().block();
    let answer = future.get().ok_or("no answer")?.map_err(|()| "the answer was taken already".to_string())?;
    answer.map_err(|code| code.to_string())
}

fn write(body: OutgoingBody, bytes: &[u8]) -> Result<(), String> {
    let stream = body.write().map_err(|()| "the body cannot be written".to_string())?;
    // The interface takes 4096 bytes at once.
    for chunk in bytes.chunks(4096) {
        stream.blocking_write_and_flush(chunk).map_err(|error| error.to_string())?;
    }
    drop(stream);
    OutgoingBody::finish(body, None).map_err(|code| code.to_string())
}

fn read(response: &IncomingResponse) -> Result<Vec<u8>, String> {
    let body = response.consume().map_err(|()| "no body".to_string())?;
    let stream = body.stream().map_err(|()| "no stream".to_string())?;
    let mut bytes = Vec::new();
    loop {
        match stream.blocking_read(65_536) {
            Ok(chunk) => bytes.extend(chunk),
            Err(StreamError::Closed) => return Ok(bytes),
            Err(error) => return Err(error.to_string()),
        }
        if bytes.len() > MAX_ANSWER {
            return Err("more than a megabyte".into());
        }
    }
}

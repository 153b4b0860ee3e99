//! One call to Stripe over `wasi:http/outgoing-handler`.

use eventhub_wasi_http::outgoing::{self, Answer};
use serde_json::Value;
use wasip2::http::types::Method;

use crate::config::Config;
use crate::domain::answer::{Failure, classify_failure};

/// The version of Stripe's API that this component is written against.
const API_VERSION: &str = "2026-10-28.endive";
/// An answer is a few kilobytes; more is not from Stripe.
const MAX_ANSWER: usize = 1 << 20;

/// One call.
pub struct Call<'a> {
    method: Method,
    path: &'a str,
    form: String,
    idempotency_key: Option<String>,
}

impl<'a> Call<'a> {
    /// A GET; `path` with its query.
    pub fn get(path: &'a str) -> Self {
        Self {
            method: Method::Get,
            path,
            form: String::new(),
            idempotency_key: None,
        }
    }

    /// A POST of an encoded form.
    pub fn post(path: &'a str, form: String) -> Self {
        Self {
            method: Method::Post,
            path,
            form,
            idempotency_key: None,
        }
    }

    /// With a key: the same key never has two effects.
    pub fn idempotency_key(mut self, key: &str) -> Self {
        self.idempotency_key = Some(key.to_string());
        self
    }
}

/// A good answer.
pub struct Reply {
    pub object: Value,
    /// The answer to an earlier call with this key: the object may have changed since.
    pub replayed: bool,
}

/// Keys that a call may use up: see [`send_call`].
const MAX_KEYS: u32 = 3;

/// Sends a call.
///
/// Stripe also keeps an error of its own under the idempotency key, and repeats it for a day
/// (<https://docs.stripe.com/api/idempotent_requests>). Such a key is used up, and the next one,
/// made from it, takes its place.
///
/// # Errors
/// [`Failure`].
pub fn send_call(config: &Config, mut call: Call) -> Result<Reply, Failure> {
    let first = call.idempotency_key.clone();
    for used in 1..=MAX_KEYS {
        let answer = exchange(config, &call)
            .map_err(|cause| Failure::Unavailable(format!("Stripe cannot be reached: {cause}")))?;
        let replayed = answer
            .headers
            .iter()
            .any(|(name, _)| name == "idempotent-replayed");
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
        match answer.status {
            200..300 => {
                return Ok(Reply {
                    object: body,
                    replayed,
                });
            }
            500.. if replayed && used < MAX_KEYS => {
                call.idempotency_key = first.as_ref().map(|key| format!("{key}:{}", used + 1))
            }
            status => return Err(classify_failure(status, &body)),
        }
    }
    Err(Failure::Unavailable("Stripe keeps failing".into()))
}

fn exchange(config: &Config, call: &Call) -> Result<Answer, String> {
    let authorization = format!("Bearer {}", config.secret_key);
    let mut headers = vec![
        ("authorization", authorization.as_str()),
        ("stripe-version", API_VERSION),
        ("content-type", "application/x-www-form-urlencoded"),
        ("user-agent", "EventHub/0.1"),
    ];
    headers.extend(
        call.idempotency_key
            .as_deref()
            .map(|key| ("idempotency-key", key)),
    );
    outgoing::send(&outgoing::Call {
        method: call.method.clone(),
        base: &config.url,
        path: call.path,
        headers: &headers,
        body: call.form.as_bytes(),
        timeout: config.timeout,
        max_answer: MAX_ANSWER,
    })
}

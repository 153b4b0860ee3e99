//! One call to Stripe over `wasi:http/outgoing-handler`.

use eventhub_wasi_http::outgoing::{self, Answer};
use serde_json::Value;
use wasip2::http::types::Method;

use crate::bindings::eventhub::payment_provider::types::Error;
use crate::config::Config;
use crate::domain::{self, Failure};

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
        Self {
            method: Method::Get,
            path,
            form: String::new(),
            idempotency_key: None,
        }
    }

    pub fn post(path: &'a str, form: String) -> Self {
        Self {
            method: Method::Post,
            path,
            form,
            idempotency_key: None,
        }
    }

    /// The same key never has two effects.
    pub fn idempotent(mut self, key: &str) -> Self {
        self.idempotency_key = Some(key.to_string());
        self
    }
}

/// What Stripe answers where all is well.
pub struct Reply {
    pub object: Value,
    /// The answer to an earlier call with this key: so it was then, and may be otherwise now.
    pub replayed: bool,
}

/// Keys that a call may use up: see [`send`].
const KEYS: u32 = 3;

/// Sends a call.
///
/// Stripe keeps an error of its own under the idempotency key, too, and gives it again for a day
/// (<https://docs.stripe.com/api/idempotent_requests>). Such a key is used up, and the next one, made from it, takes its place.
pub fn send(config: &Config, mut call: Call) -> Result<Reply, Failure> {
    let unavailable = |cause: String| Failure::Other(Error::Unavailable(cause));
    let first = call.idempotency_key.clone();
    for used in 1..=KEYS {
        let answer = exchange(config, &call)
            .map_err(|cause| unavailable(format!("Stripe cannot be reached: {cause}")))?;
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
            500.. if replayed && used < KEYS => {
                call.idempotency_key = first.as_ref().map(|key| format!("{key}:{}", used + 1))
            }
            status => return Err(domain::failure(status, &body)),
        }
    }
    Err(unavailable("Stripe keeps failing".into()))
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

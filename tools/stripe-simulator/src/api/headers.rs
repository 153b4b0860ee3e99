//! What Stripe's API says in headers: keys and versions on the way in; request ids, replays and
//! CORS on the way out.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use base64::Engine;

use crate::error::{ApiError, Result};
use crate::render::API_VERSION;
use crate::server::NoAnswer;

/// An answer before it has headers.
pub(super) struct Reply {
    pub status: u16,
    pub body: String,
    /// The first request's id, when this is its answer again.
    pub original: Option<String>,
    pub should_retry: Option<bool>,
    /// Done, but nobody is to hear of it.
    pub no_answer: bool,
}

/// The key in `Authorization`: `Bearer sk_…`, or the user name of `Basic`.
pub(super) fn presented_key(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = text.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim().to_owned());
    }
    let decoded = base64::engine::general_purpose::STANDARD
        .decode(rest.trim())
        .ok()?;
    let pair = String::from_utf8(decoded).ok()?;
    scheme
        .eq_ignore_ascii_case("basic")
        .then(|| pair.split(':').next().unwrap_or_default().to_owned())
}

/// `2026-10-28.endive`, `2022-11-15`; what follows a `;` names previews.
pub(super) fn check_version(headers: &HeaderMap) -> Result<()> {
    let Some(value) = headers.get("stripe-version") else {
        return Ok(());
    };
    let text = value.to_str().unwrap_or_default();
    let version = text.split(';').next().unwrap_or_default().trim();
    let (date, name) = version.split_once('.').unwrap_or((version, "a"));
    let shape: String = date
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    if shape == "0000-00-00" && !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase()) {
        return Ok(());
    }
    Err(ApiError::malformed(format!(
        "Invalid Stripe API version: {text}."
    )))
}

/// The answer as it goes out.
pub(super) fn respond(
    reply: Reply,
    id: &str,
    version: Option<HeaderValue>,
    key: Option<HeaderValue>,
) -> Response {
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() =
        StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if reply.no_answer {
        response.extensions_mut().insert(NoAnswer);
    }
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-cache, no-store"),
    );
    headers.insert("access-control-allow-origin", HeaderValue::from_static("*"));
    headers.insert(
        "access-control-expose-headers",
        HeaderValue::from_static("Request-Id, Idempotent-Replayed, Stripe-Should-Retry"),
    );
    headers.insert(
        "stripe-version",
        version.unwrap_or(HeaderValue::from_static(API_VERSION)),
    );
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert("request-id", id);
    }
    if let Some(key) = key {
        headers.insert("idempotency-key", key);
    }
    if let Some(original) = reply
        .original
        .and_then(|original| HeaderValue::from_str(&original).ok())
    {
        headers.insert("idempotent-replayed", HeaderValue::from_static("true"));
        headers.insert("original-request", original);
    }
    if let Some(retry) = reply.should_retry {
        headers.insert(
            "stripe-should-retry",
            HeaderValue::from_static(if retry { "true" } else { "false" }),
        );
    }
    response
}

/// What a browser asks before Stripe.js may send anything.
pub(super) fn preflight() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert("access-control-allow-origin", HeaderValue::from_static("*"));
    headers.insert(
        "access-control-allow-methods",
        HeaderValue::from_static("GET, HEAD, PUT, PATCH, POST, DELETE"),
    );
    headers.insert(
        "access-control-allow-headers",
        HeaderValue::from_static("Authorization, Content-Type, Idempotency-Key, Stripe-Version, Stripe-Account, X-Stripe-Client-User-Agent"),
    );
    headers.insert("access-control-max-age", HeaderValue::from_static("300"));
    response
}

//! The client's side: one call, and the caller's error if it fails. Variables configure it:
//! `CALL_URL_<PACKAGE>` (scheme and authority of the other side, such as
//! `CALL_URL_SEAT_INVENTORY`), `CALL_URL` for packages without their own, `CALL_TOKEN` (our
//! credential there), `CALL_TIMEOUT_MS` (default 30,000; a link's own timeout is shorter).

use std::time::Duration;

use eventhub_guest::config::{parsed, text};
use eventhub_guest::{Problem, Response};
use eventhub_wasi_http::outgoing::{self, Call};
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasip2::http::types::Method;

use crate::wire::{self, MAX_BYTES};

struct Config {
    authorization: String,
    timeout: Duration,
}

thread_local! {
    static CONFIG: Config = {
        eventhub_guest::log::init();
        Config {
            authorization: format!("Bearer {}", text("CALL_TOKEN").unwrap_or_default()),
            timeout: Duration::from_millis(parsed("CALL_TIMEOUT_MS", 30_000)),
        }
    };
}

/// Sends a call and waits for its result.
///
/// # Errors
/// Why the call has no result; the error is already logged. Whether the call had an effect is
/// unknown.
pub fn call<R: DeserializeOwned>(
    interface: &str,
    function: &str,
    params: &impl Serialize,
) -> Result<R, String> {
    let result = CONFIG.with(|config| exchange(config, interface, function, params));
    result.inspect_err(|cause| {
        tracing::warn!(
            call.interface = interface,
            call.function = function,
            error.cause = cause,
            "a call over HTTP was not answered"
        )
    })
}

fn exchange<R: DeserializeOwned>(
    config: &Config,
    interface: &str,
    function: &str,
    params: &impl Serialize,
) -> Result<R, String> {
    let base = url(interface)?;
    let (path, content_type) = wire::address(interface, function);
    let params = wire::write(params).map_err(|refusal| refusal.to_string())?;
    let answer = outgoing::send(&Call {
        method: Method::Post,
        base: &base,
        path: &path,
        headers: &[
            ("authorization", &config.authorization),
            ("content-type", &content_type),
        ],
        body: &params,
        timeout: config.timeout,
        max_answer: MAX_BYTES,
    })?;
    match answer.status {
        200 => wire::read(&answer.body).map_err(|refusal| refusal.to_string()),
        // A host in front of the shim answers with problem documents; our own refusals are a line
        // of text.
        status => Err(format!(
            "{base} answered {status}: {}",
            String::from_utf8_lossy(&answer.body)
                .chars()
                .take(200)
                .collect::<String>()
        )),
    }
}

fn url(interface: &str) -> Result<String, String> {
    let package = interface
        .split(['/', ':'])
        .nth(1)
        .unwrap_or_default()
        .to_uppercase()
        .replace('-', "_");
    let variable = format!("CALL_URL_{package}");
    let url = text(&variable)
        .or_else(|| text("CALL_URL"))
        .ok_or_else(|| format!("neither {variable} nor CALL_URL is set"))?;
    Ok(url.trim_end_matches('/').to_string())
}

/// For a function without a result: it cannot return the error, which is already logged.
pub fn ignored(_cause: &str) {}

/// The close reason of a socket.
pub fn later(_cause: &str) -> String {
    "try again later".into()
}

/// Status, headers and body of a 503 in the API's format.
pub fn unavailable(_cause: &str, request_id: &str) -> (u16, Vec<(String, String)>, Vec<u8>) {
    let Response {
        status,
        headers,
        body,
    } = Problem::unavailable("A required service does not answer; try again in a moment.")
        .to_response(request_id);
    (status, headers, body)
}

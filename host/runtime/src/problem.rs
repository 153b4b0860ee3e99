//! The host's own error answers: RFC 9457 `application/problem+json`. Only this module makes them.

use eventhub_bindings::http::Response;
use serde_json::json;

use crate::CallError;

/// What went wrong, as clients see it. Components have many more codes of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// An internal error: a trap, a memory limit, a missing export.
    Internal,
    /// A component did not answer in time, or is not called because it keeps failing.
    Unavailable,
    /// More calls at once than the host serves.
    Overloaded,
    /// The client's fault: the body is larger than any component reads.
    BodyTooLarge,
    /// The client's fault: the body did not arrive in time.
    RequestTimeout,
    /// The client's fault: its address has too many connections open.
    RateLimited,
    /// The host has no such resource.
    NotFound,
}

impl Code {
    /// The code in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
            Self::Overloaded => "overloaded",
            Self::BodyTooLarge => "body_too_large",
            Self::RequestTimeout => "request_timeout",
            Self::RateLimited => "rate_limited",
            Self::NotFound => "not_found",
        }
    }

    fn status(self) -> u16 {
        match self {
            Self::Internal => 500,
            Self::Unavailable | Self::Overloaded => 503,
            Self::BodyTooLarge => 413,
            Self::RequestTimeout => 408,
            Self::RateLimited => 429,
            Self::NotFound => 404,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Internal => "Internal error",
            Self::Unavailable => "Not available just now",
            Self::Overloaded => "Too busy just now",
            Self::BodyTooLarge => "The body is too large",
            Self::RequestTimeout => "The request took too long",
            Self::RateLimited => "Too many requests",
            Self::NotFound => "Not found",
        }
    }

    fn detail(self) -> &'static str {
        match self {
            Self::Internal => "Something went wrong on our side; it has been recorded.",
            Self::Unavailable => "A part of the service does not answer. Retry shortly.",
            Self::Overloaded => "The server has too many requests at once. Retry shortly.",
            Self::BodyTooLarge => "The body is larger than any resource accepts.",
            Self::RequestTimeout => "The body did not arrive in time.",
            Self::RateLimited => {
                "Your address has too many open connections. Close one, or retry later."
            }
            Self::NotFound => "There is no such resource.",
        }
    }
}

/// A problem document; 429 and 503 come with `Retry-After: 1`. The exact cause is for the log, not
/// for clients.
pub fn problem(code: Code, request_id: &str) -> Response {
    let body = json!({
        "type": format!("https://eventhub.dev/problems/{}", code.as_str()),
        "title": code.title(),
        "status": code.status(),
        "detail": code.detail(),
        "code": code.as_str(),
        "request_id": request_id,
    });
    let mut headers = vec![
        (
            "content-type".to_owned(),
            "application/problem+json".to_owned(),
        ),
        ("cache-control".to_owned(), "no-store".to_owned()),
    ];
    if !request_id.is_empty() {
        headers.push(("x-request-id".to_owned(), request_id.to_owned()));
    }
    if matches!(code.status(), 429 | 503) {
        headers.push(("retry-after".to_owned(), "1".to_owned()));
    }
    Response {
        status: code.status(),
        headers,
        body: body.to_string().into_bytes(),
    }
}

impl CallError {
    /// The code that clients see.
    pub fn code(&self) -> Code {
        match self {
            Self::Trap { .. }
            | Self::Memory { .. }
            | Self::Start { .. }
            | Self::NotExported { .. }
            | Self::UnknownComponent { .. } => Code::Internal,
            Self::Deadline { .. } => Code::Unavailable,
            Self::Overloaded { .. } => Code::Overloaded,
        }
    }

    /// The answer to a request that failed with this error.
    pub fn to_response(&self, request_id: &str) -> Response {
        problem(self.code(), request_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_has_all_members_and_says_when_to_retry() {
        let response = problem(Code::Overloaded, "r-1");
        let body: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(body["type"], "https://eventhub.dev/problems/overloaded");
        assert_eq!(
            (&body["status"], &body["code"], &body["request_id"]),
            (&json!(503), &json!("overloaded"), &json!("r-1"))
        );
        assert!(body["title"].is_string() && body["detail"].is_string());
        assert_eq!(response.header("retry-after"), Some("1"));
        assert_eq!(
            response.header("content-type"),
            Some("application/problem+json")
        );
        assert_eq!(
            problem(Code::RateLimited, "").header("retry-after"),
            Some("1")
        );
        assert_eq!(problem(Code::Internal, "").header("retry-after"), None);
    }
}

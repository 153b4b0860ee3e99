//! Optimistic concurrency over HTTP: a resource's version is its strong ETag (RFC 9110 sections
//! 8.8.3, 13.1).

use std::hash::{DefaultHasher, Hasher};

use crate::http::header;
use crate::problem::{Code, Problem};
use crate::{Request, Response};

/// `"v7"`.
pub fn of(version: i64) -> String {
    format!("\"v{version}\"")
}

/// The version that `If-Match` demands, for PATCH and PUT; none for `*`, which matches every
/// version.
///
/// # Errors
/// 428 without the header; 412 if it names an unknown version, or several.
pub fn required(request: &Request) -> Result<Option<i64>, Problem> {
    let Some(value) = header(request, "if-match") else {
        return Err(Problem::new(
            Code::PreconditionRequired,
            "Send If-Match with the ETag that you read.",
        ));
    };
    if value.trim() == "*" {
        return Ok(None);
    }
    let version = value
        .trim()
        .strip_prefix("\"v")
        .and_then(|rest| rest.strip_suffix('"'))
        .and_then(|digits| digits.parse().ok());
    version.map(Some).ok_or_else(stale)
}

/// 412: the resource has changed since the client read it.
pub fn stale() -> Problem {
    Problem::new(
        Code::PreconditionFailed,
        "It has changed since you read it: read it again and repeat your change.",
    )
}

/// Gives an answer to GET its ETag; 304 if the client already has this version.
pub fn apply(request: &Request, version: i64, response: Response) -> Response {
    tagged(request, of(version), response)
}

/// The same for a resource without a version: the tag is a hash of the body.
pub fn by_content(request: &Request, response: Response) -> Response {
    let mut hasher = DefaultHasher::new();
    hasher.write(&response.body);
    tagged(request, format!("\"{:016x}\"", hasher.finish()), response)
}

fn tagged(request: &Request, tag: String, mut response: Response) -> Response {
    let matches = |value: &str| {
        value
            .split(',')
            .any(|one| one.trim().trim_start_matches("W/") == tag || one.trim() == "*")
    };
    let fresh = matches!(request.method.as_str(), "GET" | "HEAD")
        && header(request, "if-none-match").is_some_and(matches);
    if fresh {
        return Response {
            status: 304,
            headers: vec![("etag".into(), tag)],
            body: vec![],
        };
    }
    response.headers.push(("etag".into(), tag));
    response
}

//! Which web pages may call from a browser (the Fetch standard's CORS protocol). Credentials are
//! never allowed: the API does not use cookies.

use eventhub_guest::{Request, Response};

use crate::headers::RequestHeaders;

/// `CORS_ORIGINS`.
#[derive(Debug)]
pub enum Origins {
    All,
    Listed(Vec<String>),
}

impl Origins {
    pub fn parse(text: &str) -> Self {
        let list: Vec<String> = text
            .split(',')
            .map(|one| one.trim().trim_end_matches('/').to_ascii_lowercase())
            .filter(|one| !one.is_empty())
            .collect();
        if list.iter().any(|one| one == "*") {
            Origins::All
        } else {
            Origins::Listed(list)
        }
    }

    fn allowed(&self, origin: &str) -> Option<String> {
        match self {
            Origins::All => Some("*".into()),
            Origins::Listed(list) => list
                .iter()
                .any(|one| one.eq_ignore_ascii_case(origin))
                .then(|| origin.to_string()),
        }
    }
}

/// Whether the request is a preflight.
pub fn is_preflight(request: &Request, sent: &RequestHeaders) -> bool {
    request.method == "OPTIONS"
        && sent.origin.is_some()
        && request
            .headers
            .iter()
            .any(|(name, _)| name == "access-control-request-method")
}

/// The answer to a preflight; [`apply`] adds the allowed origin.
pub fn preflight() -> Response {
    let header = |name: &str, value: &str| (name.to_string(), value.to_string());
    let headers = vec![
        header(
            "access-control-allow-methods",
            "GET, HEAD, POST, PUT, PATCH, DELETE",
        ),
        header(
            "access-control-allow-headers",
            "authorization, content-type, idempotency-key, if-match, if-none-match, x-request-id, traceparent",
        ),
        header("access-control-max-age", "7200"),
    ];
    Response {
        status: 204,
        headers,
        body: vec![],
    }
}

/// Adds the headers by which the browser decides whether the page may read the answer.
pub fn apply(origins: &Origins, origin: Option<&str>, response: &mut Response) {
    if matches!(origins, Origins::Listed(_)) {
        // A cache must not serve one origin's answer to another origin.
        response.headers.push(("vary".into(), "origin".into()));
    }
    let Some(allowed) = origin.and_then(|origin| origins.allowed(origin)) else {
        return;
    };
    response
        .headers
        .push(("access-control-allow-origin".into(), allowed));
    let exposed = "etag, location, retry-after, x-request-id, idempotent-replayed, ratelimit, ratelimit-policy";
    response
        .headers
        .push(("access-control-expose-headers".into(), exposed.into()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_origins_read_answers() {
        let origins = Origins::parse("https://a.example/, https://b.example");
        let answer = |origin| {
            let mut response = Response {
                status: 200,
                headers: vec![],
                body: vec![],
            };
            apply(&origins, Some(origin), &mut response);
            response
                .headers
                .into_iter()
                .find(|(name, _)| name == "access-control-allow-origin")
                .map(|(_, value)| value)
        };
        assert_eq!(
            answer("https://a.example"),
            Some("https://a.example".into())
        );
        assert_eq!(answer("https://a.example.evil.example"), None);
        assert_eq!(answer("null"), None);
        assert!(matches!(
            Origins::parse("https://a.example,*"),
            Origins::All
        ));
    }
}

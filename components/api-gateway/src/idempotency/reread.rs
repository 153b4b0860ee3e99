//! Repeats a first answer whose body was too large to be stored, by reading the created resource.

use eventhub_guest::problem::Problem;
use eventhub_guest::{Request, Response, http};

/// The request for the resource that the first answer named, by the same user.
pub fn request(repeated: &Request, location: &str) -> Request {
    let (path, query) = location.split_once('?').unwrap_or((location, ""));
    Request {
        query: query.into(),
        principal: repeated.principal.clone(),
        request_id: repeated.request_id.clone(),
        traceparent: repeated.traceparent.clone(),
        client_address: repeated.client_address.clone(),
        ..http::request("GET", path)
    }
}

/// The first answer with the reread body. If the resource has changed meanwhile, body and ETag are
/// the current ones: with the first ETag, the client's next change would be refused as stale.
///
/// # Errors
/// 503 if the resource was not read: running the request again would be worse.
pub fn complete(mut first: Response, read: Response) -> Result<Response, Problem> {
    if read.status != 200 {
        tracing::warn!(
            http.status = read.status,
            "the resource created with an idempotency key cannot be read"
        );
        return Err(Problem::unavailable(
            "The first answer for this key cannot be repeated for now: retry to get it.",
        ));
    }
    for (name, value) in read
        .headers
        .into_iter()
        .filter(|(name, _)| matches!(name.as_str(), "content-type" | "etag"))
    {
        first.headers.retain(|(known, _)| *known != name);
        first.headers.push((name, value));
    }
    Ok(Response {
        body: read.body,
        ..first
    })
}

#[cfg(test)]
mod tests {
    use eventhub_guest::problem::Code;

    use super::*;

    #[test]
    fn a_reread_body_carries_the_etag_of_that_read() {
        let header = |name: &str, value: &str| (name.to_string(), value.to_string());
        let first = Response {
            status: 201,
            headers: vec![header("location", "/x"), header("etag", "\"v1\"")],
            body: vec![],
        };
        let read = Response {
            status: 200,
            headers: vec![header("etag", "\"v2\""), header("cache-control", "public")],
            body: b"{}".to_vec(),
        };
        let whole = complete(first.clone(), read.clone()).unwrap();
        assert_eq!((whole.status, whole.body), (201, b"{}".to_vec()));
        assert_eq!(
            whole.headers,
            [header("location", "/x"), header("etag", "\"v2\"")]
        );
        for status in [304, 404, 500, 503] {
            assert_eq!(
                complete(
                    first.clone(),
                    Response {
                        status,
                        ..read.clone()
                    }
                )
                .unwrap_err()
                .code,
                Code::Unavailable
            );
        }
    }
}

//! Requests as the gateway would pass them on, and answers as a test compares them.

use eventhub_guest::ids::UserId;
use eventhub_guest::{Principal, Request, Response, Router, http};
use serde_json::{Map, Value, json};

/// A request in the making.
#[derive(Clone)]
pub struct Exchange(Request);

fn begin(method: &str, target: &str) -> Exchange {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    Exchange(Request {
        query: query.into(),
        request_id: "request-1".into(),
        ..http::request(method, path)
    })
}

/// A GET; the target may have a query: `/api/v1/events?limit=2`.
pub fn get(target: &str) -> Exchange {
    begin("GET", target)
}

/// A POST.
pub fn post(target: &str) -> Exchange {
    begin("POST", target)
}

/// A PUT.
pub fn put(target: &str) -> Exchange {
    begin("PUT", target)
}

/// A PATCH.
pub fn patch(target: &str) -> Exchange {
    begin("PATCH", target)
}

/// A DELETE.
pub fn delete(target: &str) -> Exchange {
    begin("DELETE", target)
}

impl Exchange {
    /// Signed in as `user`.
    #[must_use]
    pub fn by(mut self, user: UserId) -> Self {
        self.0.principal = Some(Principal {
            user_id: user.to_string(),
            roles: vec!["user".into()],
        });
        self
    }

    /// With a header; the name in lower case.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.0.headers.push((name.into(), value.into()));
        self
    }

    /// With a JSON body.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.body("application/json", body.to_string().as_bytes())
    }

    /// With a body of any kind.
    #[must_use]
    pub fn body(mut self, media_type: &str, body: &[u8]) -> Self {
        self.0.body = body.to_vec();
        self.header("content-type", media_type)
    }
}

/// Sends a request through a service's router. The answer is `{"status", "headers", "body"}`; the
/// headers without `content-type: application/json`, which most answers have, the body as JSON where
/// it is JSON and as text otherwise.
pub fn send<C: ?Sized>(router: &Router<C>, context: &C, exchange: &Exchange) -> Value {
    let Response {
        status,
        headers,
        body,
    } = router.handle(&exchange.0, context);
    let mut answer = Map::new();
    answer.insert("status".into(), json!(status));
    let headers: Map<String, Value> = headers
        .into_iter()
        .filter(|(name, value)| name != "content-type" || value != "application/json")
        .map(|(name, value)| (name, json!(value)))
        .collect();
    if !headers.is_empty() {
        answer.insert("headers".into(), Value::Object(headers));
    }
    if !body.is_empty() {
        let body =
            serde_json::from_slice(&body).unwrap_or_else(|_| json!(String::from_utf8_lossy(&body)));
        answer.insert("body".into(), body);
    }
    Value::Object(answer)
}

//! Helpers that read a request or build a response.

use std::collections::BTreeMap;

use crate::problem::Problem;
use crate::{Request, Response};

/// An anonymous request with only these parts.
pub fn request(method: &str, path: &str) -> Request {
    Request {
        method: method.into(),
        path: path.into(),
        query: String::new(),
        headers: vec![],
        body: vec![],
        principal: None,
        request_id: String::new(),
        traceparent: String::new(),
        client_address: String::new(),
    }
}

/// The first header of that (lower-case) name.
pub fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    request
        .headers
        .iter()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.as_str())
}

/// Query parameters, decoded. A repeated name is the client's error.
pub struct Query(BTreeMap<String, String>);

impl Query {
    /// # Errors
    /// 422 if a parameter is not among `known`, is repeated, or contains U+0000.
    pub fn parse(request: &Request, known: &[&str]) -> Result<Self, Problem> {
        let mut parameters = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(request.query.as_bytes()) {
            let at = format!("/query/{name}");
            if !known.contains(&&*name) {
                let detail = match known {
                    [] => "is not a parameter here; this route takes none".to_string(),
                    known => format!("is not a parameter here; known are: {}", known.join(", ")),
                };
                return Err(Problem::invalid(at, "unknown_field", detail));
            }
            if value.contains('\0') {
                return Err(Problem::invalid(
                    at,
                    "invalid_character",
                    "must not contain the character U+0000",
                ));
            }
            if parameters
                .insert(name.to_string(), value.to_string())
                .is_some()
            {
                return Err(Problem::invalid(at, "duplicate", "comes twice"));
            }
        }
        Ok(Self(parameters))
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The parsed parameter; none if it is absent.
    ///
    /// # Errors
    /// 422 with the parse error's own text.
    pub fn parsed<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, Problem>
    where
        T::Err: std::fmt::Display,
    {
        let Some(text) = self.get(name) else {
            return Ok(None);
        };
        text.parse().map(Some).map_err(|error| {
            Problem::invalid(format!("/query/{name}"), "invalid", format!("{error}"))
        })
    }
}

/// An answer without a body: 204.
pub fn no_content() -> Response {
    Response {
        status: 204,
        headers: vec![],
        body: vec![],
    }
}

/// Adds a header to an answer.
pub trait WithHeader {
    fn with_header(self, name: &str, value: impl Into<String>) -> Self;
}

impl WithHeader for Response {
    fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
}

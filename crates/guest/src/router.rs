//! Method and path to handler. Paths are matched segment by segment by `matchit`:
//! `/api/v1/events/{id}`.

use std::str::FromStr;

use crate::problem::{Code, Problem};
use crate::{Request, Response};

/// What a handler answers: a response, or a problem that becomes one.
pub type Answer = Result<Response, Problem>;

/// A handler: the request and the path's parameters.
pub type Handler = fn(&Request, &Params) -> Answer;

/// Parameters of the path, percent-decoded.
pub struct Params(Vec<(String, String)>);

impl Params {
    pub fn new(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    pub fn text(&self, name: &str) -> &str {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map_or("", |(_, value)| value.as_str())
    }

    /// An id in the path. `what` as in "There is no such event".
    ///
    /// # Errors
    /// 404: a malformed id is like an unknown one.
    pub fn id<T: FromStr>(&self, name: &str, what: &str) -> Result<T, Problem> {
        self.text(name)
            .parse()
            .map_err(|_| Problem::not_found(what))
    }
}

#[derive(Default)]
struct Methods(Vec<(&'static str, Handler)>);

/// The routes of one service. Built once per instance.
#[derive(Default)]
pub struct Router {
    paths: matchit::Router<usize>,
    methods: Vec<(String, Methods)>,
}

impl Router {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn route(mut self, method: &'static str, path: &str, handler: Handler) -> Self {
        match self.methods.iter_mut().find(|(known, _)| known == path) {
            Some((_, methods)) => methods.0.push((method, handler)),
            None => {
                // A conflict of patterns is a bug that any call of this service shows at once.
                if let Err(error) = self.paths.insert(path, self.methods.len()) {
                    tracing::error!(route.path = path, error.cause = %error, "route cannot be added");
                }
                self.methods
                    .push((path.to_string(), Methods(vec![(method, handler)])));
            }
        }
        self
    }

    pub fn get(self, path: &str, handler: Handler) -> Self {
        self.route("GET", path, handler)
    }

    pub fn post(self, path: &str, handler: Handler) -> Self {
        self.route("POST", path, handler)
    }

    pub fn put(self, path: &str, handler: Handler) -> Self {
        self.route("PUT", path, handler)
    }

    pub fn patch(self, path: &str, handler: Handler) -> Self {
        self.route("PATCH", path, handler)
    }

    pub fn delete(self, path: &str, handler: Handler) -> Self {
        self.route("DELETE", path, handler)
    }

    /// Answers a request: 404 for an unknown path, 405 with `Allow` for a known one. HEAD is
    /// answered as GET; the host drops the body.
    pub fn handle(&self, request: &Request) -> Response {
        crate::log::init();
        self.find(request)
            .unwrap_or_else(|problem| problem.to_response(&request.request_id))
    }

    fn find(&self, request: &Request) -> Answer {
        let found = self
            .paths
            .at(&request.path)
            .map_err(|_| Problem::not_found("resource"))?;
        let methods = &self.methods[*found.value].1.0;
        let wanted = if request.method == "HEAD" {
            "GET"
        } else {
            request.method.as_str()
        };
        let Some((_, handler)) = methods.iter().find(|(method, _)| *method == wanted) else {
            let allow = methods
                .iter()
                .map(|(method, _)| *method)
                .collect::<Vec<_>>()
                .join(", ");
            let detail = format!("{} is not allowed here; allowed: {allow}.", request.method);
            return Err(Problem::new(Code::MethodNotAllowed, detail).header("allow", allow));
        };
        let decoded = found.params.iter().map(|(name, value)| {
            let value = percent_encoding::percent_decode_str(value)
                .decode_utf8()
                .map_err(|_| Problem::not_found("resource"))?;
            Ok((name.to_string(), value.into_owned()))
        });
        let params = Params(decoded.collect::<Result<_, Problem>>()?);
        handler(request, &params)
    }
}

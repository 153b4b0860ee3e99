//! Method and path to handler. Paths are matched segment by segment by `matchit`:
//! `/api/v1/events/{id}`.

use std::str::FromStr;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::http::Query;
use crate::ids::UserId;
use crate::page::Page;
use crate::problem::{Code, Problem};
use crate::{Request, Response, auth, etag, json};

/// A handler's result: a response, or a problem that becomes one.
pub type Answer = Result<Response, Problem>;

/// A handler of one route. `C` is the shared context of the service's routes: usually its ports.
pub type Handler<C> = fn(&Call<'_, C>) -> Answer;

/// A handler's input: the request, and the context that the handler may call.
pub struct Call<'a, C: ?Sized = ()> {
    pub request: &'a Request,
    pub context: &'a C,
    params: Params,
    query: Query,
}

impl<C: ?Sized> Call<'_, C> {
    /// The signed-in user.
    ///
    /// # Errors
    /// 401 where nobody is signed in.
    pub fn user(&self) -> Result<UserId, Problem> {
        auth::user(self.request)
    }

    /// The signed-in user, or none: the route is public.
    pub fn maybe_user(&self) -> Option<UserId> {
        auth::maybe_user(self.request)
    }

    /// An id in the path. `what` is the noun of "There is no such event".
    ///
    /// # Errors
    /// 404: a malformed id is like an unknown one.
    pub fn id<T: FromStr>(&self, name: &str, what: &str) -> Result<T, Problem> {
        self.params.id(name, what)
    }

    /// A parameter of the path, percent-decoded; empty if the route does not have it.
    pub fn param(&self, name: &str) -> &str {
        self.params.text(name)
    }

    /// The query parameters. The router has refused the parameters that the route does not accept.
    pub fn query(&self) -> &Query {
        &self.query
    }

    /// Limit and cursor of a list.
    ///
    /// # Errors
    /// 422 for a limit outside 1 to 100, or for a cursor of another list.
    pub fn page<P: Serialize + DeserializeOwned>(&self) -> Result<Page<P>, Problem> {
        Page::parse(&self.query)
    }

    /// The JSON body as a `T`.
    ///
    /// # Errors
    /// As [`json::body`].
    pub fn body<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        json::body(self.request)
    }

    /// Refuses a body, for a route that takes none.
    ///
    /// # Errors
    /// As [`json::empty_body`].
    pub fn no_body(&self) -> Result<(), Problem> {
        json::empty_body(self.request)
    }

    /// The version that `If-Match` demands; none if it accepts every version.
    ///
    /// # Errors
    /// 428 without the header, 412 if it names an unknown version.
    pub fn if_match(&self) -> Result<Option<i64>, Problem> {
        etag::required(self.request)
    }
}

/// Parameters of the path, percent-decoded.
pub struct Params(Vec<(String, String)>);

impl Params {
    fn text(&self, name: &str) -> &str {
        self.0
            .iter()
            .find(|(known, _)| known == name)
            .map_or("", |(_, value)| value.as_str())
    }

    fn id<T: FromStr>(&self, name: &str, what: &str) -> Result<T, Problem> {
        self.text(name)
            .parse()
            .map_err(|_| Problem::not_found(what))
    }
}

/// One method of a path.
struct Route<C: ?Sized> {
    method: &'static str,
    handler: Handler<C>,
    /// The accepted query parameters; all others are refused.
    query: &'static [&'static str],
}

/// The routes of one service. Built once per instance.
pub struct Router<C: ?Sized = ()> {
    paths: matchit::Router<usize>,
    routes: Vec<(String, Vec<Route<C>>)>,
    /// The path of the route that was added last.
    last: usize,
}

impl<C: ?Sized> Default for Router<C> {
    fn default() -> Self {
        Self {
            paths: matchit::Router::new(),
            routes: vec![],
            last: 0,
        }
    }
}

impl<C: ?Sized> Router<C> {
    pub fn new() -> Self {
        Self::default()
    }

    fn route(mut self, method: &'static str, path: &str, handler: Handler<C>) -> Self {
        let route = Route {
            method,
            handler,
            query: &[],
        };
        match self.routes.iter().position(|(known, _)| known == path) {
            Some(index) => {
                self.routes[index].1.push(route);
                self.last = index;
            }
            None => {
                self.last = self.routes.len();
                // Conflicting patterns are a bug that every call of this service reveals at once.
                if let Err(error) = self.paths.insert(path, self.last) {
                    tracing::error!(route.path = path, error.cause = %error, "route cannot be added");
                }
                self.routes.push((path.to_string(), vec![route]));
            }
        }
        self
    }

    pub fn get(self, path: &str, handler: Handler<C>) -> Self {
        self.route("GET", path, handler)
    }

    pub fn post(self, path: &str, handler: Handler<C>) -> Self {
        self.route("POST", path, handler)
    }

    pub fn put(self, path: &str, handler: Handler<C>) -> Self {
        self.route("PUT", path, handler)
    }

    pub fn patch(self, path: &str, handler: Handler<C>) -> Self {
        self.route("PATCH", path, handler)
    }

    pub fn delete(self, path: &str, handler: Handler<C>) -> Self {
        self.route("DELETE", path, handler)
    }

    /// The query parameters of the route that was added last. A route without them takes none.
    pub fn query(mut self, names: &'static [&'static str]) -> Self {
        let routes = self.routes.get_mut(self.last);
        if let Some(route) = routes.and_then(|(_, routes)| routes.last_mut()) {
            route.query = names;
        }
        self
    }

    /// Methods and paths, for tests that compare them with the OpenAPI document.
    pub fn list_routes(&self) -> Vec<(&'static str, &str)> {
        let routes = self.routes.iter();
        routes
            .flat_map(|(path, routes)| routes.iter().map(|route| (route.method, path.as_str())))
            .collect()
    }

    /// Answers a request: 404 for an unknown path, 405 with `Allow` for a known one. HEAD is
    /// answered as GET; the host drops the body.
    pub fn handle(&self, request: &Request, context: &C) -> Response {
        crate::log::init();
        self.answer(request, context)
            .unwrap_or_else(|problem| problem.to_response(&request.request_id))
    }

    fn answer(&self, request: &Request, context: &C) -> Answer {
        let found = self
            .paths
            .at(&request.path)
            .map_err(|_| Problem::not_found("resource"))?;
        let routes = &self.routes[*found.value].1;
        let wanted = match request.method.as_str() {
            "HEAD" => "GET",
            method => method,
        };
        let Some(route) = routes.iter().find(|route| route.method == wanted) else {
            let allow = routes
                .iter()
                .map(|route| route.method)
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
        let call = Call {
            request,
            context,
            params: Params(decoded.collect::<Result<_, Problem>>()?),
            query: Query::parse(request, route.query)?,
        };
        (route.handler)(&call)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::request;

    fn router() -> Router {
        Router::new()
            .get("/things", |call| {
                json::response(200, &call.query().get("limit"))
            })
            .query(&["limit"])
            .post("/things", |call| {
                call.no_body()?;
                json::response(201, &())
            })
            .get("/things/{id}", |call| {
                json::response(200, &call.param("id"))
            })
    }

    fn status(method: &str, path: &str, query: &str) -> u16 {
        let request = Request {
            query: query.into(),
            ..request(method, path)
        };
        router().handle(&request, &()).status
    }

    #[test]
    fn a_route_takes_only_its_query_parameters() {
        assert_eq!(status("GET", "/things", "limit=3"), 200);
        assert_eq!(status("GET", "/things", "size=3"), 422);
        assert_eq!(status("POST", "/things", "limit=3"), 422);
        assert_eq!(status("GET", "/things/7", "x=1"), 422);
    }

    #[test]
    fn unknown_paths_are_404_and_methods_405() {
        assert_eq!(status("GET", "/nowhere", ""), 404);
        let answer = router().handle(&request("DELETE", "/things"), &());
        assert_eq!(answer.status, 405);
        assert!(
            answer
                .headers
                .contains(&("allow".into(), "GET, POST".into()))
        );
        assert_eq!(status("HEAD", "/things", ""), 200);
    }

    #[test]
    fn path_parameters_are_percent_decoded() {
        let answer = router().handle(&request("GET", "/things/%C3%BC"), &());
        assert_eq!(answer.body, "\"ü\"".as_bytes());
        assert_eq!(status("GET", "/things/%FF", ""), 404);
    }
}

//! The pipeline: every request goes through [`Gateway::handle`], top to bottom. The order matters,
//! so each step gives the reason for its place.

use std::cell::Cell;
use std::net::IpAddr;
use std::time::Duration;

use eventhub_edge::address;
use eventhub_guest::problem::{Code, Problem};
use eventhub_guest::{Request, Response, Timestamp};

use crate::accept::accepts;
use crate::auth::Authenticator;
use crate::config::Config;
use crate::headers::RequestHeaders;
use crate::idempotency::{self, Claim};
use crate::ports::Ports;
use crate::rate::{self, Bucket, Fields};
use crate::table::{Route, Target};
use crate::trace::Ids;
use crate::{cors, headers, openapi, table, trace};

/// The gateway and its state between requests.
pub struct Gateway<O> {
    config: Config,
    ports: O,
    authenticator: Authenticator,
    ids: Ids,
    /// When the log last reported that Redis does not answer.
    warned_at: Cell<Option<Timestamp>>,
}

impl<O: Ports> Gateway<O> {
    pub fn new(config: Config, ports: O) -> Self {
        let authenticator = Authenticator::new(&config.issuer, &config.audience);
        Self {
            config,
            ports,
            authenticator,
            ids: Ids::new(),
            warned_at: Cell::new(None),
        }
    }

    /// Answers a request. Its `principal` and `traceparent` are ignored: the gateway establishes
    /// them, and also the `request-id` if the host did not set one.
    pub fn handle(&self, request: Request) -> Response {
        self.exchange(request, |request, sent, limits| {
            self.answer(request, sent, limits)
        })
    }

    /// The answer to a request with an unreadable body; `why` is for the client.
    #[cfg(any(test, target_arch = "wasm32"))]
    pub fn refuse(&self, request: Request, why: Problem) -> Response {
        self.exchange(request, |_, _, _| Err(why))
    }

    fn exchange(
        &self,
        mut request: Request,
        answer: impl FnOnce(
            &mut Request,
            &RequestHeaders,
            &mut Option<Fields>,
        ) -> Result<Response, Problem>,
    ) -> Response {
        // First, one pass reads the headers and removes those that services must not get.
        let mut sent =
            headers::extract_headers(&mut request.headers, self.config.peer_header.as_deref());
        // Then the ids: every later answer carries them, errors included.
        if request.request_id.is_empty() {
            request.request_id = trace::request_id(sent.request_id.take(), &self.ids);
        }
        request.traceparent = trace::traceparent(sent.traceparent.as_deref(), &self.ids);
        request.principal = None;
        let mut limits = None;
        let answer = answer(&mut request, &sent, &mut limits);
        let mut response =
            answer.unwrap_or_else(|problem| problem.to_response(&request.request_id));
        self.finish(request, &sent, limits, &mut response);
        response
    }

    fn answer(
        &self,
        request: &mut Request,
        sent: &RequestHeaders,
        limits: &mut Option<Fields>,
    ) -> Result<Response, Problem> {
        // Preflights have no token and change nothing. They come before all checks: otherwise
        // browsers could not send any request.
        if cors::is_preflight(request, sent) {
            return Ok(cors::preflight());
        }
        // Size limits come before any step that reads large input.
        self.check_head(request, sent)?;
        // The path sets the rules of the next steps; an unknown path costs neither a call of Redis
        // nor a signature check.
        let route = match table::find_target(&request.path) {
            Target::Service(route) => route,
            Target::OpenApi => return openapi::answer(request),
            Target::Live => {
                return Err(Problem::new(
                    Code::NotFound,
                    "Live seats are a WebSocket: connect with a WebSocket client.",
                ));
            }
            Target::Unknown => return Err(Problem::not_found("resource")),
        };
        self.check_body(request, sent, route)?;
        if !accepts(sent.accept.as_deref(), route.media) {
            return Err(Problem::new(
                Code::NotAcceptable,
                "Send an Accept header that allows this route's media type, or none.",
            ));
        }
        // Authentication comes before the rate limits: limits are per user.
        let now = self.ports.now();
        let peer = sent
            .peer
            .as_deref()
            .filter(|_| request.client_address.is_empty())
            .unwrap_or(&request.client_address);
        let client = address::client(
            peer,
            sent.forwarded_for.as_deref(),
            &self.config.trusted_proxies,
        );
        let principal = if route.reads_token {
            self.principal(sent, now)
        } else {
            Ok(None)
        };
        let user = principal
            .as_ref()
            .ok()
            .and_then(Option::as_ref)
            .map(|principal| principal.user_id.as_str());
        // The rate limits come before the refusal of a bad token: invented tokens count for their
        // address, otherwise checking them would be free.
        *limits = self.limit(user, client, route, now)?;
        request.principal = principal?;
        request.client_address = client
            .map(|address| address.to_string())
            .unwrap_or_default();
        // Last, because a refused request must not use up an idempotency key.
        self.call_idempotently(request, sent, route, now)
    }

    fn check_head(&self, request: &Request, sent: &RequestHeaders) -> Result<(), Problem> {
        let size = sent.size + request.path.len() + request.query.len();
        if size > self.config.max_headers {
            let detail = format!(
                "Path, query and headers have {size} bytes; {} are allowed.",
                self.config.max_headers
            );
            return Err(Problem::new(Code::HeadersTooLarge, detail));
        }
        Ok(())
    }

    /// The largest body that a path accepts; for a reader that stops early.
    #[cfg(any(test, target_arch = "wasm32"))]
    pub fn max_body(&self, path: &str) -> usize {
        match table::find_target(path) {
            Target::Service(route) if route.is_large => self.config.max_layout_body,
            _ => self.config.max_body,
        }
    }

    fn check_body(
        &self,
        request: &Request,
        sent: &RequestHeaders,
        route: Route,
    ) -> Result<(), Problem> {
        let max = if route.is_large {
            self.config.max_layout_body
        } else {
            self.config.max_body
        };
        // A host may pass on the announced length of a body that it did not read because it is too
        // large.
        if sent.announced.max(request.body.len() as u64) > max as u64 {
            Err(body_too_large(max))
        } else {
            Ok(())
        }
    }

    fn principal(
        &self,
        sent: &RequestHeaders,
        now: Timestamp,
    ) -> Result<Option<eventhub_guest::Principal>, Problem> {
        match sent.authorization.as_deref() {
            None => Ok(None),
            Some(_) if sent.repeats_authorization => Err(Problem::new(
                Code::Unauthenticated,
                "Send one Authorization header.",
            )),
            Some(authorization) => self
                .authenticator
                .principal(authorization, now, &self.ports)
                .map(Some),
        }
    }

    fn limit(
        &self,
        user: Option<&str>,
        client: Option<IpAddr>,
        route: Route,
        now: Timestamp,
    ) -> Result<Option<Fields>, Problem> {
        if !route.is_limited {
            return Ok(None);
        }
        let mut buckets = Vec::with_capacity(2);
        // The hash tag keeps the keys of one script on one node of a Redis cluster.
        match user {
            Some(user) => buckets.extend(self.config.user_policy.as_ref().map(|policy| Bucket {
                policy,
                key: format!("rl:{{u:{user}}}"),
            })),
            None => {
                let policies = [
                    self.config.address_policy.as_ref(),
                    self.config
                        .auth_policy
                        .as_ref()
                        .filter(|_| route.is_credential),
                ];
                if policies.iter().any(Option::is_some) {
                    let address = address::bucket(client);
                    let [general, credential] = policies;
                    buckets.extend(general.map(|policy| Bucket {
                        policy,
                        key: format!("rl:{{a:{address}}}"),
                    }));
                    buckets.extend(credential.map(|policy| Bucket {
                        policy,
                        key: format!("rl:{{a:{address}}}:auth"),
                    }));
                }
            }
        }
        match rate::count(&buckets, &self.ports) {
            Ok(rate::Decision::Unlimited) => Ok(None),
            Ok(rate::Decision::Allowed(fields)) => Ok(Some(fields)),
            Ok(rate::Decision::Refused(fields, problem)) => Err(problem
                .header("ratelimit-policy", fields.policy)
                .header("ratelimit", fields.state)),
            Err(cause) => {
                self.warn_redis_down("requests are not limited", &cause, now);
                Ok(None)
            }
        }
    }

    /// Calls the service. A POST with an idempotency key runs only if no other request with that
    /// key is running or was answered.
    fn call_idempotently(
        &self,
        request: &Request,
        sent: &RequestHeaders,
        route: Route,
        now: Timestamp,
    ) -> Result<Response, Problem> {
        let user = request
            .principal
            .as_ref()
            .filter(|_| request.method == "POST")
            .map(|principal| principal.user_id.as_str());
        let Some(user) = user else {
            return Ok(self.ports.call(route.service, request));
        };
        let Some(key) = idempotency::key(sent, route.needs_key)? else {
            return Ok(self.ports.call(route.service, request));
        };
        match idempotency::begin(
            user,
            key,
            self.ids.next(),
            route.service.longest_call(),
            request,
            &self.ports,
        ) {
            idempotency::Decision::Run(claim) => {
                let response = self.ports.call(route.service, request);
                self.store_response(&claim, &response, now);
                Ok(response)
            }
            idempotency::Decision::Unprotected(cause) => {
                self.warn_redis_down("idempotency keys are not kept", &cause, now);
                Ok(self.ports.call(route.service, request))
            }
            idempotency::Decision::Replay(response) => Ok(response),
            idempotency::Decision::Reread { first, location } => {
                let read = self.ports.call(
                    route.service,
                    &idempotency::reread::request(request, &location),
                );
                idempotency::reread::complete(first, read)
            }
            idempotency::Decision::Refused(problem) => Err(problem),
        }
    }

    fn store_response(&self, claim: &Claim, response: &Response, now: Timestamp) {
        if let Err(error) = idempotency::finish(claim, response, &self.ports) {
            self.warn_redis_down(
                "an answer is not kept for its idempotency key",
                &error.to_string(),
                now,
            );
        }
    }

    /// Logs an outage of Redis once in ten seconds instead of once per request.
    fn warn_redis_down(&self, consequence: &str, cause: &str, now: Timestamp) {
        let recently = self
            .warned_at
            .get()
            .is_some_and(|at| now < at.plus(Duration::from_secs(10)));
        if !recently {
            self.warned_at.set(Some(now));
            tracing::warn!(error.cause = cause, "{consequence}: redis does not answer");
        }
    }

    /// Adds the headers of every answer.
    fn finish(
        &self,
        request: Request,
        sent: &RequestHeaders,
        limits: Option<Fields>,
        response: &mut Response,
    ) {
        let headers = &mut response.headers;
        headers.reserve(8);
        if !headers.iter().any(|(name, _)| name == "cache-control") {
            headers.push(("cache-control".into(), "no-store".into()));
        }
        headers.push(("x-content-type-options".into(), "nosniff".into()));
        if let Some(limits) = limits {
            headers.push(("ratelimit-policy".into(), limits.policy));
            headers.push(("ratelimit".into(), limits.state));
        }
        headers.push(("x-request-id".into(), request.request_id));
        cors::apply(&self.config.origins, sent.origin.as_deref(), response);
        if request.method == "HEAD" {
            response.body = vec![];
        }
    }
}

/// 413.
pub fn body_too_large(max: usize) -> Problem {
    Problem::new(
        Code::BodyTooLarge,
        format!("The body limit is {max} bytes."),
    )
}

#[cfg(test)]
mod tests;

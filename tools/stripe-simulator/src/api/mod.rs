//! `/v1`: who asks, what is asked, whether it was asked before, what goes wrong on purpose, and the
//! answer with Stripe's headers. What a call does is in [`crate::ledger`].

mod headers;

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, Request};
use axum::response::Response;
use bytes::Bytes;
use headers::{Reply, check_version, preflight, presented_key, respond};
use serde_json::{Value, json};

use crate::books::{Shared, now};
use crate::call::Call;
use crate::error::{ApiError, Result};
use crate::faults::{FaultKind, Faults};
use crate::idempotency::{Answered, Use};
use crate::ledger::{Answer, Caller, Change, Ledger, Tx};
use crate::params::Params;
use crate::render::{self, Renderer};
use crate::webhooks::Dispatcher;
use crate::{expand, ids};

const MAX_BODY: usize = 1 << 20;

/// What every handler needs.
#[derive(Debug)]
pub struct App {
    /// `sk_test_…`
    pub secret_key: String,
    /// `pk_test_…`
    pub publishable_key: String,
    /// The state.
    pub books: Shared,
    /// Makes JSON.
    pub renderer: Renderer,
    /// Tells webhook endpoints.
    pub dispatcher: Dispatcher,
    /// What goes wrong on purpose.
    pub faults: Faults,
}

/// A request that is understood.
struct Asked {
    call: Call,
    caller: Caller,
    expand: Vec<String>,
    fingerprint: String,
    key: Option<String>,
}

/// Every request below `/v1`.
pub async fn handle(State(app): State<Arc<App>>, request: Request<Body>) -> Response {
    if request.method() == Method::OPTIONS {
        return preflight();
    }
    let (parts, body) = request.into_parts();
    let id = ids::request();
    let version = parts.headers.get("stripe-version").cloned();
    let key = parts.headers.get("idempotency-key").cloned();
    let reply = match to_bytes(body, MAX_BODY).await {
        Err(_) => app.refuse(
            &ApiError::malformed("The request body is too large or was cut short."),
            false,
        ),
        // In a task of its own: like Stripe, what was asked is done even if the client hangs up
        // while waiting.
        Ok(body) => {
            let (app, id) = (app.clone(), id.clone());
            let work = async move {
                app.answer(
                    &parts.method,
                    parts.uri.path(),
                    parts.uri.query(),
                    &parts.headers,
                    &body,
                    &id,
                )
                .await
            };
            match tokio::spawn(work).await {
                Ok(reply) => reply,
                Err(error) => {
                    tracing::error!(%error, "a request was not finished");
                    Reply {
                        status: 500,
                        body: "{}".to_owned(),
                        original: None,
                        should_retry: None,
                        no_answer: true,
                    }
                }
            }
        }
    };
    respond(reply, &id, version, key)
}

impl App {
    async fn answer(
        &self,
        method: &Method,
        path: &str,
        query: Option<&str>,
        headers: &HeaderMap,
        body: &Bytes,
        id: &str,
    ) -> Reply {
        let params = Params::parse(query.unwrap_or_default(), body);
        let asked = match self.understand(method, path, params, headers) {
            Ok(asked) => asked,
            Err(error) => return self.refuse(&error, false),
        };
        let public = matches!(asked.caller, Caller::Browser(_));
        let fault = self.faults.strike(method.as_str(), path);
        match fault {
            Some((FaultKind::RateLimit, _)) => {
                return self.refuse(&ApiError::rate_limited(), public);
            }
            Some((FaultKind::ErrorBefore, _)) => {
                return self.refuse(&ApiError::server(), public);
            }
            _ => {}
        }
        if let Some(key) = &asked.key {
            let new = Use {
                path: path.to_owned(),
                fingerprint: asked.fingerprint.clone(),
                request: id.to_owned(),
                at: now(),
            };
            let begun = self.books.lock().keys.begin(key, new);
            match begun {
                Ok(None) => {}
                Ok(Some((answered, original))) => {
                    return Reply {
                        original: Some(original),
                        ..self.reply(answered)
                    };
                }
                Err(error) => return self.refuse(&error, public),
            }
        }
        let latency = self.faults.latency();
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        let fail = matches!(fault, Some((FaultKind::ErrorKept, _)));
        let mut reply = self.execute(asked, id, fail);
        match fault {
            Some((FaultKind::ErrorAfter, _)) => {
                return self.refuse(&ApiError::server(), public);
            }
            Some((FaultKind::NoAnswer, _)) => reply.no_answer = true,
            Some((FaultKind::Hang, long)) => {
                tokio::time::sleep(long).await;
                reply.no_answer = true;
            }
            _ => {}
        }
        reply
    }

    fn understand(
        &self,
        method: &Method,
        path: &str,
        mut params: Params,
        headers: &HeaderMap,
    ) -> Result<Asked> {
        let presented = presented_key(headers).or_else(|| params.take("key"));
        let caller = self.authenticate(presented.as_deref(), &mut params)?;
        check_version(headers)?;
        let text = |name| {
            headers
                .get(name)
                .and_then(|value: &HeaderValue| value.to_str().ok())
        };
        if *method == Method::POST
            && text("content-type").is_some_and(|kind| kind.starts_with("application/json"))
        {
            return Err(ApiError::malformed(
                "Invalid request (check that your POST content type is application/x-www-form-urlencoded).",
            ));
        }
        let key = text("idempotency-key").filter(|key| *method == Method::POST && !key.is_empty());
        if key.is_some_and(|key| key.len() > 255) {
            return Err(ApiError::malformed(
                "Idempotency keys may be at most 255 characters long.",
            ));
        }
        let public = matches!(caller, Caller::Browser(_));
        let call = Call::parse(method.as_str(), path, &params, public)?;
        let expand = params.list("expand");
        expand::check(&expand)?;
        let fingerprint = if key.is_some() {
            params.fingerprint()
        } else {
            String::new()
        };
        Ok(Asked {
            call,
            caller,
            expand,
            fingerprint,
            key: key.map(str::to_owned),
        })
    }

    fn authenticate(&self, presented: Option<&str>, params: &mut Params) -> Result<Caller> {
        match presented {
            Some(key) if key == self.secret_key => Ok(Caller::Server),
            Some(key) if key == self.publishable_key => {
                Ok(Caller::Browser(params.take("client_secret")))
            }
            None => Err(ApiError::unauthenticated(
                "You did not provide an API key. You need to provide your API key in the Authorization header, \
                 using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
            )),
            Some(key) => {
                let chars: Vec<char> = key.chars().collect();
                let shown: String = match chars.len() {
                    12.. => chars[..8]
                        .iter()
                        .chain(['*'; 8].iter())
                        .chain(&chars[chars.len() - 4..])
                        .collect(),
                    _ => "****".to_owned(),
                };
                Err(ApiError::unauthenticated(format!(
                    "Invalid API Key provided: {shown}"
                )))
            }
        }
    }

    fn execute(&self, asked: Asked, id: &str, fail: bool) -> Reply {
        let Asked {
            call,
            caller,
            expand,
            key,
            ..
        } = asked;
        let public = matches!(caller, Caller::Browser(_));
        let mut books = self.books.lock();
        let mut tx = Tx::new(&mut books.ledger, now(), (Some(id.to_owned()), key.clone()));
        let result = if fail {
            Err(ApiError::server())
        } else {
            tx.execute(call, &caller)
        };
        let change = std::mem::take(&mut tx.change);
        let (answered, should_retry) = match &result {
            Ok(Answer::Object(object)) if !public && expand.is_empty() => {
                (Answered::Object(object.clone()), None)
            }
            Ok(answer) => (
                Answered::Body(200, self.body(answer, public, &expand, &books.ledger)),
                None,
            ),
            Err(error) => (
                Answered::Body(error.status, self.renderer.error(error, public).to_string()),
                error.should_retry,
            ),
        };
        let executed = fail || result.as_ref().err().is_none_or(|error| error.executed);
        match &key {
            Some(key) if !executed => {
                books.keys.forget(key);
                books.commit(&change, None);
            }
            Some(key) => books.commit(&change, Some((key, answered.clone()))),
            None => books.commit(&change, None),
        }
        drop(books);
        self.dispatcher.send(&change.events);
        Reply {
            should_retry,
            ..self.reply(answered)
        }
    }

    /// Does something that no API request asked for: the buyer's authentication, a refund's later
    /// end.
    pub fn turn<T>(&self, work: impl FnOnce(&mut Tx<'_>) -> T) -> T {
        let mut books = self.books.lock();
        let mut tx = Tx::new(&mut books.ledger, now(), (None, None));
        let result = work(&mut tx);
        let change: Change = std::mem::take(&mut tx.change);
        books.commit(&change, None);
        drop(books);
        self.dispatcher.send(&change.events);
        result
    }

    fn body(&self, answer: &Answer, public: bool, paths: &[String], ledger: &Ledger) -> String {
        let mut value = self.value(answer, public);
        for path in paths {
            expand::expand(&mut value, path, ledger, &self.renderer);
        }
        value.to_string()
    }

    fn value(&self, answer: &Answer, public: bool) -> Value {
        match answer {
            Answer::Object(crate::objects::Object::Intent(intent)) if public => {
                self.renderer.public_intent(intent)
            }
            Answer::Object(object) => self.renderer.object(object),
            Answer::Event(event) => self.renderer.event(event),
            Answer::PaymentMethod(id) => render::payment_method(id),
            Answer::Endpoint(endpoint, with_secret) => render::endpoint(endpoint, *with_secret),
            Answer::Deleted(id) => json!({"id": id, "object": "webhook_endpoint", "deleted": true}),
            Answer::List(url, items, more) => {
                let data: Vec<_> = items.iter().map(|item| self.value(item, public)).collect();
                json!({"object": "list", "data": data, "has_more": more, "url": url})
            }
        }
    }

    fn reply(&self, answered: Answered) -> Reply {
        let (status, body) = match answered {
            Answered::Object(object) => (200, self.renderer.object(&object).to_string()),
            Answered::Body(status, body) => (status, body),
        };
        Reply {
            status,
            body,
            original: None,
            should_retry: None,
            no_answer: false,
        }
    }

    fn refuse(&self, error: &ApiError, public: bool) -> Reply {
        let body = self.renderer.error(error, public).to_string();
        Reply {
            status: error.status,
            body,
            original: None,
            should_retry: error.should_retry,
            no_answer: false,
        }
    }
}

//! `POST /webhooks/{provider}`: where providers tell what became of a payment.

use eventhub_guest::router::Answer;
use eventhub_guest::{Code, Params, Problem, Request, Response, Router, Timestamp, json};

use crate::bindings::eventhub::payment_provider::types as provider;
use crate::providers::Provider;
use crate::service::{self, Error};

thread_local!(static ROUTER: Router = Router::new().post("/webhooks/{provider}", webhook));

pub fn handle(request: &Request) -> Response {
    ROUTER.with(|router| router.handle(request))
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound => Problem::not_found("payment"),
            Error::Refused(text) => Problem::internal(text),
            Error::Unavailable(text) => Problem::unavailable(text),
            Error::Store(error) => error.into(),
        }
    }
}

/// 200 when stored, again 200 when it is known: a provider repeats what was not answered so.
fn webhook(request: &Request, params: &Params) -> Answer {
    let provider =
        Provider::named(params.text("provider")).ok_or_else(|| Problem::not_found("resource"))?;
    let bad = |why: String| {
        Problem::new(
            Code::BadSignature,
            format!("The webhook is not accepted: {why}."),
        )
    };
    let body =
        std::str::from_utf8(&request.body).map_err(|_| bad("the body is not UTF-8".into()))?;
    let notice = provider.verify_notice(&request.headers, body, Timestamp::now().seconds());
    let notice = notice.map_err(|error| match error {
        provider::Error::BadSignature(why) => bad(why),
        provider::Error::Refused(why) => Problem::new(
            Code::ValidationFailed,
            format!("The webhook cannot be read: {why}."),
        ),
        provider::Error::Unavailable(why) => Problem::unavailable(why),
        provider::Error::NotFound => Problem::not_found("payment"),
    })?;
    service::hear(provider, &notice, &request.traceparent)?;
    json::response(200, &serde_json::json!({"received": true}))
}

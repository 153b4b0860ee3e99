//! `/_simulator/3ds/{intent}`: the page that stands for the buyer's bank, where one completes or
//! fails the authentication.

use std::sync::Arc;

use axum::extract::{Form, Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;

use crate::api::App;
use crate::currency;
use crate::error::ApiError;
use crate::objects::{Intent, Status};

/// What the link carries.
#[derive(Debug, Deserialize)]
pub struct Link {
    client_secret: String,
}

/// What the buttons send.
#[derive(Debug, Deserialize)]
pub struct Decision {
    client_secret: String,
    outcome: Outcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Complete,
    Fail,
}

/// Shows the two buttons.
pub async fn show(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    Query(link): Query<Link>,
) -> Response {
    let intent = app.books.lock().ledger.intents.find(&id).cloned();
    match intent.filter(|intent| intent.client_secret == link.client_secret) {
        None => page(StatusCode::NOT_FOUND, "<h1>No such payment</h1>"),
        Some(intent) if intent.status != Status::RequiresAction => finished(&intent),
        Some(intent) => page(
            StatusCode::OK,
            &format!(
                "<h1>Test bank</h1><p>Approve the payment of <strong>{}</strong>?</p>\
                 <form method=\"post\"><input type=\"hidden\" name=\"client_secret\" value=\"{}\">\
                 <button name=\"outcome\" value=\"complete\">Complete authentication</button> \
                 <button name=\"outcome\" value=\"fail\">Fail authentication</button></form>",
                currency::show(intent.amount, &intent.currency),
                escape(&intent.client_secret),
            ),
        ),
    }
}

/// Takes the decision and sends the buyer back, as Stripe does: `payment_intent`,
/// `payment_intent_client_secret` and `redirect_status` are added to the return URL.
pub async fn decide(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    Form(decision): Form<Decision>,
) -> Response {
    let complete = decision.outcome == Outcome::Complete;
    match app.turn(|tx| tx.authenticate(&id, &decision.client_secret, complete)) {
        Ok(intent) => finished(&intent),
        Err(error) => refused(&error),
    }
}

fn finished(intent: &Intent) -> Response {
    let paid = matches!(intent.status, Status::Succeeded | Status::RequiresCapture);
    let status = if paid { "succeeded" } else { "failed" };
    // Only to a page: a link of another kind would run in this one.
    let web = |url: &&String| url.starts_with("http://") || url.starts_with("https://");
    let Some(url) = intent.return_url.as_ref().filter(web) else {
        return page(
            StatusCode::OK,
            &format!("<h1>Payment {status}</h1><p>You may close this page.</p>"),
        );
    };
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("payment_intent", &intent.id)
        .append_pair("payment_intent_client_secret", &intent.client_secret)
        .append_pair("redirect_status", status)
        .finish();
    let (url, fragment) = url
        .split_once('#')
        .map_or((url.as_str(), String::new()), |(url, rest)| {
            (url, format!("#{rest}"))
        });
    let joint = if url.contains('?') { '&' } else { '?' };
    (
        StatusCode::SEE_OTHER,
        [(header::LOCATION, format!("{url}{joint}{query}{fragment}"))],
    )
        .into_response()
}

fn refused(error: &ApiError) -> Response {
    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_REQUEST);
    page(
        status,
        &format!("<h1>Not possible</h1><p>{}</p>", escape(&error.message)),
    )
}

fn page(status: StatusCode, body: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Stripe simulator</title>\
         <style>body{{font:1.1rem/1.5 system-ui;max-width:32rem;margin:4rem auto;padding:0 1rem}}button{{font:inherit;padding:.4rem 1rem}}</style>\
         <body>{body}</body></html>"
    );
    (status, Html(html)).into_response()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

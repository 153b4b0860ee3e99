//! `/_simulator/…`: what tests and developers steer the stand-in with, and see it by. The crate's
//! documentation lists it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Json, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::{self, App};
use crate::faults::Fault;
use crate::objects::RefundStatus;
use crate::webhooks::Disturbance;
use crate::{page, render};

/// All routes.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/_simulator/state", get(state))
        .route("/_simulator/latency", post(latency))
        .route(
            "/_simulator/faults",
            get(faults).post(add_fault).delete(clear_faults),
        )
        .route("/_simulator/webhooks", get(webhooks).post(disturb))
        .route("/_simulator/deliveries", get(deliveries))
        .route("/_simulator/events/{id}/resend", post(resend))
        .route("/_simulator/3ds/{id}", get(page::show).post(page::decide))
        .fallback(api::handle)
        .with_state(app)
}

/// How much there is, and the money: per currency what was captured, given back, and on its way
/// back.
async fn state(State(app): State<Arc<App>>) -> Json<Value> {
    let books = app.books.lock();
    let ledger = &books.ledger;
    let mut statuses: BTreeMap<&str, u64> = BTreeMap::new();
    let mut money: BTreeMap<&str, [i64; 3]> = BTreeMap::new();
    for intent in ledger.intents.rows() {
        *statuses.entry(intent.status.as_str()).or_default() += 1;
        money.entry(&intent.currency).or_default()[0] += intent.amount_received;
    }
    for refund in ledger.refunds.rows() {
        let place = match refund.status {
            RefundStatus::Succeeded => 1,
            RefundStatus::Pending => 2,
            RefundStatus::Failed => continue,
        };
        money.entry(&refund.currency).or_default()[place] += refund.amount;
    }
    let money: BTreeMap<_, _> = money
        .into_iter()
        .map(|(currency, [captured, refunded, pending])| {
            (
                currency,
                json!({"captured": captured, "refunded": refunded, "refunds_pending": pending}),
            )
        })
        .collect();
    let owed: usize = ledger
        .events
        .iter()
        .map(|event| event.owed.lock().len())
        .sum();
    let (delivered, failed, given_up) = app.dispatcher.log().counts();
    Json(json!({
        "payment_intents": statuses,
        "charges": ledger.charges.rows().len(),
        "refunds": ledger.refunds.rows().len(),
        "events": ledger.events.iter().count(),
        "money": money,
        "webhooks": {"pending": owed, "delivered": delivered, "attempts_failed": failed, "given_up": given_up},
        "endpoints": ledger.endpoints.iter().map(|endpoint| render::endpoint(endpoint, false)).collect::<Vec<_>>(),
        "latency_ms": app.faults.latency().as_millis() as u64,
        "faults": app.faults.waiting(),
    }))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Latency {
    milliseconds: u64,
}

async fn latency(State(app): State<Arc<App>>, Json(latency): Json<Latency>) -> StatusCode {
    app.faults
        .set_latency(Duration::from_millis(latency.milliseconds));
    StatusCode::NO_CONTENT
}

async fn faults(State(app): State<Arc<App>>) -> Json<Value> {
    Json(json!({"faults": app.faults.waiting()}))
}

async fn add_fault(State(app): State<Arc<App>>, Json(fault): Json<Fault>) -> StatusCode {
    app.faults.add(fault);
    StatusCode::NO_CONTENT
}

async fn clear_faults(State(app): State<Arc<App>>) -> StatusCode {
    app.faults.clear();
    StatusCode::NO_CONTENT
}

async fn webhooks(State(app): State<Arc<App>>) -> Json<Disturbance> {
    Json(app.dispatcher.disturbance())
}

async fn disturb(State(app): State<Arc<App>>, Json(disturbance): Json<Disturbance>) -> StatusCode {
    app.dispatcher.disturb(disturbance);
    StatusCode::NO_CONTENT
}

#[derive(Debug, Deserialize)]
struct Which {
    #[serde(default = "hundred")]
    limit: usize,
    event: Option<String>,
    outcome: Option<String>,
}

fn hundred() -> usize {
    100
}

async fn deliveries(State(app): State<Arc<App>>, Query(which): Query<Which>) -> Json<Value> {
    let latest = app.dispatcher.log().latest(
        which.limit,
        which.event.as_deref(),
        which.outcome.as_deref(),
    );
    Json(json!({"deliveries": latest}))
}

async fn resend(State(app): State<Arc<App>>, Path(id): Path<String>) -> Response {
    let (event, endpoints) = {
        let books = app.books.lock();
        let event = books.ledger.events.get(&id).ok().cloned();
        let endpoints: Vec<String> = books
            .ledger
            .endpoints
            .iter()
            .map(|endpoint| endpoint.id.clone())
            .collect();
        (event, endpoints)
    };
    let Some(event) = event else {
        return (
            StatusCode::NOT_FOUND,
            Json(json!({"error": format!("no such event: {id}")})),
        )
            .into_response();
    };
    app.dispatcher.resend(&event, &endpoints);
    StatusCode::NO_CONTENT.into_response()
}

//! What survives: a stand-in that is killed, not stopped, comes back with its intents, its keys and
//! what it owes.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use eventhub_stripe_simulator::{Options, Running, Simulator, WebhookEndpoint, sign};
use serde_json::Value;
use tokio::sync::Mutex;

const SECRET: &str = "whsec_test";

type Received = Arc<Mutex<Vec<Value>>>;

async fn take(State(received): State<Received>, headers: axum::http::HeaderMap, body: String) {
    let signature = headers["stripe-signature"].to_str().unwrap();
    let time = signature
        .strip_prefix("t=")
        .and_then(|rest| rest.split(',').next())
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(signature, sign(SECRET, time, body.as_bytes()));
    received
        .lock()
        .await
        .push(serde_json::from_str(&body).unwrap());
}

async fn receiver(port: u16) -> (u16, Received, tokio::task::JoinHandle<()>) {
    let received = Received::default();
    let router = Router::new()
        .route("/hook", post(take))
        .with_state(received.clone());
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port))
        .await
        .unwrap();
    let port = listener.local_addr().unwrap().port();
    (
        port,
        received,
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }),
    )
}

fn state_file(name: &str) -> std::path::PathBuf {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_file(&path);
    path
}

async fn start(state: &std::path::Path, port: u16) -> Running {
    Simulator::start(Options {
        webhook_endpoints: vec![WebhookEndpoint {
            url: format!("http://127.0.0.1:{port}/hook"),
            secret: SECRET.into(),
            enabled_events: vec!["payment_intent.succeeded".into()],
        }],
        state_file: Some(state.to_owned()),
        retry_schedule: vec![Duration::from_millis(50)],
        ..Options::default()
    })
    .await
    .unwrap()
}

async fn pay(url: &str, key: &str, card: &str) -> (u16, Value, bool) {
    let answer = reqwest::Client::new()
        .post(format!("{url}/v1/payment_intents"))
        .bearer_auth("sk_test_simulator")
        .header("Idempotency-Key", key)
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(format!(
            "amount=1000&currency=eur&confirm=true&payment_method={card}&metadata[booking_id]=bkg_1"
        ))
        .send()
        .await
        .unwrap();
    let replayed = answer.headers().contains_key("idempotent-replayed");
    (
        answer.status().as_u16(),
        answer.json().await.unwrap(),
        replayed,
    )
}

async fn get(url: &str, path: &str) -> Value {
    reqwest::Client::new()
        .get(format!("{url}{path}"))
        .bearer_auth("sk_test_simulator")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap()
}

async fn eventually(received: &Received, count: usize) -> Vec<Value> {
    for _ in 0..200 {
        if received.lock().await.len() >= count {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    received.lock().await.clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_forgets_no_payment_no_key_and_no_webhook() {
    let state = state_file("restart.jsonl");
    let (port, received, task) = receiver(0).await;
    let first = start(&state, port).await;
    let (_, told, _) = pay(&first.url, "k1", "pm_card_visa").await;
    assert_eq!(
        eventually(&received, 1).await[0]["data"]["object"]["id"],
        told["id"]
    );
    task.abort();
    let _ = task.await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    // Nobody listens now: this one is owed.
    let (_, untold, _) = pay(&first.url, "k2", "pm_card_visa").await;
    let (refused, failed, _) = pay(&first.url, "k3", "pm_card_chargeDeclined").await;
    assert_eq!(refused, 402);
    // Dropped without a word, as a kill would; then the last line is cut short, as a kill in the
    // middle of a write would.
    drop(first);
    let mut text = std::fs::read(&state).unwrap();
    text.extend_from_slice(b"{\"objects\":[{\"int");
    std::fs::write(&state, text).unwrap();

    let (_, received, _task) = receiver(port).await;
    let second = start(&state, port).await;
    let events = eventually(&received, 1).await;
    assert_eq!(events.len(), 1, "what was taken before is not sent again");
    assert_eq!(events[0]["data"]["object"]["id"], untold["id"]);
    for (key, before) in [("k1", &told), ("k2", &untold)] {
        let (status, after, replayed) = pay(&second.url, key, "pm_card_visa").await;
        assert!(
            (status, replayed) == (200, true) && after == *before,
            "{key}"
        );
    }
    let (status, after, replayed) = pay(&second.url, "k3", "pm_card_chargeDeclined").await;
    assert!((status, replayed) == (402, true) && after == failed);
    let list = get(&second.url, "/v1/payment_intents?limit=100").await;
    assert_eq!(list["data"].as_array().unwrap().len(), 3);
    let id = told["id"].as_str().unwrap();
    assert_eq!(
        get(&second.url, &format!("/v1/payment_intents/{id}")).await,
        told
    );
    second.shutdown().await;

    // Once more, from the shortened file.
    let third = start(&state, port).await;
    assert_eq!(
        get(&third.url, &format!("/v1/payment_intents/{id}")).await,
        told
    );
    let (_, again, replayed) = pay(&third.url, "k2", "pm_card_visa").await;
    assert!(replayed && again == untold);
    third.shutdown().await;
}

#[tokio::test]
async fn a_file_that_is_not_ours_is_refused_and_left_alone() {
    let state = state_file("foreign.jsonl");
    std::fs::write(&state, "{\"objects\":7}\n").unwrap();
    let error = Simulator::start(Options {
        state_file: Some(state.clone()),
        ..Options::default()
    })
    .await
    .unwrap_err();
    assert!(error.to_string().contains("line 1"), "{error}");
    assert_eq!(
        std::fs::read_to_string(&state).unwrap(),
        "{\"objects\":7}\n"
    );
}

#[tokio::test]
async fn real_keys_are_refused() {
    let options = Options {
        secret_key: "sk_live_x".into(),
        ..Options::default()
    };
    assert!(
        Simulator::start(options)
            .await
            .unwrap_err()
            .to_string()
            .contains("sk_test_")
    );
}

//! Many payments at once: each is charged once and told once, and it costs little. Prints rate and
//! CPU time.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::post;
use eventhub_stripe_simulator::{Options, Simulator, WebhookEndpoint};
use serde_json::Value;

const PAYMENTS: usize = 3000;
const CLIENTS: usize = 32;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_load_every_payment_is_charged_once_and_told_once() {
    let told = Arc::new(AtomicUsize::new(0));
    let counter = told.clone();
    let router = Router::new().route(
        "/hook",
        post(move || async move {
            counter.fetch_add(1, Ordering::Relaxed);
        }),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });

    let state = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("load.jsonl");
    let _ = std::fs::remove_file(&state);
    let running = Simulator::start(Options {
        webhook_endpoints: vec![WebhookEndpoint {
            url,
            secret: "whsec_x".into(),
            enabled_events: vec!["payment_intent.succeeded".into()],
        }],
        state_file: Some(state),
        ..Options::default()
    })
    .await
    .unwrap();

    let client = reqwest::Client::new();
    let next = Arc::new(AtomicUsize::new(0));
    let (begun, cpu) = (Instant::now(), cpu_time());
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..CLIENTS {
        let (client, next, url) = (client.clone(), next.clone(), running.url.clone());
        tasks.spawn(async move {
            loop {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= PAYMENTS {
                    return;
                }
                let made = send(
                    &client,
                    &format!("{url}/v1/payment_intents"),
                    &format!("c{n}"),
                    "amount=4500&currency=eur",
                )
                .await;
                let path = format!(
                    "{url}/v1/payment_intents/{}/confirm",
                    made["id"].as_str().unwrap()
                );
                let body = "payment_method=pm_card_visa";
                // Twice with one key and once with another: one of three pays, one is its echo, one
                // is refused.
                let key = format!("a{n}");
                let other = format!("b{n}");
                let answers = tokio::join!(
                    send(&client, &path, &key, body),
                    send(&client, &path, &key, body),
                    send(&client, &path, &other, body)
                );
                drop(answers);
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    let took = begun.elapsed();
    while told.load(Ordering::Relaxed) < PAYMENTS && begun.elapsed() < Duration::from_secs(60) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    println!(
        "{:.0} payments/s of 4 requests each, {:.0} us CPU per payment, client and receiver included",
        PAYMENTS as f64 / took.as_secs_f64(),
        (cpu_time() - cpu).as_secs_f64() * 1e6 / PAYMENTS as f64
    );
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(told.load(Ordering::Relaxed), PAYMENTS);
    let state: Value = client
        .get(format!("{}/_simulator/state", running.url))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(state["payment_intents"]["succeeded"], PAYMENTS);
    assert_eq!(state["charges"], PAYMENTS);
    assert_eq!(state["money"]["eur"]["captured"], PAYMENTS * 4500);
    running.shutdown().await;
}

async fn send(client: &reqwest::Client, url: &str, key: &str, body: &'static str) -> Value {
    let request = client
        .post(url)
        .bearer_auth("sk_test_simulator")
        .header("Idempotency-Key", key);
    let request = request
        .header("Content-Type", "application/x-www-form-urlencoded")
        .body(body);
    request.send().await.unwrap().json().await.unwrap()
}

/// User and system time of this process so far, from the kernel's clock of 100 ticks a second.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<u64> = stat
        .rsplit(')')
        .next()
        .unwrap()
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(|ticks| ticks.parse().unwrap())
        .collect();
    Duration::from_millis(fields.iter().sum::<u64>() * 10)
}

//! Calls from one component to another, and what becomes of the caller when the callee fails.

mod support;

use std::time::{Duration, Instant};

use eventhub_bindings::http::Response;
use eventhub_link::LinkConfig;
use eventhub_runtime::{App, CallContext, PoolConfig};
use support::{code, count, get, pair, pool};

async fn handle(app: &App, path: &str) -> Response {
    let request = get(path);
    app.handle("caller", &request, CallContext::of(&request))
        .await
}

/// What the callee's `add` returned, as it lies in the caller's memory: ok or error, then the sum
/// or the error's case.
fn sum(response: &Response) -> (u8, u32) {
    assert_eq!(response.status, 200);
    (
        response.body[0],
        u32::from_le_bytes(response.body[4..8].try_into().unwrap()),
    )
}

/// A link that gives up as late as a pool does.
fn patient() -> LinkConfig {
    LinkConfig {
        timeout_ms: 30_000,
        ..LinkConfig::default()
    }
}

const OK: u8 = 0;
const UNAVAILABLE: (u8, u8) = (1, 1);

fn error_case(response: &Response) -> (u8, u8) {
    (response.body[0], response.body[4])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_passes_two_components_and_reuses_both_instances() {
    let app = pair(LinkConfig::default(), pool());
    for calls in 1..=3 {
        assert_eq!(count(&handle(&app, "/fc").await), calls);
    }
    assert!(
        app.stats()
            .iter()
            .all(|stats| stats.idle == 1 && stats.idle_served == 3),
        "{:?}",
        app.stats()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_other_interface_is_linked_too() {
    let app = pair(LinkConfig::default(), pool());
    assert_eq!(sum(&handle(&app, "/a").await), (OK, 42));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_callee_is_a_503_after_the_timeout_of_the_link() {
    // Long enough for the call that ends well.
    let app = pair(
        LinkConfig {
            timeout_ms: 2_000,
            ..LinkConfig::default()
        },
        pool(),
    );
    let started = Instant::now();
    let response = handle(&app, "/fs").await;
    // The callee's own deadline is 30 s.
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(
        (response.status, code(&response).as_str()),
        (503, "unavailable")
    );
    assert_eq!(response.header("retry-after"), Some("1"));
    assert_eq!(
        error_case(&handle(&app, "/y").await),
        UNAVAILABLE,
        "with types: the interface's own error"
    );

    let stats = app.stats();
    assert!(
        stats.iter().all(|stats| stats.busy == 0),
        "nothing runs on: {stats:?}"
    );
    assert_eq!(
        count(&handle(&app, "/fc").await),
        1,
        "the callee's instance was dropped"
    );
    assert_eq!(
        stats
            .iter()
            .find(|stats| &*stats.component == "caller")
            .unwrap()
            .idle,
        1,
        "the caller's was not"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callee_that_loops_is_stopped_with_the_link() {
    let app = pair(
        LinkConfig {
            timeout_ms: 100,
            ..LinkConfig::default()
        },
        pool(),
    );
    let started = Instant::now();
    assert_eq!(code(&handle(&app, "/fl").await), "unavailable");
    // The callee's own deadline is 30 s.
    assert!(started.elapsed() < Duration::from_secs(10));
    assert!(app.stats().iter().all(|stats| stats.busy == 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trap_of_the_callee_is_a_500_or_unavailable() {
    let app = pair(LinkConfig::default(), pool());
    let response = handle(&app, "/ft").await;
    assert_eq!(
        (response.status, code(&response).as_str()),
        (500, "internal")
    );
    assert_eq!(error_case(&handle(&app, "/x").await), UNAVAILABLE);
    assert_eq!(sum(&handle(&app, "/a").await), (OK, 42));
    let caller = app
        .stats()
        .into_iter()
        .find(|stats| &*stats.component == "caller")
        .unwrap();
    assert_eq!(
        (caller.idle, caller.idle_served),
        (1, 3),
        "one and the same caller"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callee_that_keeps_failing_is_left_alone() {
    let mut config = LinkConfig::default();
    config.breaker.min_calls = 3;
    config.breaker.window = 10;
    config.breaker.open_ms = 60_000;
    let app = pair(config, pool());
    for _ in 0..3 {
        assert_eq!(code(&handle(&app, "/ft").await), "internal");
    }
    let response = handle(&app, "/fc").await;
    assert_eq!(
        (response.status, code(&response).as_str()),
        (503, "unavailable")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_link_and_a_full_pool_both_answer_overloaded() {
    let narrow = LinkConfig {
        max_concurrent: 1,
        max_queued: 0,
        ..patient()
    };
    let busy = PoolConfig {
        max_instances: 1,
        max_queued: 0,
        ..pool()
    };
    for app in [pair(narrow, pool()), pair(patient(), busy)] {
        let (one, other) = tokio::join!(handle(&app, "/fn"), handle(&app, "/fn"));
        let (served, refused) = if one.status == 200 {
            (one, other)
        } else {
            (other, one)
        };
        count(&served);
        assert_eq!(
            (refused.status, code(&refused).as_str()),
            (503, "overloaded")
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_callers_deadline_ends_the_callee_as_well() {
    let app = pair(patient(), pool());
    let request = get("/fs");
    let deadline = Some(tokio::time::Instant::now() + Duration::from_millis(80));
    let started = Instant::now();
    let response = app
        .handle(
            "caller",
            &request,
            CallContext {
                deadline,
                ..CallContext::of(&request)
            },
        )
        .await;
    // The link and the callee's own deadline give it 30 s.
    assert!(started.elapsed() < Duration::from_secs(10));
    assert_eq!(code(&response), "unavailable");
    assert!(app.stats().iter().all(|stats| stats.busy == 0));
}

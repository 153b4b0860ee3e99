//! What a guest does wrong harms its own call and no other.

mod support;

use std::time::{Duration, Instant};

use eventhub_bindings::http::Response;
use eventhub_runtime::{App, CallContext, CallError, PoolConfig};
use support::{alone, code, count, get, pool};

async fn handle(app: &App, path: &str) -> Response {
    let request = get(path);
    app.handle("probe", &request, CallContext::of(&request))
        .await
}

async fn fail(app: &App, path: &str) -> CallError {
    let request = get(path);
    app.try_handle("probe", &request, CallContext::of(&request))
        .await
        .unwrap_err()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_is_reused_by_the_next_call() {
    let app = alone(pool());
    for calls in 1..=5 {
        assert_eq!(count(&handle(&app, "/c").await), calls);
    }
    let [stats] = app.stats().try_into().unwrap();
    assert_eq!((stats.idle, stats.busy, stats.idle_served), (1, 0, 5));
    assert_eq!(stats.idle_memory, 128 * 1024);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trap_drops_the_instance_and_the_next_call_is_served() {
    let app = alone(pool());
    assert_eq!(count(&handle(&app, "/c").await), 1);
    let CallError::Trap {
        component,
        reason,
        backtrace,
    } = fail(&app, "/t").await
    else {
        panic!("no trap")
    };
    assert_eq!(&*component, "probe");
    assert!(reason.contains("unreachable"), "{reason}");
    assert!(
        backtrace.contains("boom"),
        "the function is named: {backtrace}"
    );
    assert_eq!(app.stats()[0].idle, 0, "the instance is gone");
    assert_eq!(count(&handle(&app, "/c").await), 1, "another one answers");
    let response = handle(&app, "/t").await;
    assert_eq!(
        (response.status, code(&response).as_str()),
        (500, "internal")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_looping_guest_stops_at_its_deadline_and_blocks_nobody() {
    let app = alone(PoolConfig {
        deadline_ms: 3_000,
        ..pool()
    });
    handle(&app, "/c").await;
    let started = Instant::now();
    let looping = tokio::spawn({
        let app = app.clone();
        async move { fail(&app, "/l").await }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut waits = Vec::new();
    for _ in 0..20 {
        let asked = Instant::now();
        count(&handle(&app, "/c").await);
        waits.push(asked.elapsed());
    }
    assert!(!looping.is_finished(), "the others were served in between");
    // Not the longest: the machine may have stalled.
    waits.sort();
    assert!(waits[10] < Duration::from_millis(100), "{waits:?}");
    let error = tokio::time::timeout(Duration::from_secs(30), looping)
        .await
        .unwrap()
        .unwrap();
    assert!(matches!(error, CallError::Deadline { .. }), "{error}");
    assert!(
        started.elapsed() >= Duration::from_millis(2_990),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_waiting_guest_stops_at_its_deadline_too() {
    let app = alone(PoolConfig {
        deadline_ms: 2_000,
        ..pool()
    });
    assert!(matches!(fail(&app, "/s").await, CallError::Deadline { .. }));
    let response = handle(&app, "/s").await;
    assert_eq!(
        (response.status, code(&response).as_str()),
        (503, "unavailable")
    );
    assert_eq!(response.header("retry-after"), Some("1"));
    assert_eq!(count(&handle(&app, "/c").await), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_stops_at_its_memory_limit_while_others_are_served() {
    let app = alone(pool());
    let (error, other) = tokio::join!(fail(&app, "/g"), handle(&app, "/c"));
    assert!(matches!(&error, CallError::Memory { .. }), "{error}");
    assert!(error.to_string().contains("8388608"), "{error}");
    count(&other);
    count(&handle(&app, "/c").await);
    assert!(
        app.stats()[0].idle_memory < 1024 * 1024,
        "no grown instance is kept"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_beyond_the_limit_queue_and_beyond_that_are_refused() {
    let app = alone(PoolConfig {
        max_instances: 2,
        max_queued: 1,
        ..pool()
    });
    app.warm().await.unwrap();
    let calls: Vec<_> = (0..4)
        .map(|_| {
            let app = app.clone();
            tokio::spawn(async move { handle(&app, "/n").await })
        })
        .collect();
    let mut refused = 0;
    for call in calls {
        let response = call.await.unwrap();
        if response.status == 503 {
            assert_eq!(code(&response), "overloaded");
            refused += 1;
        } else {
            count(&response);
        }
    }
    assert_eq!(refused, 1);
    assert_eq!(app.stats()[0].idle, 2, "no more instances than allowed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_of_a_dropped_call_is_never_used_again() {
    let app = alone(PoolConfig {
        max_instances: 1,
        ..pool()
    });
    assert_eq!(count(&handle(&app, "/c").await), 1);
    let gone = tokio::time::timeout(Duration::from_millis(30), handle(&app, "/n")).await;
    assert!(gone.is_err());
    let stats = app.stats().remove(0);
    assert_eq!(
        (stats.idle, stats.busy),
        (0, 0),
        "its permit is free, its instance gone"
    );
    assert_eq!(count(&handle(&app, "/c").await), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_is_replaced_after_its_number_of_calls() {
    let app = alone(PoolConfig {
        recycle_after: 3,
        ..pool()
    });
    let mut counts = Vec::new();
    for _ in 0..7 {
        counts.push(count(&handle(&app, "/c").await));
    }
    assert_eq!(counts, [1, 2, 3, 1, 2, 3, 1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_has_grown_is_replaced() {
    let app = alone(PoolConfig {
        recycle_memory_mb: 0,
        ..pool()
    });
    assert_eq!(count(&handle(&app, "/c").await), 1);
    assert_eq!(count(&handle(&app, "/c").await), 1);
}

#[tokio::test]
async fn calls_of_missing_exports_are_answered_without_a_panic() {
    let app = alone(pool());
    let request = get("/c");
    let response = app
        .handle("nobody", &request, CallContext::of(&request))
        .await;
    assert_eq!(code(&response), "internal");
    let error = app
        .events("probe", &[], CallContext::of(&request))
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            CallError::NotExported {
                export: "events",
                ..
            }
        ),
        "{error}"
    );
}

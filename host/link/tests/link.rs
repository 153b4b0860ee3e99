//! A link under load, with a slow callee and with a failing one; time is tokio's paused clock.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use eventhub_link::{BreakerConfig, Link, LinkConfig, LinkError};
use tokio::time::{Instant, advance, sleep};

fn config() -> LinkConfig {
    LinkConfig {
        timeout_ms: 100,
        max_concurrent: 2,
        max_queued: 1,
        breaker: BreakerConfig {
            failure_rate: 0.5,
            window: 10,
            min_calls: 4,
            open_ms: 1_000,
            half_open_probes: 1,
        },
    }
}

async fn answer(link: &Link, after_ms: u64) -> Result<Result<u32, Infallible>, LinkError> {
    let call = async {
        sleep(Duration::from_millis(after_ms)).await;
        Ok(7)
    };
    link.call(|_| false, call).await
}

async fn ask(
    link: &Link,
    result: Result<u32, &'static str>,
) -> Result<Result<u32, &'static str>, LinkError> {
    link.call(Result::is_err, async { result }).await
}

#[tokio::test(start_paused = true)]
async fn a_hanging_call_is_dropped_at_the_timeout() {
    let link = Link::new("booking", "payment", config());
    let alive = Arc::new(());
    let held = alive.clone();
    let started = Instant::now();
    let hang = async move {
        std::future::pending::<()>().await;
        drop(held);
        Ok::<_, Infallible>(())
    };
    let error = link.call(|_| false, hang).await.unwrap_err();
    assert_eq!(started.elapsed(), Duration::from_millis(100));
    assert_eq!(
        error.to_string(),
        "payment did not answer booking within 100 ms"
    );
    assert!(error.may_have_happened());
    assert_eq!(Arc::strong_count(&alive), 1, "the call is gone");
}

#[tokio::test(start_paused = true)]
async fn calls_beyond_the_limit_queue_and_beyond_that_are_refused() {
    let link = Link::new("booking", "payment", config());
    let peak = Arc::new(AtomicUsize::new(0));
    let now = Arc::new(AtomicUsize::new(0));
    let mut calls = Vec::new();
    for _ in 0..4 {
        let (link, peak, now) = (link.clone(), peak.clone(), now.clone());
        calls.push(tokio::spawn(async move {
            let call = async {
                peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                sleep(Duration::from_millis(40)).await;
                now.fetch_sub(1, Ordering::SeqCst);
                Ok::<_, Infallible>(Instant::now())
            };
            link.call(|_| false, call).await
        }));
    }
    let started = Instant::now();
    let mut done = Vec::new();
    let mut refused = 0;
    for call in calls {
        match call.await.unwrap() {
            Ok(Ok(at)) => done.push((at - started).as_millis()),
            Err(LinkError::Overloaded { .. }) => refused += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(peak.load(Ordering::SeqCst), 2);
    assert_eq!(refused, 1);
    assert_eq!(
        done.iter().filter(|at| **at < 60).count(),
        2,
        "two at once: {done:?}"
    );
    assert_eq!(
        done.iter().filter(|at| **at >= 80).count(),
        1,
        "one queued: {done:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn queueing_counts_as_time_but_not_against_the_callee() {
    let link = Link::new(
        "a",
        "b",
        LinkConfig {
            max_concurrent: 1,
            ..config()
        },
    );
    for _ in 0..6 {
        let started = Instant::now();
        let (first, second) = tokio::join!(answer(&link, 99), async {
            link.call(|_| false, async {
                sleep(Duration::from_millis(99)).await;
                Ok::<_, Infallible>(())
            })
            .await
        });
        assert_eq!(first, Ok(Ok(7)));
        assert!(second.is_err());
        assert!(started.elapsed() <= Duration::from_millis(101));
    }
}

#[tokio::test(start_paused = true)]
async fn a_failing_callee_is_spared_and_called_again_later() {
    let link = Link::new("event", "eventhub:postgres", config());
    for _ in 0..4 {
        assert_eq!(
            ask(&link, Err("connection refused")).await,
            Ok(Err("connection refused"))
        );
    }
    let error = ask(&link, Ok(1)).await.unwrap_err();
    let LinkError::Open { retry_after, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(*retry_after, Duration::from_millis(1_000));
    assert!(
        error
            .to_string()
            .contains("event does not call eventhub:postgres"),
        "{error}"
    );

    advance(Duration::from_millis(1_000)).await;
    assert_eq!(
        ask(&link, Err("still down")).await,
        Ok(Err("still down")),
        "the probe goes through"
    );
    assert!(
        ask(&link, Ok(1)).await.is_err(),
        "and its failure opens the breaker again"
    );

    advance(Duration::from_millis(1_000)).await;
    assert_eq!(ask(&link, Ok(1)).await, Ok(Ok(1)));
    assert_eq!(ask(&link, Ok(2)).await, Ok(Ok(2)), "closed for good");
}

#[tokio::test(start_paused = true)]
async fn business_refusals_never_open_the_breaker() {
    let link = Link::new("a", "b", config());
    for _ in 0..50 {
        let refused = link
            .call(|_| false, async { Err::<(), _>("seat taken") })
            .await;
        assert_eq!(refused, Ok(Err("seat taken")));
    }
}

#[tokio::test(start_paused = true)]
async fn timeouts_open_the_breaker() {
    let link = Link::new("a", "b", config());
    for _ in 0..4 {
        assert!(matches!(
            answer(&link, 500).await,
            Err(LinkError::Timeout { .. })
        ));
    }
    assert!(matches!(
        answer(&link, 0).await,
        Err(LinkError::Open { .. })
    ));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_gives_its_permit_and_its_probe_back() {
    let link = Link::new(
        "a",
        "b",
        LinkConfig {
            max_concurrent: 1,
            max_queued: 0,
            ..config()
        },
    );
    for _ in 0..4 {
        let _ = ask(&link, Err("down")).await;
    }
    advance(Duration::from_millis(1_000)).await;
    let gone = tokio::time::timeout(Duration::from_millis(10), answer(&link, 90)).await;
    assert!(
        gone.is_err(),
        "the caller left while its probe was under way"
    );
    assert_eq!(answer(&link, 1).await, Ok(Ok(7)));
}

//! What a consumer group promises, on a real broker: order per key, no message lost, no key held up
//! by another.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use eventhub_kafka::{Consumer, ConsumerConfig, Delivery, Handler, HandlerError, Outcome};
use support::{Recorder, client, consumer, message, topic, unique};

#[tokio::test(flavor = "multi_thread")]
async fn order_per_key_holds_over_retries_and_partitions() {
    let client = client();
    let topic = topic(&client, "order", 12).await;
    let messages: Vec<_> = (0..6_000)
        .map(|n| message(&topic, &format!("k{}", n % 300), n))
        .collect();
    client.publish(&messages).await.unwrap();

    let group = unique("g");
    // Every seventh message fails once.
    let recorder = Recorder::new(|seen| {
        let number: u32 = seen.value.parse().unwrap();
        if number.is_multiple_of(7) && seen.attempt == 1 {
            Outcome::Retry("once".into())
        } else {
            Outcome::Done
        }
    });
    let consumer = Consumer::start(&client, consumer(&group, &topic), recorder.clone()).unwrap();
    recorder.wait_for("all", |r| r.done().len() >= 6_000).await;
    consumer.stop().await;
    let keys = recorder.done_by_key();
    assert_eq!(keys.len(), 300);
    for (key, values) in keys {
        let numbers: Vec<u32> = values.iter().map(|v| v.parse().unwrap()).collect();
        assert_eq!(numbers.len(), 20, "{key} came more than once or not at all");
        assert!(numbers.is_sorted(), "{key} is out of order: {numbers:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_key_holds_up_no_other_key_of_its_partition() {
    let client = client();
    let topic = topic(&client, "held", 1).await;
    let mut messages = vec![message(&topic, "bad", 0), message(&topic, "bad", 1)];
    messages.extend((0..500).map(|n| message(&topic, &format!("good{n}"), n)));
    client.publish(&messages).await.unwrap();

    let recorder = Recorder::new(|seen| {
        let fails = seen.key == "bad" && seen.value == "0" && seen.attempt < 3;
        if fails {
            Outcome::Retry("not yet".into())
        } else {
            Outcome::Done
        }
    });
    let config = ConsumerConfig {
        backoff_ms: vec![1_000],
        ..consumer(&unique("g"), &topic)
    };
    let consumer = Consumer::start(&client, config, recorder.clone()).unwrap();
    recorder.wait_for("all", |r| r.done().len() >= 502).await;
    consumer.stop().await;

    let done = recorder.done();
    let position = |key: &str, value: &str| {
        done.iter()
            .position(|s| s.key == key && s.value == value)
            .unwrap()
    };
    assert_eq!(
        (position("bad", "0"), position("bad", "1")),
        (500, 501),
        "others go first, the same key keeps its order"
    );
    let bad = &done[500];
    assert_eq!(bad.attempt, 3);
    assert!(
        bad.at - done[499].at > Duration::from_millis(900),
        "the others did not wait for the back-off"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_waits_without_limit_for_a_missing_dependency() {
    let client = client();
    let topic = topic(&client, "away", 1).await;
    client
        .publish(&[
            message(&topic, "a", "needy"),
            message(&topic, "a", "next"),
            message(&topic, "b", "other"),
        ])
        .await
        .unwrap();
    // More often than there are attempts.
    let away = AtomicU32::new(7);
    let recorder = Recorder::new(move |seen| {
        let is_away = seen.value == "needy"
            && away
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                    left.checked_sub(1)
                })
                .is_ok();
        if is_away {
            Outcome::Unavailable("the database is away".into())
        } else {
            Outcome::Done
        }
    });
    let alive = Consumer::start(&client, consumer(&unique("g"), &topic), recorder.clone()).unwrap();
    recorder
        .wait_for("all three", |r| r.done().len() == 3)
        .await;
    alive.stop().await;
    let done: Vec<_> = recorder
        .done()
        .into_iter()
        .map(|seen| (seen.value, seen.attempt))
        .collect();
    assert_eq!(
        done,
        [
            ("other".into(), 1),
            ("needy".into(), 1),
            ("next".to_string(), 1)
        ]
    );
    assert_eq!(recorder.all().len(), 10, "seven times it was away");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unhandled_message_is_dead_lettered_with_its_history() {
    let client = client();
    let topic = topic(&client, "dead", 3).await;
    let messages = [
        message(&topic, "a", "poison"),
        message(&topic, "a", "fine"),
        message(&topic, "b", "stubborn"),
    ];
    client.publish(&messages).await.unwrap();

    let group = unique("g");
    let recorder = Recorder::new(|seen| match seen.value.as_str() {
        "poison" => Outcome::DeadLetter("unknown schema".into()),
        "stubborn" => Outcome::Retry("no seat".into()),
        _ => Outcome::Done,
    });
    let alive = Consumer::start(&client, consumer(&group, &topic), recorder.clone()).unwrap();
    let dead = Recorder::new(|_| Outcome::Done);
    let graveyard = Consumer::start(
        &client,
        consumer(&unique("g"), &format!("{topic}.dlq")),
        dead.clone(),
    )
    .unwrap();
    dead.wait_for("both dead letters", |r| r.done().len() >= 2)
        .await;
    recorder
        .wait_for("the one that is fine", |r| r.done().len() == 1)
        .await;
    alive.stop().await;
    graveyard.stop().await;

    let buried = dead.done();
    let find = |value: &str| buried.iter().find(|seen| seen.value == value).unwrap();
    let header = |value: &str, name: &str| {
        let found = find(value).message.headers.iter().find(|(n, _)| n == name);
        found.map(|(_, v)| v.clone()).unwrap_or_default()
    };
    assert_eq!(header("poison", "dlq-cause"), "unknown schema");
    assert_eq!(header("poison", "dlq-attempts"), "1");
    assert_eq!(header("poison", "id"), "a-poison", "its own headers stay");
    assert_eq!(find("poison").key, "a");
    assert_eq!(
        header("stubborn", "dlq-cause"),
        "given up after 3 attempts: no seat"
    );
    assert_eq!(header("stubborn", "dlq-attempts"), "3");
    assert_eq!(
        (
            header("stubborn", "dlq-topic"),
            header("stubborn", "dlq-group")
        ),
        (topic.clone(), group)
    );
    assert!(header("stubborn", "dlq-partition").parse::<i32>().is_ok());
    assert!(header("stubborn", "dlq-offset").parse::<i64>().is_ok());
}

/// Crashes on one message, and is away for a while at first.
struct Shaky {
    away: AtomicU32,
    done: Arc<Recorder>,
}

impl Handler for Shaky {
    async fn handle(&self, batch: Arc<Vec<Delivery>>) -> Result<Vec<Outcome>, HandlerError> {
        if self
            .away
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            })
            .is_ok()
        {
            return Err(HandlerError::Unavailable("starting".into()));
        }
        assert!(
            batch.iter().all(|delivery| delivery.message.value != b"17"),
            "a trap, as far as the worker can tell"
        );
        self.done.handle(batch).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_handler_costs_no_attempts_and_a_crash_one_message() {
    let client = client();
    let topic = topic(&client, "shaky", 1).await;
    client
        .publish(
            &(0..40)
                .map(|n| message(&topic, &format!("k{n}"), n))
                .collect::<Vec<_>>(),
        )
        .await
        .unwrap();

    let recorder = Recorder::new(|_| Outcome::Done);
    let shaky = Arc::new(Shaky {
        away: AtomicU32::new(5),
        done: recorder.clone(),
    });
    let alive = Consumer::start(&client, consumer(&unique("g"), &topic), shaky).unwrap();
    let dead = Recorder::new(|_| Outcome::Done);
    let graveyard = Consumer::start(
        &client,
        consumer(&unique("g"), &format!("{topic}.dlq")),
        dead.clone(),
    )
    .unwrap();
    recorder
        .wait_for("the others", |r| r.done().len() >= 39)
        .await;
    dead.wait_for("the culprit", |r| !r.done().is_empty()).await;
    alive.stop().await;
    graveyard.stop().await;
    assert!(
        recorder.done().iter().all(|seen| seen.attempt == 1),
        "being away counted as an attempt"
    );
    let buried: Vec<String> = dead.done().into_iter().map(|seen| seen.value).collect();
    assert_eq!(buried, ["17"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rebalancing_loses_and_repeats_no_message() {
    let client = client();
    let topic = topic(&client, "share", 12).await;
    let group = unique("g");
    let (first, second) = (
        Recorder::slow(Duration::from_millis(5)),
        Recorder::slow(Duration::from_millis(5)),
    );
    let small = || ConsumerConfig {
        max_batch: 20,
        ..consumer(&group, &topic)
    };
    let one = Consumer::start(&client, small(), first.clone()).unwrap();

    let (publisher, stop) = (client.clone(), Arc::new(AtomicBool::new(false)));
    let (stopped, name) = (stop.clone(), topic.clone());
    let publishing = tokio::spawn(async move {
        let mut number = 0;
        while !stopped.load(Ordering::Relaxed) {
            let batch: Vec<_> = (number..number + 100)
                .map(|n| message(&name, &format!("k{}", n % 97), n))
                .collect();
            publisher.publish(&batch).await.unwrap();
            number += 100;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        number
    });
    first.wait_for("some", |r| r.done().len() > 500).await;
    let two = Consumer::start(&client, small(), second.clone()).unwrap();
    second.wait_for("its share", |r| r.done().len() > 500).await;
    one.stop().await;
    let had = first.done().len();
    let so_far = second.done().len();
    second
        .wait_for("more", |r| r.done().len() > so_far + 500)
        .await;
    stop.store(true, Ordering::Relaxed);
    let published: usize = publishing.await.unwrap();
    let total = |first: &Recorder, second: &Recorder| first.done().len() + second.done().len();
    second
        .wait_for("all", |r| total(&first, r) >= published)
        .await;
    two.stop().await;

    assert_eq!(first.done().len(), had, "a member that left went on");
    let all: BTreeSet<String> = first
        .done()
        .into_iter()
        .chain(second.done())
        .map(|seen| seen.value)
        .collect();
    assert_eq!(all.len(), published, "messages were lost");
    assert_eq!(
        total(&first, &second),
        published,
        "a rebalance in good order repeats nothing"
    );
}

/// Not a test by itself: the process that [`a_member_that_is_killed_loses_nothing`] kills.
#[tokio::test(flavor = "multi_thread")]
async fn victim() {
    let Ok(topic) = std::env::var("VICTIM_TOPIC") else {
        return;
    };
    let (brokers, group) = (
        std::env::var("VICTIM_BROKERS").unwrap(),
        std::env::var("VICTIM_GROUP").unwrap(),
    );
    struct Printer;
    impl Handler for Printer {
        async fn handle(&self, batch: Arc<Vec<Delivery>>) -> Result<Vec<Outcome>, HandlerError> {
            for delivery in batch.iter() {
                println!("DONE {}", String::from_utf8_lossy(&delivery.message.value));
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            Ok(vec![Outcome::Done; batch.len()])
        }
    }
    let config = ConsumerConfig {
        max_batch: 10,
        session_timeout_ms: 6_000,
        ..consumer(&group, &topic)
    };
    let _consumer =
        Consumer::start(&support::client_of(brokers), config, Arc::new(Printer)).unwrap();
    tokio::time::sleep(Duration::from_secs(120)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_is_killed_loses_nothing() {
    use std::io::{BufRead, BufReader};
    let client = client();
    let (topic, group) = (topic(&client, "killed", 12).await, unique("g"));
    client
        .publish(
            &(0..3_000)
                .map(|n| message(&topic, &format!("k{}", n % 211), n))
                .collect::<Vec<_>>(),
        )
        .await
        .unwrap();

    let mut victim = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "victim", "--nocapture"])
        .envs([
            ("VICTIM_TOPIC", &topic),
            ("VICTIM_GROUP", &group),
            ("VICTIM_BROKERS", &support::broker().brokers()),
        ])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    let handled: BTreeSet<String> = lines
        .map_while(Result::ok)
        .filter_map(|line| Some(line.split_once("DONE ")?.1.to_owned()))
        .take(800)
        .collect();
    victim.kill().unwrap();
    victim.wait().unwrap();
    assert!(handled.len() >= 700, "the victim did not get to work");

    let recorder = Recorder::new(|_| Outcome::Done);
    let started = Instant::now();
    let heir = Consumer::start(&client, consumer(&group, &topic), recorder.clone()).unwrap();
    recorder
        .wait_for("the rest", |r| {
            let mut all = handled.clone();
            all.extend(r.done().into_iter().map(|seen| seen.value));
            all.len() == 3_000
        })
        .await;
    assert!(started.elapsed() < Duration::from_secs(30));
    heir.stop().await;
    assert!(
        recorder.done().len() < 3_000,
        "what the victim had committed did not come again"
    );
}

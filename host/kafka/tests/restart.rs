//! A broker that dies in the middle: what was acknowledged is consumed, and both sides go on by
//! themselves.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use eventhub_kafka::{Consumer, ConsumerConfig, Outcome};
use eventhub_testing::Kafka;
use support::{Recorder, client_of, consumer, message, topic, unique};

#[tokio::test(flavor = "multi_thread")]
async fn acknowledged_messages_survive_a_broker_crash() {
    let mut kafka = Kafka::start().unwrap();
    let client = client_of(kafka.brokers());
    let topic = topic(&client, "restart", 12).await;
    let recorder = Recorder::new(|_| Outcome::Done);
    let consumer =
        Consumer::start(&client, consumer(&unique("g"), &topic), recorder.clone()).unwrap();

    let (publisher, name) = (client.clone(), topic.clone());
    let publishing = tokio::spawn(async move {
        let mut acknowledged = BTreeSet::new();
        for round in 0..150 {
            let batch: Vec<_> = (0..20)
                .map(|n| message(&name, &format!("k{n}"), round * 20 + n))
                .collect();
            while publisher.publish(&batch).await.is_err() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            acknowledged.extend(
                batch
                    .into_iter()
                    .map(|m| String::from_utf8(m.value).unwrap()),
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        acknowledged
    });
    recorder
        .wait_for("the first", |r| r.done().len() > 200)
        .await;
    let mut kafka = tokio::task::spawn_blocking(move || {
        kafka.stop().unwrap();
        std::thread::sleep(Duration::from_secs(2));
        kafka.start_again().unwrap();
        kafka
    })
    .await
    .unwrap();
    let acknowledged = publishing.await.unwrap();
    recorder
        .wait_for("all that was acknowledged", |r| {
            let seen: BTreeSet<String> = r.done().into_iter().map(|s| s.value).collect();
            seen.is_superset(&acknowledged)
        })
        .await;
    client.ready().await.unwrap();
    consumer.stop().await;
    kafka.stop().unwrap();
    assert!(client.ready().await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_stops_in_its_time_while_the_broker_is_away() {
    let mut kafka = Kafka::start().unwrap();
    let client = client_of(kafka.brokers());
    let topic = topic(&client, "away", 1).await;
    let recorder = Recorder::new(|_| Outcome::Done);
    let config = ConsumerConfig {
        drain_ms: 1_000,
        ..consumer(&unique("g"), &topic)
    };
    let consumer = Consumer::start(&client, config, recorder.clone()).unwrap();
    client.publish(&[message(&topic, "k", 1)]).await.unwrap();
    // From now on it has an offset to commit before it leaves.
    recorder
        .wait_for("the message", |r| !r.done().is_empty())
        .await;
    tokio::task::spawn_blocking(move || kafka.stop().unwrap())
        .await
        .unwrap();
    tokio::time::timeout(Duration::from_secs(5), consumer.stop())
        .await
        .expect("it waits for a broker that is away");
}

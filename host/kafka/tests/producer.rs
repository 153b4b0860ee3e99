//! What `publish` promises, on a real broker.

#![allow(clippy::unwrap_used)]

mod support;

use eventhub_kafka::{Consumer, Outcome, Undelivered};
use support::{Recorder, client, client_of, consumer, message, topic, unique};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_published_is_there_with_key_headers_and_value() {
    let client = client();
    client.ready().await.unwrap();
    let topic = topic(&client, "whole", 3).await;
    let mut sent = message(&topic, "bkg_1", "täxt");
    sent.headers.push(("traceparent".into(), "00-ab".into()));
    client.publish(std::slice::from_ref(&sent)).await.unwrap();

    let recorder = Recorder::new(|_| Outcome::Done);
    let consumer =
        Consumer::start(&client, consumer(&unique("g"), &topic), recorder.clone()).unwrap();
    recorder
        .wait_for("the message", |r| !r.all().is_empty())
        .await;
    assert_eq!(recorder.all()[0].0.message, sent);
    consumer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_message_is_the_callers_fault_and_not_retried() {
    let client = client();
    let unknown = client
        .publish(&[message(&unique("nowhere"), "k", "v")])
        .await;
    assert!(
        matches!(&unknown, Err(Undelivered::Topic(why)) if why.contains("no topic")),
        "{unknown:?}"
    );
    let topic = topic(&client, "large", 1).await;
    let large = client
        .publish(&[message(&topic, "k", "x".repeat(2_000_000))])
        .await;
    assert!(
        matches!(&large, Err(Undelivered::Message(why)) if why.contains("too large")),
        "{large:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_broker_it_is_unavailable_within_the_timeout() {
    let port = eventhub_testing::free_port().unwrap();
    let config = eventhub_kafka::Config {
        brokers: format!("127.0.0.1:{port}"),
        delivery_timeout_ms: 1_000,
        ..eventhub_kafka::Config::default()
    };
    let client = eventhub_kafka::Client::new(config).unwrap();
    assert!(client.ready().await.is_err());
    let result = client.publish(&[message("t", "k", "v")]).await;
    assert!(
        matches!(result, Err(Undelivered::Unavailable(_))),
        "{result:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn more_messages_than_the_queue_holds_wait_instead_of_failing() {
    let config = eventhub_kafka::Config {
        max_queued: 100,
        brokers: support::broker().brokers(),
        ..eventhub_kafka::Config::default()
    };
    let small = eventhub_kafka::Client::new(config).unwrap();
    let client = client_of(support::broker().brokers());
    let topic = topic(&client, "many", 12).await;
    let messages: Vec<_> = (0..5_000)
        .map(|n| message(&topic, &format!("k{}", n % 50), n))
        .collect();
    small.publish(&messages).await.unwrap();

    let recorder = Recorder::new(|_| Outcome::Done);
    let consumer =
        Consumer::start(&client, consumer(&unique("g"), &topic), recorder.clone()).unwrap();
    recorder.wait_for("all", |r| r.done().len() >= 5_000).await;
    consumer.stop().await;
    for (key, values) in recorder.done_by_key() {
        let numbers: Vec<u32> = values.iter().map(|v| v.parse().unwrap()).collect();
        assert!(numbers.is_sorted(), "{key} is out of order");
        assert_eq!(numbers.len(), 100);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_may_be_ensured_again_and_by_several_at_once() {
    let client = client();
    let name = unique("again");
    let both = tokio::join!(
        client.ensure_topics([(name.as_str(), 0)]),
        client.ensure_topics([(name.as_str(), 0)])
    );
    both.0.unwrap();
    both.1.unwrap();
    assert!(client.ensure_topics([("no such name!", 1)]).await.is_err());
}

//! Kafka: 200 bytes through the host's idempotent producer, acknowledged by all in-sync replicas;
//! and consumed by the host's consumer group through a component's `events` export.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use eventhub_kafka::{Client, Config, Message};
use eventhub_tests::Served;

use crate::report::{Better, Figure};
use crate::setting::{Setting, serve};

const MESSAGES: usize = 1_000_000;
const BATCH: usize = 1_000;
const PUBLISHERS: usize = 16;
const PARTITIONS: i32 = 12;

pub async fn produce(setting: &mut Setting) -> Result<Figure> {
    let client = client(&setting.environment()?.state.kafka)?;
    let seconds = fill(&client, "bench.produce").await?.as_secs_f64();
    let note = format!(
        "{MESSAGES} messages of 200 bytes with key and two headers, acks=all, idempotent, lz4, linger 5 ms, {PARTITIONS} partitions, one broker"
    );
    Ok(Figure::new(
        "kafka_produce",
        MESSAGES as f64 / seconds,
        "/s",
        Better::Higher,
    )
    .note(note))
}

/// A backlog is consumed by a host that has just started; the time is from its first messages to
/// its last.
pub async fn handle(setting: &mut Setting) -> Result<Figure> {
    let brokers = setting.environment()?.state.kafka.clone();
    let client = client(&brokers)?;
    fill(&client, "bench.handle").await?;
    client
        .ensure_topics([("bench.handle.dlq", PARTITIONS)])
        .await?;
    let served = serve(
        "kafka",
        &[
            ("EVENTHUB_KAFKA_BROKERS", brokers),
            ("EVENTHUB_KAFKA_CONSUMER_MAX_BATCH", "500".into()),
        ],
    )?;
    let mut first = None;
    let started = Instant::now();
    loop {
        let (now, done) = (Instant::now(), handled(&served)?);
        if done > 0 && first.is_none() {
            first = Some((now, done));
        }
        if let Some((begin, already)) = first
            && done >= MESSAGES
        {
            let rate = (done - already) as f64 / now.duration_since(begin).as_secs_f64();
            let note = format!(
                "{MESSAGES} messages of 200 bytes, {PARTITIONS} partitions, batches of at most 500 handed to the component; offsets committed after it"
            );
            return Ok(Figure::new("kafka_handle", rate, "/s", Better::Higher).note(note));
        }
        ensure!(
            started.elapsed() < Duration::from_secs(120),
            "{done} messages were handled in two minutes"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn handled(served: &Served) -> Result<usize> {
    let (_, metrics) = served.operators("/metrics")?;
    let lines = metrics.lines().filter(|line| {
        line.starts_with("eventhub_kafka_consumed_total") && line.contains("outcome=\"done\"")
    });
    Ok(lines
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum::<f64>() as usize)
}

fn client(brokers: &str) -> Result<Client> {
    Ok(Client::new(Config {
        brokers: brokers.into(),
        delivery_timeout_ms: 60_000,
        ..Config::default()
    })?)
}

/// Publishes all messages; how long it took.
async fn fill(client: &Client, topic: &'static str) -> Result<Duration> {
    client.ensure_topics([(topic, PARTITIONS)]).await?;
    // The first message of a producer waits for its id.
    client.publish(&batch(topic, 0)[..1]).await?;
    let next = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    let publishers = (0..PUBLISHERS).map(|_| {
        let (client, next) = (client.clone(), next.clone());
        tokio::spawn(async move {
            loop {
                let from = next.fetch_add(BATCH, Ordering::Relaxed);
                if from >= MESSAGES {
                    return Ok(());
                }
                client.publish(&batch(topic, from)).await?;
            }
        })
    });
    for publisher in futures::future::join_all(publishers).await {
        publisher?.map_err(|error: eventhub_kafka::PublishError| anyhow::anyhow!("{error:?}"))?;
    }
    Ok(started.elapsed())
}

fn batch(topic: &str, from: usize) -> Vec<Message> {
    let one = |number: usize| Message {
        topic: topic.into(),
        key: Some(format!("bkg_{number}").into_bytes()),
        headers: vec![
            ("id".into(), format!("{number:036}")),
            ("eventType".into(), "BookingCreated".into()),
        ],
        // Not the same byte again and again, which would be compressed away.
        value: (0..200_u32)
            .map(|byte| b'a' + ((byte * 31 + number as u32 * 17) % 26) as u8)
            .collect(),
    };
    (from..from + BATCH).map(one).collect()
}

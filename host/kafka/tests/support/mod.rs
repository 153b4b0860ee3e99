//! What the tests share: one broker, topics of their own, and a handler that records what it is
//! given.

#![allow(dead_code, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use eventhub_kafka::{
    Client, Config, ConsumerConfig, Delivery, Handler, HandlerError, Message, Outcome,
};
use eventhub_testing::Kafka;
use parking_lot::Mutex;

pub fn broker() -> &'static Kafka {
    static BROKER: OnceLock<Kafka> = OnceLock::new();
    BROKER.get_or_init(|| Kafka::start().unwrap())
}

pub fn client_of(brokers: String) -> Client {
    Client::new(Config {
        brokers,
        ..Config::default()
    })
    .unwrap()
}

pub fn client() -> Client {
    client_of(broker().brokers())
}

/// A name that no other test has.
pub fn unique(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!(
        "{prefix}-{}-{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}

pub async fn topic(client: &Client, prefix: &str, partitions: i32) -> String {
    let name = unique(prefix);
    let dead = format!("{name}.dlq");
    client
        .ensure_topics([(name.as_str(), partitions), (dead.as_str(), 1)])
        .await
        .unwrap();
    name
}

/// A quick one: short back-off, early commits.
pub fn consumer(group: &str, topic: &str) -> ConsumerConfig {
    ConsumerConfig {
        max_attempts: 3,
        backoff_ms: vec![100, 200],
        commit_interval_ms: 50,
        ..ConsumerConfig::new(group, [topic])
    }
}

pub fn message(topic: &str, key: &str, value: impl ToString) -> Message {
    let headers = vec![("id".into(), format!("{key}-{}", value.to_string()))];
    Message {
        topic: topic.into(),
        key: Some(key.into()),
        headers,
        value: value.to_string().into_bytes(),
    }
}

#[derive(Debug, Clone)]
pub struct Seen {
    pub key: String,
    pub value: String,
    pub attempt: u32,
    pub at: Instant,
    pub message: Message,
}

type Decide = dyn Fn(&Seen) -> Outcome + Send + Sync;

/// Records every delivery with its outcome.
pub struct Recorder {
    seen: Mutex<Vec<(Seen, Outcome)>>,
    decide: Box<Decide>,
    pause: Duration,
}

impl Recorder {
    pub fn new(decide: impl Fn(&Seen) -> Outcome + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            seen: Mutex::default(),
            decide: Box::new(decide),
            pause: Duration::ZERO,
        })
    }

    pub fn slow(pause: Duration) -> Arc<Self> {
        Arc::new(Self {
            seen: Mutex::default(),
            decide: Box::new(|_| Outcome::Done),
            pause,
        })
    }

    pub fn all(&self) -> Vec<(Seen, Outcome)> {
        self.seen.lock().clone()
    }

    pub fn done(&self) -> Vec<Seen> {
        self.all()
            .into_iter()
            .filter(|(_, outcome)| *outcome == Outcome::Done)
            .map(|(seen, _)| seen)
            .collect()
    }

    /// The values done, per key, in the order they were done.
    pub fn done_by_key(&self) -> BTreeMap<String, Vec<String>> {
        let mut keys = BTreeMap::<String, Vec<String>>::new();
        for seen in self.done() {
            keys.entry(seen.key).or_default().push(seen.value);
        }
        keys
    }

    pub async fn wait_for(&self, what: &str, is_there: impl Fn(&Self) -> bool) {
        let end = Instant::now() + Duration::from_secs(60);
        while !is_there(self) {
            assert!(
                Instant::now() < end,
                "waited in vain for {what}; {} were seen",
                self.seen.lock().len()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

impl Handler for Recorder {
    async fn handle(&self, batch: Arc<Vec<Delivery>>) -> Result<Vec<Outcome>, HandlerError> {
        if !self.pause.is_zero() {
            tokio::time::sleep(self.pause).await;
        }
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let outcomes = batch.iter().map(|delivery| {
            let seen = Seen {
                key: delivery
                    .message
                    .key
                    .as_deref()
                    .map(text)
                    .unwrap_or_default(),
                value: text(&delivery.message.value),
                attempt: delivery.attempt,
                at: Instant::now(),
                message: delivery.message.clone(),
            };
            let outcome = (self.decide)(&seen);
            self.seen.lock().push((seen, outcome.clone()));
            outcome
        });
        Ok(outcomes.collect())
    }
}

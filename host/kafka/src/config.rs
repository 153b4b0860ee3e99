//! How Kafka is reached, and how a service's events are consumed.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use serde::{Deserialize, Serialize};

use crate::Error;

/// The connection and the producer, one for the whole process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where to find the first brokers: `host:port`, several with commas.
    pub brokers: String,
    /// How long the producer gathers messages before it sends them. Milliseconds; 0 for the lowest
    /// latency of one message.
    pub linger_ms: u64,
    /// `lz4`, `gzip` or `none`.
    pub compression: String,
    /// A message without an acknowledgement after this time counts as not published. Milliseconds;
    /// 0 is no limit.
    pub delivery_timeout_ms: u64,
    /// The largest accepted message, in bytes; the broker's own `message.max.bytes` has to allow
    /// it.
    pub max_message_bytes: u32,
    /// How many messages may await their acknowledgement; above that, publishers wait.
    pub max_queued: u32,
    /// Partitions of a topic whose creator does not give a number.
    pub partitions: i32,
    /// Copies of each partition of a created topic; -1 leaves it to the broker.
    pub replication: i32,
    /// Further librdkafka properties, for TLS and SASL: `security.protocol`, `sasl.username`, …
    pub properties: BTreeMap<String, String>,
    /// The settings shared by all subscriptions.
    pub consumer: ConsumerConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            brokers: "127.0.0.1:9092".into(),
            linger_ms: 5,
            compression: "lz4".into(),
            delivery_timeout_ms: 15_000,
            max_message_bytes: 1_000_000,
            max_queued: 200_000,
            partitions: 12,
            replication: 1,
            properties: BTreeMap::new(),
            consumer: ConsumerConfig::default(),
        }
    }
}

impl Config {
    /// The settings shared by all clients.
    pub(crate) fn base(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", "eventhub")
            .set("allow.auto.create.topics", "false")
            // Reconnects within a second of a broker's return.
            .set("reconnect.backoff.max.ms", "1000")
            .set("socket.connection.setup.timeout.ms", "10000")
            .set("enable.metrics.push", "false")
            .set_log_level(RDKafkaLogLevel::Warning);
        for (key, value) in &self.properties {
            config.set(key, value);
        }
        config
    }

    pub(crate) fn producer(&self) -> ClientConfig {
        let mut config = self.base();
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("linger.ms", self.linger_ms.to_string())
            .set("compression.type", &self.compression)
            .set("message.timeout.ms", self.delivery_timeout_ms.to_string())
            .set("message.max.bytes", self.max_message_bytes.to_string())
            .set("queue.buffering.max.messages", self.max_queued.to_string())
            .set("queue.buffering.max.kbytes", "131072")
            .set("batch.size", "1000000")
            // The partitioner of the Java clients: a key stays in its partition when another
            // producer takes over.
            .set("partitioner", "murmur2_random")
            // For this long, an unknown topic counts as one under creation.
            .set("topic.metadata.propagation.max.ms", "3000");
        config
    }
}

/// One service's consumer group. The caller sets group, topics and drain time; the operator sets
/// all else.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConsumerConfig {
    /// The group's name; its members, on whatever node, share the partitions.
    #[serde(skip)]
    pub group: String,
    /// The topics to consume.
    #[serde(skip)]
    pub topics: Vec<String>,
    /// The most messages handed over in one call.
    pub max_batch: usize,
    /// After this many attempts a message goes to the dead letter topic.
    pub max_attempts: u32,
    /// The wait before the second, third, … attempt; further attempts use the last wait.
    /// Milliseconds.
    pub backoff_ms: Vec<u64>,
    /// How many unfinished messages of a partition are kept in memory; at the limit, fetching
    /// pauses.
    pub max_pending: usize,
    /// How many offsets a partition is read beyond its first unfinished message; after a crash
    /// these messages may be delivered again.
    pub max_ahead: i64,
    /// The suffix that turns a topic's name into the name of its dead letter topic.
    pub dead_letter_suffix: String,
    /// How often offsets are committed. Milliseconds.
    pub commit_interval_ms: u64,
    /// How long a running batch may still take when its partition is revoked or the consumer stops.
    /// Milliseconds.
    #[serde(skip)]
    pub drain_ms: u64,
    /// A member without a heartbeat for this long counts as dead. Milliseconds.
    pub session_timeout_ms: u64,
    /// How often a member sends a heartbeat. Milliseconds.
    pub heartbeat_ms: u64,
}

impl Default for ConsumerConfig {
    fn default() -> Self {
        Self {
            group: String::new(),
            topics: Vec::new(),
            max_batch: 100,
            max_attempts: 8,
            backoff_ms: vec![100, 500, 2_000, 5_000, 15_000],
            max_pending: 2_000,
            max_ahead: 50_000,
            dead_letter_suffix: ".dlq".into(),
            commit_interval_ms: 250,
            drain_ms: 10_000,
            session_timeout_ms: 10_000,
            heartbeat_ms: 1_000,
        }
    }
}

impl ConsumerConfig {
    /// The defaults for this group and these topics.
    pub fn new(
        group: impl Into<String>,
        topics: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self {
            group: group.into(),
            topics: topics.into_iter().map(Into::into).collect(),
            ..Self::default()
        }
    }

    pub(crate) fn validate(&self) -> Result<(), Error> {
        let wrong = |what: &str| {
            Err(Error::Config(format!(
                "consumer group `{}`: {what}",
                self.group
            )))
        };
        if self.group.is_empty() {
            return wrong("it has no name");
        }
        if self.topics.is_empty() {
            return wrong("it has no topics");
        }
        if self.max_batch == 0 || self.max_attempts == 0 || self.max_ahead < 1 {
            return wrong("max_batch, max_attempts and max_ahead are at least 1");
        }
        if self.max_pending < self.max_batch {
            return wrong("max_pending is at least max_batch");
        }
        if self.dead_letter_suffix.is_empty() {
            return wrong("dead_letter_suffix is empty: dead letters would be consumed again");
        }
        Ok(())
    }

    /// The wait after failed attempt number `attempt` (from 1).
    pub(crate) fn backoff(&self, attempt: u32) -> Duration {
        let index = (attempt.max(1) as usize - 1).min(self.backoff_ms.len().saturating_sub(1));
        Duration::from_millis(self.backoff_ms.get(index).copied().unwrap_or(1_000))
    }

    pub(crate) fn client(&self, config: &Config) -> ClientConfig {
        let mut client = config.base();
        client
            .set("group.id", &self.group)
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "earliest")
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", self.session_timeout_ms.to_string())
            .set("heartbeat.interval.ms", self.heartbeat_ms.to_string())
            // librdkafka's prefetch per partition: these limits bound its memory, and the workers
            // read from it at their own pace.
            .set(
                "queued.min.messages",
                self.max_pending.max(1_000).to_string(),
            )
            .set("queued.max.messages.kbytes", "4096")
            .set("fetch.queue.backoff.ms", "20")
            .set("fetch.error.backoff.ms", "100")
            .set("topic.metadata.refresh.interval.ms", "30000")
            // For the lag.
            .set("statistics.interval.ms", "5000");
        client
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_last_back_off_goes_on_and_an_empty_list_does_not_spin() {
        let config = ConsumerConfig {
            backoff_ms: vec![10, 20],
            ..ConsumerConfig::default()
        };
        let waits: Vec<_> = (1..=4)
            .map(|attempt| config.backoff(attempt).as_millis())
            .collect();
        assert_eq!(waits, [10, 20, 20, 20]);
        let empty = ConsumerConfig {
            backoff_ms: vec![],
            ..ConsumerConfig::default()
        };
        assert!(empty.backoff(1) >= Duration::from_millis(100));
    }

    #[test]
    fn a_group_that_would_eat_its_own_dead_letters_is_refused() {
        assert!(ConsumerConfig::new("booking", ["a"]).validate().is_ok());
        assert!(ConsumerConfig::default().validate().is_err());
        let config = ConsumerConfig {
            dead_letter_suffix: String::new(),
            ..ConsumerConfig::new("booking", ["a"])
        };
        assert!(config.validate().is_err());
    }

    #[test]
    fn a_misspelt_key_is_refused() {
        assert!(
            serde_json::from_str::<ConsumerConfig>(r#"{"max_batch":7}"#)
                .is_ok_and(|it| it.max_batch == 7)
        );
        assert!(serde_json::from_str::<ConsumerConfig>(r#"{"batch":7}"#).is_err());
        assert!(serde_json::from_str::<Config>(r#"{"bootstrap":"x"}"#).is_err());
    }
}

//! The process's producer: idempotent, acknowledged by all in-sync replicas, fed in batches.

use std::sync::Arc;
use std::time::Duration;

use metrics::{Counter, counter};
use parking_lot::RwLock;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};
use rdkafka::types::RDKafkaErrorCode;
use rdkafka::{ClientContext, Message as _};

use crate::acknowledgement::Tally;
use crate::{Acknowledgement, Config, Error, Message, Undelivered};

/// A message to publish, borrowed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Record<'a> {
    /// The topic's name.
    pub topic: &'a str,
    /// Messages of one key keep their order.
    pub key: Option<&'a [u8]>,
    /// `None` publishes a tombstone.
    pub value: Option<&'a [u8]>,
    /// Names and values.
    pub headers: &'a [(&'a str, &'a str)],
    /// Milliseconds since the Unix epoch; `None` is now.
    pub timestamp: Option<i64>,
}

/// The process's connection to Kafka. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) config: Config,
    /// Replaced after a fatal error of the idempotent producer, from which librdkafka cannot
    /// recover.
    producer: RwLock<Arc<ThreadedProducer<Reports>>>,
}

impl Client {
    /// Creates the producer; librdkafka connects and reconnects in the background.
    ///
    /// # Errors
    /// [`Error::Config`] when librdkafka refuses the configuration.
    pub fn new(config: Config) -> Result<Self, Error> {
        let producer = RwLock::new(Arc::new(producer(&config)?));
        Ok(Self {
            shared: Arc::new(Shared { config, producer }),
        })
    }

    /// The client's configuration.
    pub fn config(&self) -> &Config {
        &self.shared.config
    }

    /// Publishes all and waits until all are acknowledged. Messages of one key arrive in the order
    /// given.
    ///
    /// # Errors
    /// The first error; some messages may have been published all the same.
    pub async fn publish(&self, messages: &[Message]) -> Result<(), Undelivered> {
        let mut publication = self.publication();
        let mut headers = Vec::new();
        for message in messages {
            headers.clear();
            headers.extend(
                message
                    .headers
                    .iter()
                    .map(|(name, value)| (name.as_str(), value.as_str())),
            );
            let record = Record {
                topic: &message.topic,
                key: message.key.as_deref(),
                value: Some(&message.value),
                headers: &headers,
                timestamp: None,
            };
            publication.push(record).await?;
        }
        publication.finish().await
    }

    /// Starts a batch whose messages are acknowledged together. For callers that keep several
    /// batches in flight.
    pub fn publication(&self) -> Publication {
        Publication {
            client: self.clone(),
            producer: self.shared.producer.read().clone(),
            tally: Tally::new(),
            pushed: 0,
        }
    }

    /// Whether the brokers answer.
    ///
    /// # Errors
    /// Why they do not, for `/readyz`.
    pub async fn ready(&self) -> Result<(), String> {
        let producer = self.shared.producer.read().clone();
        let answer = tokio::task::spawn_blocking(move || {
            let metadata = producer
                .client()
                .fetch_metadata(None, Duration::from_secs(2))
                .map_err(|e| e.to_string())?;
            if metadata.brokers().is_empty() {
                Err("no broker is known".to_owned())
            } else {
                Ok(())
            }
        });
        answer.await.map_err(|e| e.to_string())?
    }

    /// Waits until every message pushed so far is acknowledged or has failed, or `timeout` is over.
    /// For the shutdown.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when messages are still pending.
    pub async fn flush(&self, timeout: Duration) -> Result<(), Error> {
        let producer = self.shared.producer.read().clone();
        let flushed = tokio::task::spawn_blocking(move || producer.flush(timeout)).await;
        flushed
            .map_err(|e| Error::Unavailable(e.to_string()))?
            .map_err(Error::from)
    }

    /// Replaces the producer after a fatal error.
    fn renew(&self, broken: &Arc<ThreadedProducer<Reports>>) {
        let mut current = self.shared.producer.write();
        if !Arc::ptr_eq(&current, broken) {
            return;
        }
        match producer(&self.shared.config) {
            Ok(fresh) => {
                let old = std::mem::replace(&mut *current, Arc::new(fresh));
                tracing::warn!("the Kafka producer had a fatal error and was replaced");
                // Its drop waits for its thread.
                std::thread::spawn(move || drop(old));
            }
            Err(error) => {
                tracing::error!(%error, "the Kafka producer had a fatal error and could not be replaced")
            }
        }
    }
}

fn producer(config: &Config) -> Result<ThreadedProducer<Reports>, Error> {
    Ok(config.producer().create_with_context(Reports::new())?)
}

/// A batch being published.
#[must_use = "a publication is acknowledged by `finish`"]
pub struct Publication {
    client: Client,
    producer: Arc<ThreadedProducer<Reports>>,
    tally: Arc<Tally>,
    pushed: usize,
}

impl Publication {
    /// Hands one message to the producer; waits while the producer's queue is full.
    ///
    /// # Errors
    /// Why this message was refused. The messages pushed before it stay in flight.
    pub async fn push(&mut self, record: Record<'_>) -> Result<(), Undelivered> {
        self.pushed += 1;
        if self.pushed.is_multiple_of(512) {
            // Long batches leave room for the other tasks of the thread.
            tokio::task::yield_now().await;
        }
        loop {
            match self.try_push(&record) {
                Ok(()) => return Ok(()),
                Err(KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)) => {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
                Err(error) => {
                    if let Some((_, reason)) = self.producer.client().fatal_error() {
                        self.client.renew(&self.producer);
                        return Err(Undelivered::Unavailable(reason));
                    }
                    return Err(Undelivered::of(record.topic, &error));
                }
            }
        }
    }

    fn try_push(&self, record: &Record<'_>) -> Result<(), KafkaError> {
        let mut headers = OwnedHeaders::new_with_capacity(record.headers.len());
        for (key, value) in record.headers {
            headers = headers.insert(Header {
                key,
                value: Some(*value),
            });
        }
        self.tally.add();
        let message = BaseRecord {
            topic: record.topic,
            partition: None,
            payload: record.value,
            key: record.key,
            timestamp: record.timestamp,
            headers: Some(headers),
            delivery_opaque: self.tally.clone(),
        };
        self.producer.send(message).map_err(|(error, _)| {
            self.tally.settle(Ok(()));
            error
        })
    }

    /// Ends the batch: the returned future resolves when all its messages are settled.
    pub fn finish(self) -> Acknowledgement {
        self.tally.settle(Ok(()));
        Acknowledgement(self.tally)
    }
}

/// Receives the delivery reports, on the producer's own thread.
struct Reports {
    published: Counter,
    failed: Counter,
}

impl Reports {
    fn new() -> Self {
        Self {
            published: counter!("eventhub_kafka_published_total", "outcome" => "acknowledged"),
            failed: counter!("eventhub_kafka_published_total", "outcome" => "failed"),
        }
    }
}

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(%error, reason, "Kafka producer");
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = Arc<Tally>;

    fn delivery(&self, result: &DeliveryResult<'_>, tally: Arc<Tally>) {
        match result {
            Ok(_) => {
                self.published.increment(1);
                tally.settle(Ok(()));
            }
            Err((error, message)) => {
                self.failed.increment(1);
                tally.settle(Err(Undelivered::of(message.topic(), error)));
            }
        }
    }
}

/// librdkafka's own log, as ours.
pub(crate) fn log(level: RDKafkaLogLevel, facility: &str, message: &str) {
    match level {
        RDKafkaLogLevel::Emerg
        | RDKafkaLogLevel::Alert
        | RDKafkaLogLevel::Critical
        | RDKafkaLogLevel::Error => {
            tracing::error!(facility, "{message}");
        }
        RDKafkaLogLevel::Warning => tracing::warn!(facility, "{message}"),
        RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => tracing::info!(facility, "{message}"),
        RDKafkaLogLevel::Debug => tracing::debug!(facility, "{message}"),
    }
}

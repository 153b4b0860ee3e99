//! The worker of one assigned partition: reads, hands batches to the handler, and reports the
//! offset up to which all messages are done.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use futures::FutureExt;
use metrics::{Counter, Histogram, counter, histogram};
use rdkafka::Message as _;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::message::{BorrowedMessage, Headers};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::group::Membership;
use super::ledger::Ledger;
use super::{Handler, HandlerError, dead_letter};
use crate::{Client, ConsumerConfig, Delivery, Message, Outcome};

/// A worker's progress, shared with the group: the offset up to which all messages are done, -1
/// before the first read.
pub(super) type Progress = Arc<AtomicI64>;

/// The state shared by the workers of a group.
pub(super) struct Job<H> {
    pub client: Client,
    pub config: ConsumerConfig,
    pub handler: Arc<H>,
}

pub(super) struct Worker<H> {
    pub job: Arc<Job<H>>,
    pub topic: String,
    pub partition: i32,
    pub queue: PartitionQueue<Membership>,
    pub progress: Progress,
    pub stop: CancellationToken,
}

impl<H: Handler> Worker<H> {
    /// Runs until it is stopped; it finishes the running batch.
    pub async fn run(mut self) {
        let arrived = Arc::new(Notify::new());
        self.queue.set_nonempty_callback({
            let arrived = arrived.clone();
            move || arrived.notify_one()
        });
        let meters = Meters::new(&self.job.config.group, &self.topic);
        let mut ledger = Ledger::new(&self.job.config);
        // The number of calls in a row that found the handler unavailable, and the time of the next
        // call.
        let (mut unavailable, mut quiet_until) = (0_u32, None::<Instant>);

        while !self.stop.is_cancelled() {
            let drained = self.read(&mut ledger);
            let now = Instant::now();
            self.bury(&mut ledger, now, &meters).await;
            let quiet = quiet_until.is_some_and(|until| until > now);
            let batch = if quiet {
                Vec::new()
            } else {
                ledger.take_batch(now, self.job.config.max_batch)
            };
            if batch.is_empty() {
                self.report(&ledger);
                let wake_at = if quiet { quiet_until } else { ledger.wake_at() };
                let wake_at = wake_at
                    .unwrap_or(now + Duration::from_secs(1))
                    .max(now + Duration::from_millis(1));
                let listens = drained && ledger.accepts();
                tokio::select! {
                    () = self.stop.cancelled() => break,
                    () = arrived.notified(), if listens => {}
                    () = tokio::time::sleep_until(wake_at.into()) => {}
                    () = std::future::ready(()), if !drained && ledger.accepts() => tokio::task::yield_now().await,
                }
                continue;
            }
            match self.handle(batch, &mut ledger, &meters).await {
                Ok(()) => (unavailable, quiet_until) = (0, None),
                Err(why) => {
                    unavailable += 1;
                    let wait = self.job.config.backoff(unavailable);
                    tracing::warn!(
                        group = self.job.config.group,
                        topic = self.topic,
                        partition = self.partition,
                        wait_ms = wait.as_millis(),
                        "the handler is unavailable, its events wait: {why}"
                    );
                    quiet_until = Some(Instant::now() + wait);
                }
            }
            self.report(&ledger);
            tokio::task::consume_budget().await;
        }
        self.report(&ledger);
    }

    /// Reads fetched messages for as long as the ledger accepts more. True when the queue is empty
    /// for now.
    fn read(&self, ledger: &mut Ledger) -> bool {
        let mut left = self.job.config.max_batch * 2;
        while ledger.accepts() && left > 0 {
            left -= 1;
            match self.queue.poll(Duration::ZERO) {
                Some(Ok(message)) => ledger.push(delivery(&message)),
                Some(Err(error)) => {
                    tracing::warn!(topic = self.topic, partition = self.partition, %error, "Kafka partition");
                }
                None => return true,
            }
        }
        false
    }

    fn report(&self, ledger: &Ledger) {
        if let Some(watermark) = ledger.watermark() {
            self.progress.store(watermark, Ordering::Release);
        }
    }

    /// Hands one batch over and records the outcomes. An error means that the handler was
    /// unavailable.
    async fn handle(
        &self,
        batch: Vec<Delivery>,
        ledger: &mut Ledger,
        meters: &Meters,
    ) -> Result<(), String> {
        let started = Instant::now();
        let batch = Arc::new(batch);
        let handled = AssertUnwindSafe(self.job.handler.handle(batch.clone()))
            .catch_unwind()
            .await;
        meters.seconds.record(started.elapsed().as_secs_f64());
        let batch = Arc::try_unwrap(batch).unwrap_or_else(|shared| (*shared).clone());
        let size = batch.len();

        let result = match handled {
            Ok(Ok(outcomes)) if outcomes.len() == size => Ok(outcomes),
            Ok(Ok(outcomes)) => Err(HandlerError::Failed(format!(
                "{size} messages were handed over and {} outcomes came back",
                outcomes.len()
            ))),
            Ok(Err(error)) => Err(error),
            Err(_panic) => Err(HandlerError::Failed("the handler panicked".into())),
        };
        let now = Instant::now();
        match result {
            Ok(outcomes) => {
                for (delivery, outcome) in batch.into_iter().zip(outcomes) {
                    match outcome {
                        Outcome::Done => {
                            meters.done.increment(1);
                            ledger.done(delivery.offset);
                        }
                        Outcome::Retry(cause) => self.retry(delivery, cause, ledger, now, meters),
                        Outcome::Unavailable(cause) => {
                            self.postpone(delivery, &cause, ledger, now, meters)
                        }
                        Outcome::DeadLetter(cause) => ledger.bury(delivery, cause),
                    }
                }
                Ok(())
            }
            Err(HandlerError::Unavailable(why)) => {
                batch
                    .into_iter()
                    .for_each(|delivery| ledger.put_back(delivery));
                Err(why)
            }
            Err(HandlerError::Failed(why)) => {
                tracing::error!(
                    group = self.job.config.group,
                    topic = self.topic,
                    partition = self.partition,
                    messages = size,
                    first_offset = batch.first().map(|delivery| delivery.offset),
                    "the handler failed on a batch: {why}"
                );
                if size == 1 {
                    batch.into_iter().for_each(|delivery| {
                        self.retry(delivery, why.clone(), ledger, now, meters)
                    });
                } else {
                    batch
                        .into_iter()
                        .for_each(|delivery| ledger.part(delivery, size));
                }
                Ok(())
            }
        }
    }

    fn retry(
        &self,
        delivery: Delivery,
        cause: String,
        ledger: &mut Ledger,
        now: Instant,
        meters: &Meters,
    ) {
        meters.retried.increment(1);
        tracing::debug!(
            topic = self.topic,
            partition = self.partition,
            offset = delivery.offset,
            attempt = delivery.attempt,
            "to be tried again: {cause}"
        );
        let at = now + self.job.config.backoff(delivery.attempt);
        ledger.retry(delivery, at, cause);
    }

    fn postpone(
        &self,
        delivery: Delivery,
        cause: &str,
        ledger: &mut Ledger,
        now: Instant,
        meters: &Meters,
    ) {
        meters.postponed.increment(1);
        tracing::warn!(
            topic = self.topic,
            partition = self.partition,
            offset = delivery.offset,
            "waits for something that does not answer: {cause}"
        );
        ledger.postpone(delivery, now, |times| self.job.config.backoff(times));
    }

    /// Writes the due dead letters. A message is done only when its dead letter is acknowledged.
    async fn bury(&self, ledger: &mut Ledger, now: Instant, meters: &Meters) {
        let config = &self.job.config;
        for dead in ledger.take_dead(now) {
            match dead_letter::publish(
                &self.job.client,
                &config.group,
                &config.dead_letter_suffix,
                &dead,
            )
            .await
            {
                Ok(()) => {
                    meters.dead.increment(1);
                    tracing::error!(
                        group = config.group,
                        topic = self.topic,
                        partition = self.partition,
                        offset = dead.delivery.offset,
                        attempts = dead.delivery.attempt,
                        "dead letter: {}",
                        dead.cause
                    );
                    ledger.done(dead.delivery.offset);
                }
                Err(error) => {
                    tracing::error!(topic = self.topic, partition = self.partition, %error, "a dead letter could not be written");
                    ledger.bury_later(dead, Instant::now() + config.backoff(2));
                }
            }
        }
    }
}

fn delivery(message: &BorrowedMessage<'_>) -> Delivery {
    let text =
        |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
    let headers = message.headers().map(|headers| {
        headers
            .iter()
            .map(|h| (h.key.to_owned(), text(h.value)))
            .collect()
    });
    Delivery {
        message: Message {
            topic: message.topic().to_owned(),
            key: message.key().map(<[u8]>::to_vec),
            headers: headers.unwrap_or_default(),
            value: message.payload().unwrap_or_default().to_vec(),
        },
        partition: message.partition(),
        offset: message.offset(),
        timestamp: message.timestamp().to_millis().unwrap_or(0),
        attempt: 1,
    }
}

struct Meters {
    done: Counter,
    retried: Counter,
    postponed: Counter,
    dead: Counter,
    seconds: Histogram,
}

impl Meters {
    fn new(group: &str, topic: &str) -> Self {
        let counted = |outcome: &'static str| counter!("eventhub_kafka_consumed_total", "group" => group.to_owned(), "topic" => topic.to_owned(), "outcome" => outcome);
        Self {
            done: counted("done"),
            retried: counted("retry"),
            postponed: counted("unavailable"),
            dead: counted("dead-letter"),
            seconds: histogram!("eventhub_kafka_handler_seconds", "group" => group.to_owned(), "topic" => topic.to_owned()),
        }
    }
}

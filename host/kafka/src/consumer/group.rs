//! Membership of a consumer group: its own thread polls librdkafka, follows the rebalances, and
//! commits.
//!
//! librdkafka calls back from within `poll`, and the rebalance waits for the callback. The callback
//! starts the workers of assigned partitions; it stops the workers of revoked partitions and
//! commits their last offsets before another member may have these partitions.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use metrics::{Gauge, gauge};
use parking_lot::Mutex;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::{ClientContext, Message as _, Offset, Statistics, TopicPartitionList};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::worker::Progress;
use crate::{Config, ConsumerConfig, Error, client};

type Partition = (String, i32);
type Start = dyn Fn(PartitionQueue<Membership>, Partition, Progress, CancellationToken) -> JoinHandle<()>
    + Send
    + Sync;

/// librdkafka's view of a member: the assigned partitions and their workers.
pub(super) struct Membership {
    group: String,
    runtime: Handle,
    drain: Duration,
    start: Box<Start>,
    consumer: OnceLock<Weak<BaseConsumer<Membership>>>,
    workers: Mutex<HashMap<Partition, Running>>,
    assigned: Gauge,
    lags: Mutex<BTreeMap<String, Gauge>>,
}

struct Running {
    stop: CancellationToken,
    task: JoinHandle<()>,
    progress: Progress,
    committed: i64,
}

impl Running {
    /// The offset below which every message is done; none before the first read.
    fn watermark(&self) -> Option<i64> {
        Some(self.progress.load(Ordering::Acquire)).filter(|watermark| *watermark >= 0)
    }

    /// The offset to commit, if it is above (or, after a reset, below) the last committed one.
    fn uncommitted(&self) -> Option<i64> {
        self.watermark()
            .filter(|watermark| *watermark != self.committed)
    }
}

impl Membership {
    /// Joins the group. `start` starts the worker of a partition.
    pub fn join(
        config: &Config,
        group: &ConsumerConfig,
        runtime: Handle,
        start: Box<Start>,
    ) -> Result<Arc<BaseConsumer<Self>>, Error> {
        let membership = Self {
            group: group.group.clone(),
            runtime,
            drain: Duration::from_millis(group.drain_ms),
            start,
            consumer: OnceLock::new(),
            workers: Mutex::default(),
            assigned: gauge!("eventhub_kafka_assigned_partitions", "group" => group.group.clone()),
            lags: Mutex::default(),
        };
        let consumer: BaseConsumer<Self> = group.client(config).create_with_context(membership)?;
        let consumer = Arc::new(consumer);
        // Set before the subscription, and so before the first rebalance.
        let _ = consumer.context().consumer.set(Arc::downgrade(&consumer));
        let topics: Vec<&str> = group.topics.iter().map(String::as_str).collect();
        consumer.subscribe(&topics)?;
        Ok(consumer)
    }

    /// The member's life, on its own thread: until `stop`, or a fatal error.
    pub fn live(
        consumer: &Arc<BaseConsumer<Self>>,
        commit_interval: Duration,
        stop: &CancellationToken,
    ) -> Result<(), Error> {
        let membership = consumer.context();
        let mut committed_at = Instant::now();
        let mut result = Ok(());
        while !stop.is_cancelled() {
            match consumer.poll(commit_interval.min(Duration::from_millis(100))) {
                None => {}
                // All messages go to the partitions' own queues; a message here was fetched before
                // the queue was split off.
                Some(Ok(stray)) => {
                    let back = Offset::Offset(stray.offset());
                    if let Err(error) =
                        consumer.seek(stray.topic(), stray.partition(), back, Duration::ZERO)
                    {
                        tracing::warn!(%error, "a stray message could not be fetched again");
                    }
                }
                Some(Err(error @ KafkaError::MessageConsumptionFatal(_))) => {
                    result = Err(error.into());
                    break;
                }
                Some(Err(error)) => {
                    tracing::warn!(group = membership.group, %error, "Kafka consumer")
                }
            }
            if committed_at.elapsed() >= commit_interval {
                committed_at = Instant::now();
                membership.commit(consumer, CommitMode::Async);
            }
        }
        membership.stop_workers(consumer, |_| true);
        result
    }

    fn commit(&self, consumer: &BaseConsumer<Self>, mode: CommitMode) {
        let mut offsets = TopicPartitionList::new();
        for ((topic, partition), running) in self.workers.lock().iter_mut() {
            if let Some(watermark) = running.uncommitted()
                && offsets
                    .add_partition_offset(topic, *partition, Offset::Offset(watermark))
                    .is_ok()
            {
                running.committed = watermark;
            }
        }
        self.send(consumer, &offsets, mode);
    }

    fn send(&self, consumer: &BaseConsumer<Self>, offsets: &TopicPartitionList, mode: CommitMode) {
        if offsets.count() > 0
            && let Err(error) = consumer.commit(offsets, mode)
        {
            tracing::warn!(group = self.group, %error, "offsets were not committed; their messages may be delivered again");
        }
    }

    fn start_workers(&self, partitions: &TopicPartitionList) {
        let Some(consumer) = self.consumer.get().and_then(Weak::upgrade) else {
            return;
        };
        let mut workers = self.workers.lock();
        for element in partitions.elements() {
            let partition = (element.topic().to_owned(), element.partition());
            let Some(queue) = consumer.split_partition_queue(element.topic(), element.partition())
            else {
                tracing::error!(
                    topic = partition.0,
                    partition = partition.1,
                    "the partition has no queue"
                );
                continue;
            };
            let (stop, progress) = (CancellationToken::new(), Arc::new(AtomicI64::new(-1)));
            let task = (self.start)(queue, partition.clone(), progress.clone(), stop.clone());
            workers.insert(
                partition,
                Running {
                    stop,
                    task,
                    progress,
                    committed: -1,
                },
            );
        }
        self.assigned.set(workers.len() as f64);
        tracing::info!(
            group = self.group,
            assigned = workers.len(),
            "partitions were assigned"
        );
    }

    /// Stops the workers of these partitions: their running batches may finish within the drain
    /// time. Then commits.
    fn stop_workers(&self, consumer: &BaseConsumer<Self>, which: impl Fn(&Partition) -> bool) {
        let mut stopping: Vec<(Partition, Running)> = self
            .workers
            .lock()
            .extract_if(|partition, _| which(partition))
            .collect();
        if stopping.is_empty() {
            return;
        }
        stopping
            .iter()
            .for_each(|(_, running)| running.stop.cancel());
        let drain = self.drain;
        self.runtime.block_on(async {
            let deadline = tokio::time::Instant::now() + drain;
            for ((topic, partition), running) in &mut stopping {
                if tokio::time::timeout_at(deadline, &mut running.task)
                    .await
                    .is_err()
                {
                    tracing::warn!(
                        topic,
                        partition,
                        "a batch did not finish in time and is dropped; it will be delivered again"
                    );
                    running.task.abort();
                    let _ = (&mut running.task).await;
                }
            }
        });
        let mut offsets = TopicPartitionList::new();
        for ((topic, partition), running) in &stopping {
            // Includes offsets already committed: that commit may still be in flight, and this very
            // rebalance may refuse it.
            if let Some(watermark) = running.watermark() {
                let _ = offsets.add_partition_offset(topic, *partition, Offset::Offset(watermark));
            }
        }
        // This fails when another member already has the partitions; that member commits from then
        // on.
        let mode = if consumer.assignment_lost() {
            CommitMode::Async
        } else {
            CommitMode::Sync
        };
        self.send(consumer, &offsets, mode);
        let left = self.workers.lock().len();
        self.assigned.set(left as f64);
        tracing::info!(
            group = self.group,
            revoked = stopping.len(),
            assigned = left,
            "partitions were revoked"
        );
    }
}

impl ConsumerContext for Membership {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(partitions) => self.start_workers(partitions),
            Rebalance::Revoke(partitions) => {
                let revoked: Vec<Partition> = partitions
                    .elements()
                    .iter()
                    .map(|e| (e.topic().to_owned(), e.partition()))
                    .collect();
                self.stop_workers(consumer, |partition| revoked.contains(partition));
            }
            Rebalance::Error(error) => tracing::warn!(group = self.group, %error, "rebalance"),
        }
    }

    fn commit_callback(&self, result: KafkaResult<()>, offsets: &TopicPartitionList) {
        if let Err(error) = result {
            tracing::warn!(group = self.group, %error, "offsets were not committed; the next commit includes them");
            let mut workers = self.workers.lock();
            for element in offsets.elements() {
                if let Some(running) =
                    workers.get_mut(&(element.topic().to_owned(), element.partition()))
                {
                    running.committed = -1;
                }
            }
        }
    }

    fn main_queue_min_poll_interval(&self) -> rdkafka::util::Timeout {
        Duration::from_millis(100).into()
    }
}

impl ClientContext for Membership {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        client::log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::warn!(group = self.group, %error, reason, "Kafka consumer");
    }

    /// The lag of this member's partitions, per topic.
    fn stats(&self, statistics: Statistics) {
        let mut gauges = self.lags.lock();
        for (name, topic) in &statistics.topics {
            let lag: i64 = topic
                .partitions
                .values()
                .map(|partition| partition.consumer_lag.max(0))
                .sum();
            let gauge = gauges.entry(name.clone()).or_insert_with(|| gauge!("eventhub_kafka_lag", "group" => self.group.clone(), "topic" => name.clone()));
            gauge.set(lag as f64);
        }
    }
}

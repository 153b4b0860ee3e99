//! A service's consumer group: a worker per assigned partition hands batches to a [`Handler`], at
//! least once, in order per key.

mod dead_letter;
mod group;
mod ledger;
mod worker;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use self::group::Membership;
use self::worker::{Job, Worker};
use crate::{Client, ConsumerConfig, Delivery, Error, Outcome};

/// Handles the batches of a group; one call per partition at a time, several partitions at once.
pub trait Handler: Send + Sync + 'static {
    /// Handles a batch of one partition: messages in the order of their offsets, no key twice.
    /// Answers one outcome for each, in the same order. A message may come again after a crash:
    /// the `id` header says whether it was handled before.
    ///
    /// # Errors
    /// See [`HandlerError`]. A panic counts as [`HandlerError::Failed`].
    fn handle(
        &self,
        batch: Arc<Vec<Delivery>>,
    ) -> impl Future<Output = Result<Vec<Outcome>, HandlerError>> + Send;
}

/// Why a whole batch was not handled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HandlerError {
    /// Not the messages' fault: the handler cannot be reached or is overloaded. All messages wait
    /// and are retried without a limit; no attempt is counted.
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// The handler crashed on this batch (a trap, a deadline). The batch is split until the message
    /// at fault is alone; its attempts count, and it ends as a dead letter.
    #[error("failed: {0}")]
    Failed(String),
}

/// A member of a consumer group, alive until it is stopped or dropped.
pub struct Consumer {
    stop: CancellationToken,
    /// Ends when the thread has left the group.
    left: oneshot::Receiver<()>,
    drain: Duration,
}

/// After its drain time a consumer has this long to commit and to leave its group: without a limit,
/// it would wait for an absent broker for ever.
const LEAVE: Duration = Duration::from_secs(1);

impl Consumer {
    /// Joins the group and consumes in the background, on the caller's runtime. The topics and
    /// their dead letter topics should exist ([`Client::ensure_topics`]); a missing topic is looked
    /// up every 30 s.
    ///
    /// # Errors
    /// [`Error::Config`] when the configuration is invalid.
    pub fn start<H: Handler>(
        client: &Client,
        config: ConsumerConfig,
        handler: Arc<H>,
    ) -> Result<Self, Error> {
        config.validate()?;
        let runtime = Handle::current();
        let stop = CancellationToken::new();
        let drain = Duration::from_millis(config.drain_ms);
        let job = Arc::new(Job {
            client: client.clone(),
            config,
            handler,
        });
        // The first consumer is created here, so that the caller gets the error of a wrong
        // configuration.
        let member = join(&job, &runtime)?;
        let (leaving, left) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name(format!("kafka-{}", job.config.group))
            .spawn({
                let stop = stop.clone();
                move || {
                    live(&job, member, &runtime, &stop);
                    let _ = leaving.send(());
                }
            });
        thread.map_err(|error| Error::Unavailable(format!("no thread: {error}")))?;
        Ok(Self { stop, left, drain })
    }

    /// Stops the consumer: running batches may finish within the drain time, then it commits and
    /// leaves the group. If the broker is down, the thread is abandoned a second later; messages
    /// whose offsets were not committed are delivered again.
    pub async fn stop(mut self) {
        self.stop.cancel();
        if tokio::time::timeout(self.drain + LEAVE, &mut self.left)
            .await
            .is_err()
        {
            tracing::warn!("a Kafka consumer did not leave its group in time");
        }
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

type Member = Arc<rdkafka::consumer::BaseConsumer<Membership>>;

fn join<H: Handler>(job: &Arc<Job<H>>, runtime: &Handle) -> Result<Member, Error> {
    let start = {
        let (job, runtime) = (job.clone(), runtime.clone());
        Box::new(move |queue, (topic, partition), progress, stop| {
            let worker = Worker {
                job: job.clone(),
                topic,
                partition,
                queue,
                progress,
                stop,
            };
            runtime.spawn(worker.run())
        })
    };
    Membership::join(job.client.config(), &job.config, runtime.clone(), start)
}

/// Runs one membership after the other until `stop`: after a fatal error (the broker fenced it, for
/// instance) the next one starts.
fn live<H: Handler>(job: &Arc<Job<H>>, first: Member, runtime: &Handle, stop: &CancellationToken) {
    let mut member = Some(first);
    while !stop.is_cancelled() {
        match member.take().map_or_else(|| join(job, runtime), Ok) {
            Ok(alive) => {
                let interval = Duration::from_millis(job.config.commit_interval_ms.max(1));
                if let Err(error) = Membership::live(&alive, interval, stop) {
                    tracing::error!(group = job.config.group, %error, "the consumer restarts");
                }
            }
            Err(error) => {
                tracing::error!(group = job.config.group, %error, "the consumer could not start")
            }
        }
        if !stop.is_cancelled() {
            std::thread::sleep(Duration::from_secs(1));
        }
    }
}

//! One replication session: from the slot to Kafka, with many transactions in flight, confirmed in
//! their order.

use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::Poll;
use std::time::{Duration, SystemTime};

use eventhub_kafka::{Acknowledgement, Client, Publication, Undelivered};
use metrics::{Counter, Histogram, counter, histogram};
use pgwire_replication::{Lsn, ReplicationClient, ReplicationConfig, ReplicationEvent};
use tokio_postgres::config::Host;
use tokio_util::sync::CancellationToken;

use crate::decode::Decoder;
use crate::event::Event;
use crate::slot::Control;
use crate::{Error, Options, TOPIC_PREFIX};

/// The producer's side: the known topics and the publications.
pub(crate) struct Relay {
    database: String,
    client: Client,
    /// Topics by aggregate type; `None` when the topic's name is invalid. Kept for this session
    /// only, because a topic may be deleted.
    topics: HashMap<String, Option<String>>,
    published: Counter,
    dropped: Counter,
}

impl Relay {
    pub fn new(options: &Options, client: Client) -> Self {
        let counted = |name: &'static str| counter!(name, "database" => options.database.clone());
        Self {
            database: options.database.clone(),
            client,
            topics: HashMap::new(),
            published: counted("eventhub_cdc_published_total"),
            dropped: counted("eventhub_cdc_dropped_total"),
        }
    }

    pub fn publication(&self) -> Publication {
        self.client.publication()
    }

    /// Hands one event to the producer. An event that Kafka can never accept (its topic's name is
    /// invalid, or it is too large) is dropped with an error in the log: waiting for it would block
    /// all events of the database for ever. Every other error ends the session, and the next
    /// session reads the event again.
    pub async fn push(
        &mut self,
        event: &Event<'_>,
        publication: &mut Publication,
    ) -> Result<(), Error> {
        if !self.topics.contains_key(event.aggregate_type) {
            self.find_topic(event.aggregate_type).await?;
        }
        let pushed = match self.topics.get(event.aggregate_type) {
            Some(Some(topic)) => event.push(topic, publication).await,
            _ => Err(Undelivered::Message(format!(
                "`{}` makes no topic",
                event.aggregate_type
            ))),
        };
        match pushed {
            Ok(()) => self.published.increment(1),
            Err(Undelivered::Message(why)) => {
                self.dropped.increment(1);
                tracing::error!(
                    database = self.database,
                    event_id = event.id,
                    "an event cannot be published and is dropped: {why}"
                );
            }
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    async fn find_topic(&mut self, aggregate_type: &str) -> Result<(), Error> {
        let topic = format!("{TOPIC_PREFIX}{aggregate_type}");
        let topic = match self.client.ensure_topics([(topic.as_str(), 0)]).await {
            Ok(()) => Some(topic),
            Err(eventhub_kafka::Error::Refused(why)) => {
                tracing::error!(
                    database = self.database,
                    topic,
                    "the topic cannot be created: {why}"
                );
                None
            }
            Err(error) => return Err(error.into()),
        };
        self.topics.insert(aggregate_type.to_owned(), topic);
        Ok(())
    }

    /// Kafka's answer to a publication.
    pub fn settle(&self, acknowledged: Result<(), Undelivered>) -> Result<(), Error> {
        match acknowledged {
            Err(Undelivered::Message(why)) => {
                self.dropped.increment(1);
                tracing::error!(
                    database = self.database,
                    "Kafka refused at least one event, which is dropped: {why}"
                );
                Ok(())
            }
            other => other.map_err(Error::from),
        }
    }
}

/// The transactions that were read and are not confirmed yet, in order.
#[derive(Default)]
struct Pending(VecDeque<Read>);

struct Read {
    /// `None` for a transaction without events.
    acknowledgement: Option<Acknowledgement>,
    end: Lsn,
    committed_at_us: i64,
}

impl Pending {
    fn mark(&mut self, end: Lsn, committed_at_us: i64) {
        match self.0.back_mut() {
            Some(last) if last.acknowledgement.is_none() => {
                (last.end, last.committed_at_us) = (end, committed_at_us)
            }
            _ => self.0.push_back(Read {
                acknowledgement: None,
                end,
                committed_at_us,
            }),
        }
    }

    /// Waits until the first transaction is settled, and takes every settled one: returns the end
    /// of the last, and Kafka's answer to each. Dropping the future loses nothing.
    async fn advance(&mut self, relay: &Relay, seconds: &Histogram) -> Result<Read, Error> {
        let mut last = None;
        poll_fn(|context| {
            while let Some(read) = self.0.front_mut() {
                if let Some(acknowledgement) = &mut read.acknowledgement {
                    match Pin::new(acknowledgement).poll(context) {
                        Poll::Pending => break,
                        Poll::Ready(result) => {
                            if let Err(error) = relay.settle(result) {
                                return Poll::Ready(Err(error));
                            }
                            seconds.record((now_us() - read.committed_at_us).max(0) as f64 / 1e6);
                        }
                    }
                }
                last = self.0.pop_front();
            }
            last.take()
                .map_or(Poll::Pending, |read| Poll::Ready(Ok(read)))
        })
        .await
    }
}

/// Relays until `shutdown`, or an error. `active` is called once the session has the slot.
pub(crate) async fn run(
    options: &Options,
    postgres: &tokio_postgres::Config,
    relay: &mut Relay,
    active: impl FnOnce(),
    shutdown: &CancellationToken,
) -> Result<(), Error> {
    let control = Control::acquire(postgres, options).await?;
    relay.topics.clear();
    control.prepare(options, relay).await?;
    let mut replication =
        ReplicationClient::connect(replication_config(options, postgres)?).await?;
    replication.wait_started().await?;
    active();

    let published_until = Arc::new(AtomicI64::new(0));
    // Dropping the session aborts this task and closes its connection, which holds the lock.
    let mut care = tokio_util::task::AbortOnDropHandle::new(tokio::spawn(
        control.look_after(options.clone(), published_until.clone()),
    ));
    let seconds = histogram!("eventhub_cdc_seconds", "database" => options.database.clone());
    let (mut decoder, mut pending, mut transaction) =
        (Decoder::default(), Pending::default(), None);
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            read = pending.advance(relay, &seconds), if !pending.0.is_empty() => {
                let read = read?;
                replication.update_applied_lsn(read.end);
                published_until.store(read.committed_at_us, Ordering::Relaxed);
            }
            broken = &mut care => return Err(broken.unwrap_or_else(|error| Error::Postgres(error.to_string()))),
            event = replication.recv() => match event? {
                Some(ReplicationEvent::Begin { .. }) => transaction = Some(relay.publication()),
                Some(ReplicationEvent::XLogData { data, .. }) => {
                    if let Some(event) = decoder.decode(&data)? {
                        let publication = transaction.as_mut().ok_or_else(|| Error::Protocol("a row outside of a transaction".into()))?;
                        relay.push(&event, publication).await?;
                    }
                }
                Some(ReplicationEvent::Commit { end_lsn, commit_time_micros, .. }) => {
                    let acknowledgement = transaction.take().map(Publication::finish);
                    let committed_at_us = commit_time_micros + POSTGRES_EPOCH_US;
                    pending.0.push_back(Read { acknowledgement, end: end_lsn, committed_at_us });
                }
                // Other changes also move the position: else a quiet outbox would retain the log.
                Some(ReplicationEvent::KeepAlive { wal_end, server_time_micros, .. }) if transaction.is_none() => {
                    pending.mark(wal_end, server_time_micros + POSTGRES_EPOCH_US);
                }
                Some(_) => {}
                None => return Err(Error::Postgres("the stream ended".into())),
            },
        }
    }

    let drained = tokio::time::timeout(Duration::from_millis(options.config.drain_ms), async {
        while !pending.0.is_empty() {
            replication.update_applied_lsn(pending.advance(relay, &seconds).await?.end);
        }
        Ok::<(), Error>(())
    });
    if drained.await.is_err() {
        tracing::warn!(
            database = options.database,
            "Kafka did not acknowledge every event in time; the rest will be published again"
        );
    }
    // The next status, a moment later, carries the position.
    tokio::time::sleep(2 * STATUS_INTERVAL).await;
    let _ = tokio::time::timeout(Duration::from_secs(2), replication.shutdown()).await;
    Ok(())
}

/// The shortest time between two confirmations of the position.
const STATUS_INTERVAL: Duration = Duration::from_millis(200);

/// 2000-01-01, the epoch of Postgres, in microseconds since the Unix epoch.
const POSTGRES_EPOCH_US: i64 = 946_684_800_000_000;

fn replication_config(
    options: &Options,
    postgres: &tokio_postgres::Config,
) -> Result<ReplicationConfig, Error> {
    let missing =
        |what: &str| Error::Config(format!("the URL of {} has no {what}", options.database));
    let host = match postgres.get_hosts().first() {
        Some(Host::Tcp(host)) => host.clone(),
        Some(Host::Unix(folder)) => folder.display().to_string(),
        None => return Err(missing("host")),
    };
    let user = postgres.get_user().ok_or_else(|| missing("user"))?;
    let database = postgres.get_dbname().ok_or_else(|| missing("database"))?;
    let password = String::from_utf8_lossy(postgres.get_password().unwrap_or_default());
    let mut config = ReplicationConfig::new(
        host,
        user,
        password,
        database,
        options.slot(),
        options.publication.as_str(),
    )
    .with_port(postgres.get_ports().first().copied().unwrap_or(5432))
    .with_status_interval(STATUS_INTERVAL);
    config.options = Some("-c DateStyle=ISO".into());
    config.application_name = Some("eventhub-cdc".into());
    Ok(config)
}

fn now_us() -> i64 {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

//! The relay of one database, for as long as the process lives: session after session.

use std::time::Duration;

use eventhub_kafka::Client;
use metrics::gauge;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::session::{self, Relay};
use crate::{Error, Options};

/// A producer for [`Service`]s; one is enough for all databases. It never gives a message up, so
/// that later messages cannot overtake a stalled one.
///
/// # Errors
/// When librdkafka refuses the configuration.
pub fn producer(config: &eventhub_kafka::Config) -> Result<Client, eventhub_kafka::Error> {
    Client::new(eventhub_kafka::Config {
        delivery_timeout_ms: 0,
        ..config.clone()
    })
}

/// What the relay is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Status {
    /// The relay has not reached the database yet.
    Starting,
    /// The relay has the slot.
    Active,
    /// Another reader has the slot; this relay waits.
    Standby,
    /// The relay retries, after this error.
    Failing(String),
}

/// Reports the state of a [`Service`]. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Handle {
    database: String,
    status: watch::Receiver<Status>,
}

impl Handle {
    /// The database's name.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// The relay's current state.
    pub fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// Waits until the relay is in the given state; false when the relay ends before.
    pub async fn wait_for(&mut self, status: &Status) -> bool {
        self.status.wait_for(|now| now == status).await.is_ok()
    }

    /// For `/readyz`: whether this or another host relays the database.
    ///
    /// # Errors
    /// Why the database is not relayed.
    pub fn ready(&self) -> Result<(), String> {
        match self.status() {
            Status::Active | Status::Standby => Ok(()),
            Status::Starting => Err("starting".into()),
            Status::Failing(why) => Err(why),
        }
    }
}

/// The relay of one database, to be run.
pub struct Service {
    options: Options,
    postgres: tokio_postgres::Config,
    relay: Relay,
    status: watch::Sender<Status>,
}

impl Service {
    /// Checks the options; connects to nothing yet. `client` is made by [`producer`].
    ///
    /// # Errors
    /// [`Error::Config`].
    pub fn new(options: Options, client: Client) -> Result<(Self, Handle), Error> {
        let postgres = options.validate()?;
        let (status, receiver) = watch::channel(Status::Starting);
        let handle = Handle {
            database: options.database.clone(),
            status: receiver,
        };
        let relay = Relay::new(&options, client);
        Ok((
            Self {
                options,
                postgres,
                relay,
                status,
            },
            handle,
        ))
    }

    /// Relays until `shutdown`; rows read by then are still acknowledged and confirmed, within the
    /// drain time.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let retry = Duration::from_millis(self.options.config.retry_ms.max(10));
        let database = self.options.database.clone();
        let active = gauge!("eventhub_cdc_active", "database" => database.clone());
        while !shutdown.is_cancelled() {
            let status = &self.status;
            let is_active = || {
                tracing::info!(database, "the outbox is being relayed");
                active.set(1.0);
                status.send_replace(Status::Active);
            };
            let session = session::run(
                &self.options,
                &self.postgres,
                &mut self.relay,
                is_active,
                &shutdown,
            );
            // Before the relay has the slot, it has nothing to drain.
            let ended = tokio::select! {
                ended = session => ended,
                () = stopped_before_active(&shutdown, status) => break,
            };
            active.set(0.0);
            let now = match ended {
                Ok(()) => break,
                Err(Error::Busy) => Status::Standby,
                Err(error) => Status::Failing(error.to_string()),
            };
            if *self.status.borrow() != now {
                match &now {
                    Status::Failing(why) => {
                        tracing::warn!(database, "the outbox is not relayed: {why}")
                    }
                    _ => tracing::info!(database, "another reader relays the outbox"),
                }
            }
            self.status.send_replace(now);
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = tokio::time::sleep(retry) => {}
            }
        }
    }
}

async fn stopped_before_active(shutdown: &CancellationToken, status: &watch::Sender<Status>) {
    shutdown.cancelled().await;
    if *status.borrow() == Status::Active {
        std::future::pending::<()>().await;
    }
}

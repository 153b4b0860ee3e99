//! What the tests share: one Postgres and one Kafka, an outbox per test, and a reader of its topic.

#![allow(dead_code, clippy::unwrap_used)]

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use eventhub_cdc::{Handle, Options, Service, Status, TOPIC_PREFIX};
use eventhub_kafka::{
    Client, Config, Consumer, ConsumerConfig, Delivery, Handler, HandlerError, Outcome,
};
use eventhub_testing::{Kafka, Postgres};
use parking_lot::Mutex;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const OUTBOX: &str = "CREATE TABLE outbox (id uuid PRIMARY KEY, aggregatetype varchar(255) NOT NULL, \
    aggregateid varchar(255) NOT NULL, type varchar(255) NOT NULL, payload jsonb, \
    occurred_at_us timestamp(6) NOT NULL DEFAULT (now() AT TIME ZONE 'utc'), tracingspancontext text)";

pub fn kafka() -> &'static Kafka {
    static KAFKA: OnceLock<Kafka> = OnceLock::new();
    KAFKA.get_or_init(|| Kafka::start().unwrap())
}

pub fn postgres() -> &'static Postgres {
    static POSTGRES: OnceLock<Postgres> = OnceLock::new();
    POSTGRES.get_or_init(|| {
        Postgres::start_with(&[], &["max_replication_slots=40", "max_wal_senders=40"]).unwrap()
    })
}

/// A database with an outbox, and an aggregate type that no other test has.
pub struct Outbox<'a> {
    pub database: String,
    pub aggregate: String,
    pub postgres: &'a Postgres,
    pub brokers: String,
}

impl Outbox<'static> {
    pub fn new() -> Self {
        Self::on(postgres(), kafka().brokers())
    }
}

impl<'a> Outbox<'a> {
    pub fn on(postgres: &'a Postgres, brokers: String) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let database = format!(
            "db_{}_{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        postgres
            .psql("postgres", &format!("CREATE DATABASE {database}"))
            .unwrap();
        let outbox = Self {
            aggregate: database.replace('_', "-"),
            database,
            postgres,
            brokers,
        };
        outbox.sql(OUTBOX);
        outbox
    }

    pub fn sql(&self, sql: &str) -> String {
        self.postgres.psql(&self.database, sql).unwrap()
    }

    /// `rows` rows of `keys` keys in one transaction; the payload's `n` counts from `from`.
    pub fn fill(&self, from: u32, rows: u32, keys: u32) {
        self.sql(&format!(
            "INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload) \
             SELECT gen_random_uuid(), '{}', 'k' || n % {keys}, 'Happened', jsonb_build_object('n', n, 'none', null) \
             FROM generate_series({from}, {}) n",
            self.aggregate,
            from + rows - 1
        ));
    }

    pub fn options(&self) -> Options {
        Options {
            config: eventhub_cdc::Config {
                retry_ms: 200,
                ..eventhub_cdc::Config::default()
            },
            ..Options::new(&self.database, self.postgres.url(&self.database))
        }
    }

    pub fn relay(&self) -> Relay {
        self.relay_with(self.options())
    }

    pub fn relay_with(&self, options: Options) -> Relay {
        let producer = eventhub_cdc::producer(&self.kafka_config()).unwrap();
        let (service, handle) = Service::new(options, producer).unwrap();
        let shutdown = CancellationToken::new();
        Relay {
            task: tokio::spawn(service.run(shutdown.clone())),
            handle,
            shutdown,
        }
    }

    pub fn kafka_config(&self) -> Config {
        Config {
            brokers: self.brokers.clone(),
            ..Config::default()
        }
    }

    pub fn topic(&self) -> String {
        format!("{TOPIC_PREFIX}{}", self.aggregate)
    }

    pub async fn delete_topic(&self) {
        let admin: AdminClient<_> = ClientConfig::new()
            .set("bootstrap.servers", &self.brokers)
            .create()
            .unwrap();
        let deleted = admin
            .delete_topics(&[&self.topic()], &AdminOptions::new())
            .await
            .unwrap();
        deleted[0].as_ref().unwrap();
    }

    pub fn has_topic(&self) -> bool {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &self.brokers)
            .create()
            .unwrap();
        let metadata = consumer
            .fetch_metadata(None, Duration::from_secs(10))
            .unwrap();
        metadata
            .topics()
            .iter()
            .any(|topic| topic.name() == self.topic())
    }

    /// Reads the topic from its beginning.
    pub async fn reader(&self) -> Reader {
        let client = Client::new(self.kafka_config()).unwrap();
        let topic = self.topic();
        client
            .ensure_topics([(topic.as_str(), 0), (format!("{topic}.dlq").as_str(), 1)])
            .await
            .unwrap();
        let log = Arc::new(Log::default());
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let group = format!(
            "reader-{}-{}",
            self.database,
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let config = ConsumerConfig {
            max_batch: 500,
            ..ConsumerConfig::new(group, [topic])
        };
        Reader {
            _consumer: Consumer::start(&client, config, log.clone()).unwrap(),
            log,
        }
    }
}

pub struct Relay {
    pub task: JoinHandle<()>,
    pub handle: Handle,
    shutdown: CancellationToken,
}

impl Relay {
    pub async fn active(mut self) -> Self {
        let active = self.handle.wait_for(&Status::Active);
        assert!(
            tokio::time::timeout(Duration::from_secs(30), active)
                .await
                .unwrap()
        );
        self
    }

    pub async fn stop(self) {
        self.shutdown.cancel();
        self.task.await.unwrap();
    }

    /// As a crash: nothing is finished, nothing confirmed.
    pub async fn crash(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

#[derive(Default)]
pub struct Log(Mutex<Vec<Delivery>>);

impl Handler for Log {
    async fn handle(&self, batch: Arc<Vec<Delivery>>) -> Result<Vec<Outcome>, HandlerError> {
        self.0.lock().extend_from_slice(&batch);
        Ok(vec![Outcome::Done; batch.len()])
    }
}

pub struct Reader {
    _consumer: Consumer,
    log: Arc<Log>,
}

impl Reader {
    pub fn all(&self) -> Vec<Delivery> {
        self.log.0.lock().clone()
    }

    pub fn count(&self) -> usize {
        self.log.0.lock().len()
    }

    /// The `n` of every message, per key, in order of arrival.
    pub fn numbers(&self) -> std::collections::BTreeMap<String, Vec<u32>> {
        let mut keys = std::collections::BTreeMap::<String, Vec<u32>>::new();
        for delivery in self.log.0.lock().iter() {
            let value: serde_json::Value = serde_json::from_slice(&delivery.message.value).unwrap();
            let key = String::from_utf8(delivery.message.key.clone().unwrap()).unwrap();
            keys.entry(key)
                .or_default()
                .push(u32::try_from(value["n"].as_u64().unwrap()).unwrap());
        }
        keys
    }

    pub fn distinct(&self) -> usize {
        self.numbers()
            .into_values()
            .flatten()
            .collect::<std::collections::BTreeSet<_>>()
            .len()
    }

    pub async fn wait_for(&self, what: &str, is_there: impl Fn(&Self) -> bool) {
        let end = Instant::now() + Duration::from_secs(60);
        while !is_there(self) {
            assert!(
                Instant::now() < end,
                "waited in vain for {what}; {} came",
                self.count()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

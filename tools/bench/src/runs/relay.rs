//! A backlog of outbox rows to Kafka: the host's reader against real Debezium on Kafka Connect, one
//! after the other on the same servers, each with a database of its own. The rate is that between
//! the first message and the last.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use eventhub_cdc::{Options, Service};
use eventhub_kafka::{
    Client, Config, Consumer, ConsumerConfig, Delivery, Handler, HandlerError, Outcome,
};
use eventhub_testing::{Folder, Process, Signal, free_port};
use parking_lot::Mutex;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use crate::report::{Better, Figure};
use crate::setting::{Setting, progress};

const ROWS: usize = 100_000;

pub async fn cdc(setting: &mut Setting) -> Result<Figure> {
    let state = setting.environment()?.state.clone();
    let servers = Servers {
        postgres: state.postgres["booking_db"].clone(),
        brokers: state.kafka.clone(),
    };
    let ours = Outbox::create(&servers, "bench_relay").await?;
    let rate = ours.relay(|| async { Ours::start(&ours) }).await?;
    let note = format!("{ROWS} rows of 200 bytes of JSON, between the first message and the last");
    let figure = Figure::new("cdc_relay", rate, "/s", Better::Higher);
    let debezium = Outbox::create(&servers, "bench_debezium").await?;
    let baseline = debezium
        .relay(|| async { Debezium::start(&debezium) })
        .await?;
    Ok(figure.against("Debezium", baseline).note(note))
}

struct Servers {
    /// Of any database.
    postgres: String,
    brokers: String,
}

impl Servers {
    fn url(&self, database: &str) -> String {
        let (server, _) = self.postgres.rsplit_once('/').unwrap_or_default();
        format!("{server}/{database}")
    }
}

/// A database with an outbox, and what arrives on its topic.
struct Outbox {
    database: String,
    url: String,
    brokers: String,
    pool: PgPool,
    arrivals: Arc<Arrivals>,
    _consumer: Consumer,
}

/// When the first and the last message came, and how many.
#[derive(Default)]
struct Arrivals(Mutex<(usize, Option<(Instant, Instant)>)>);

impl Handler for Arrivals {
    async fn handle(&self, batch: Arc<Vec<Delivery>>) -> Result<Vec<Outcome>, HandlerError> {
        let (now, mut arrivals) = (Instant::now(), self.0.lock());
        arrivals.0 += batch.len();
        arrivals.1 = Some((arrivals.1.map_or(now, |(first, _)| first), now));
        Ok(vec![Outcome::Done; batch.len()])
    }
}

/// A reader that runs; `stop` ends it in order.
trait Reader {
    async fn stop(self) -> Result<()>;
}

impl Outbox {
    async fn create(servers: &Servers, name: &str) -> Result<Self> {
        let database = format!("{name}_{}", std::process::id());
        let admin = PgPool::connect(&servers.postgres).await?;
        sqlx::raw_sql(sqlx::AssertSqlSafe(format!("CREATE DATABASE {database}")))
            .execute(&admin)
            .await?;
        let url = servers.url(&database);
        let pool = PgPool::connect(&url).await?;
        let table = "CREATE TABLE outbox (id uuid PRIMARY KEY, aggregatetype varchar(255) NOT NULL, aggregateid varchar(255) NOT NULL, \
            type varchar(255) NOT NULL, payload jsonb, occurred_at_us timestamp(6) NOT NULL DEFAULT (now() AT TIME ZONE 'utc'), tracingspancontext text)";
        sqlx::raw_sql(table).execute(&pool).await?;
        let client = Client::new(Config {
            brokers: servers.brokers.clone(),
            ..Config::default()
        })?;
        let topic = format!("{}{database}", eventhub_cdc::TOPIC_PREFIX);
        let dead_letters = format!("{topic}.dlq");
        client
            .ensure_topics([(topic.as_str(), 12), (dead_letters.as_str(), 1)])
            .await?;
        let arrivals = Arc::new(Arrivals::default());
        let config = ConsumerConfig {
            max_batch: 500,
            ..ConsumerConfig::new(&database, [topic])
        };
        let consumer = Consumer::start(&client, config, arrivals.clone())?;
        Ok(Self {
            database,
            url,
            brokers: servers.brokers.clone(),
            pool,
            arrivals,
            _consumer: consumer,
        })
    }

    async fn fill(&self, rows: usize) -> Result<()> {
        let rows = format!(
            "INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload) \
             SELECT gen_random_uuid(), '{}', 'bkg_' || n % 1000, 'BookingConfirmed', jsonb_build_object('n', n, 'text', left(repeat(md5(n::text), 6), 170)) \
             FROM generate_series(1, {rows}) n",
            self.database
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(rows))
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// Messages a second while a backlog is relayed by a reader that knows its slot.
    async fn relay<R: Reader>(&self, mut start: impl AsyncFnMut() -> Result<R>) -> Result<f64> {
        progress(&format!("{}: a slot", self.database));
        let reader = start().await?;
        let began = Instant::now();
        while self.arrivals.0.lock().0 == 0 {
            // The first row that is written after the slot was made is relayed.
            self.fill(1).await?;
            tokio::time::sleep(Duration::from_millis(500)).await;
            ensure!(
                began.elapsed() < Duration::from_secs(120),
                "{}: nothing is relayed after two minutes",
                self.database
            );
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        reader.stop().await?;
        self.fill(ROWS).await?;
        *self.arrivals.0.lock() = (0, None);
        progress(&format!("{}: a backlog of {ROWS} rows", self.database));
        let reader = start().await?;
        let began = Instant::now();
        let rate = loop {
            let (count, times) = *self.arrivals.0.lock();
            if let Some((first, last)) = times.filter(|_| count >= ROWS) {
                break count as f64 / last.duration_since(first).as_secs_f64();
            }
            ensure!(
                began.elapsed() < Duration::from_secs(180),
                "{}: {count} of {ROWS} rows were relayed in three minutes",
                self.database
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        reader.stop().await?;
        Ok(rate)
    }
}

/// The host's reader.
struct Ours {
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

impl Ours {
    fn start(outbox: &Outbox) -> Result<Self> {
        let producer = eventhub_cdc::producer(&Config {
            brokers: outbox.brokers.clone(),
            ..Config::default()
        })?;
        let mut options = Options::new(&outbox.database, &outbox.url);
        options.config.keep_minutes = 0;
        let (service, _) = Service::new(options, producer)?;
        let stop = CancellationToken::new();
        Ok(Self {
            task: tokio::spawn(service.run(stop.clone())),
            stop,
        })
    }
}

impl Reader for Ours {
    async fn stop(self) -> Result<()> {
        self.stop.cancel();
        Ok(self.task.await?)
    }
}

/// Debezium's connector on Kafka Connect, with the outbox event router and the settings that `make
/// test-debezium` uses.
struct Debezium(Process);

impl Debezium {
    fn start(outbox: &Outbox) -> Result<Self> {
        let plugins = PathBuf::from(
            std::env::var_os("EVENTHUB_DEBEZIUM")
                .context("EVENTHUB_DEBEZIUM names no folder: run `make bench`")?,
        );
        let libs = PathBuf::from(
            std::env::var_os("EVENTHUB_KAFKA_LIBS")
                .context("EVENTHUB_KAFKA_LIBS names no folder: run `make bench`")?,
        );
        let offsets = crate::setting::folder("debezium")?.join("offsets");
        let url: sqlx::postgres::PgConnectOptions = outbox.url.parse()?;
        let (host, port, user, database) = (
            url.get_host(),
            url.get_port(),
            url.get_username(),
            &outbox.database,
        );
        let worker = format!(
            "bootstrap.servers={}\nkey.converter=org.apache.kafka.connect.storage.StringConverter\n\
             value.converter=org.apache.kafka.connect.json.JsonConverter\nvalue.converter.schemas.enable=false\n\
             offset.storage.file.filename={}\noffset.flush.interval.ms=1000\nlisteners=http://127.0.0.1:{}\nplugin.path={}\n",
            outbox.brokers,
            offsets.display(),
            free_port()?,
            plugins.display(),
        );
        let connector = format!(
            "name=bench\nconnector.class=io.debezium.connector.postgresql.PostgresConnector\ntasks.max=1\nplugin.name=pgoutput\n\
             database.hostname={host}\ndatabase.port={port}\ndatabase.user={user}\ndatabase.password=x\ndatabase.dbname={database}\ntopic.prefix={database}\n\
             slot.name={database}\npublication.name={database}\npublication.autocreate.mode=filtered\ntable.include.list=public.outbox\n\
             snapshot.mode=no_data\ntombstones.on.delete=false\nskipped.operations=u,d,t\ntransforms=outbox\n\
             transforms.outbox.type=io.debezium.transforms.outbox.EventRouter\ntransforms.outbox.table.expand.json.payload=true\n\
             transforms.outbox.table.field.event.timestamp=occurred_at_us\n\
             transforms.outbox.table.fields.additional.placement=type:header:eventType,tracingspancontext:header\n"
        );
        let folder = Folder::of_this_user("connect")?;
        std::fs::write(folder.path().join("worker.properties"), worker)?;
        std::fs::write(folder.path().join("connector.properties"), connector)?;
        let main = "org.apache.kafka.connect.cli.ConnectStandalone";
        let command = [
            "java",
            "-Xmx512m",
            "-XX:+UseSerialGC",
            "-Dlog4j2.level=ERROR",
            main,
            "worker.properties",
            "connector.properties",
        ];
        Ok(Self(Process::start(
            folder,
            &command,
            &[("CLASSPATH", &format!("{}/*", libs.display()))],
        )?))
    }
}

impl Reader for Debezium {
    async fn stop(mut self) -> Result<()> {
        Ok(tokio::task::block_in_place(|| {
            self.0.stop(Signal::SIGTERM)
        })?)
    }
}

//! The order of things in `eventhub up`: servers, migrations, the host, the seed, `state.json`; and
//! all of it back at the end.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use eventhub_stripe_simulator as stripe;

use super::folder::Folder;
use super::kafka::Kafka;
use super::place::{self, Place};
use super::postgres::Postgres;
use super::process::{keep_port, port};
use super::redis::Redis;
use super::seed;
use super::state::{State, Stripe, write, write_text};
use crate::config::Config;
use crate::migrate;
use crate::serve::Signals;

/// What `eventhub up` takes.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// Where the environment's data are kept.
    #[arg(long, env = "EVENTHUB_HOME", default_value = ".eventhub")]
    home: PathBuf,
    /// The folder of migrations.
    #[arg(long, env = "EVENTHUB_MIGRATIONS", default_value = "migrations")]
    migrations: PathBuf,
    /// A file with what differs from the defaults; addresses, keys and rate limits of development
    /// go before it.
    #[arg(long, env = "EVENTHUB_CONFIG")]
    pub config: Option<PathBuf>,
    /// The folder of Apache Kafka's jars (setup/kafka.sh prints it).
    #[arg(long, env = "EVENTHUB_KAFKA_LIBS")]
    kafka_libs: PathBuf,
    #[command(flatten)]
    place: place::Options,
    /// Port of the public API.
    #[arg(long, env = "EVENTHUB_HTTP_PORT", default_value_t = 8080)]
    http_port: u16,
    /// Port of health, readiness and metrics.
    #[arg(long, env = "EVENTHUB_ADMIN_PORT", default_value_t = 9080)]
    admin_port: u16,
}

// Wide enough for tests and load on one machine.
const DEVELOPMENT: [(&str, &str, &str); 5] = [
    ("api-gateway", "RATE_LIMIT_USER_PER_SECOND", "1000"),
    ("api-gateway", "RATE_LIMIT_USER_BURST", "1000"),
    ("api-gateway", "RATE_LIMIT_ADDRESS_PER_SECOND", "1000"),
    ("api-gateway", "RATE_LIMIT_ADDRESS_BURST", "1000"),
    ("api-gateway", "RATE_LIMIT_AUTH_PER_MINUTE", "60000"),
];

// What the payment component acts upon.
const WEBHOOKS: [&str; 6] = [
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
    "payment_intent.processing",
    "refund.updated",
    "refund.failed",
];

/// Runs a development environment until SIGINT or SIGTERM.
pub async fn up(options: Options) -> Result<()> {
    let mut signals = Signals::listen()?;
    options.place.check()?;
    let folder = Folder::open(&options.home)?;
    let state_file = folder.path.join("state.json");
    let _ = std::fs::remove_file(&state_file);

    keep_port(options.http_port);
    keep_port(options.admin_port);
    // One after the other, and from this thread: the kernel ends a server when the thread that
    // started it ends.
    tracing::info!(
        "starting PostgreSQL, Redis and Kafka in {}",
        folder.path.display()
    );
    let mut kafka = Kafka::start(&folder, &options.kafka_libs).await?;
    let mut postgres = Postgres::start(&folder).await?;
    let mut redis = Redis::start(&folder).await?;
    let servers = [
        ("host", std::process::id()),
        ("postgres", postgres.process.pid()),
        ("redis", redis.process.pid()),
        ("kafka", kafka.process.pid()),
    ];
    let pids = servers.map(|(name, pid)| (name.to_string(), pid)).into();

    let started = tokio::select! {
        started = start(&options, &folder, &postgres, &redis, &kafka, pids, &state_file) => started.map(Some),
        () = signals.wait() => Ok(None),
    };
    let outcome = match started {
        Ok(Some(mut running)) => {
            let outcome = tokio::select! {
                () = signals.wait() => Ok(()),
                ended = running.place.supervise(|pids| restarted(&mut running.state, pids, &state_file)) => ended,
            };
            running.place.stop().await;
            running.simulator.shutdown().await;
            outcome
        }
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    let _ = std::fs::remove_file(&state_file);
    tracing::info!("stopping Kafka, Redis and PostgreSQL");
    tokio::join!(
        kafka.process.stop(),
        redis.process.stop(),
        postgres.process.stop()
    );
    outcome
}

/// Everything but the servers.
struct Running {
    place: Place,
    simulator: stripe::Running,
    state: State,
}

/// A process was started again, and has another pid.
fn restarted(state: &mut State, pids: &BTreeMap<String, u32>, file: &Path) {
    state.pids.extend(pids.clone());
    if let Err(error) = write(file, &*state) {
        tracing::warn!(error.cause = %error, "state.json cannot be written");
    }
}

/// Everything but the servers; `state.json` is written last.
async fn start(
    options: &Options,
    folder: &Folder,
    postgres: &Postgres,
    redis: &Redis,
    kafka: &Kafka,
    mut pids: BTreeMap<String, u32>,
    state_file: &Path,
) -> Result<Running> {
    let keys = Stripe {
        url: String::new(),
        publishable_key: "pk_test_eventhub_development".into(),
        secret_key: "sk_test_eventhub_development".into(),
        webhook_secret: "whsec_eventhub_development".into(),
    };
    let http = format!("http://localhost:{}", options.http_port);
    let simulator = stripe::Simulator::start(stripe::Options {
        listen: SocketAddr::from(([127, 0, 0, 1], port("EVENTHUB_STRIPE_PORT")?)),
        secret_key: keys.secret_key.clone(),
        publishable_key: keys.publishable_key.clone(),
        webhook_endpoints: vec![stripe::WebhookEndpoint {
            url: format!("http://127.0.0.1:{}/webhooks/stripe", options.http_port),
            secret: keys.webhook_secret.clone(),
            enabled_events: WEBHOOKS.map(str::to_string).to_vec(),
        }],
        state_file: Some(folder.path.join("stripe.jsonl")),
        ..stripe::Options::default()
    })
    .await
    .context("the Stripe simulator cannot start")?;
    let keys = Stripe {
        url: format!("http://{}", simulator.addr),
        ..keys
    };

    let mut config = Config::load(options.config.as_deref())?;
    config.http.listen = SocketAddr::from(([0, 0, 0, 0], options.http_port));
    config.http.public_url = http.clone();
    config.admin.listen = SocketAddr::from(([127, 0, 0, 1], options.admin_port));
    config.postgres.databases = postgres.urls();
    config.redis.url = redis.url.clone();
    config.kafka.brokers = kafka.brokers.clone();
    config.outgoing.insert(
        "payment-stripe".into(),
        vec![format!("private {}", simulator.addr)],
    );
    for (component, name, value) in DEVELOPMENT {
        // A variable that the operator sets wins over the development default.
        let variable = format!(
            "EVENTHUB_ENVIRONMENT_{}_{name}",
            component.to_uppercase().replace('-', "_")
        );
        if std::env::var(variable).is_err() {
            config
                .environment
                .entry(component.into())
                .or_default()
                .insert(name.into(), value.into());
        }
    }
    // So are the sockets, which all come from this machine.
    if std::env::var("EVENTHUB_WEBSOCKET_MAX_SOCKETS_PER_ADDRESS").is_err() {
        config.websocket.max_sockets_per_address = 0;
    }
    let booking = config.environment.entry("booking".into()).or_default();
    booking.insert("TICKET_SIGNING_KEY".into(), ticket_key(&folder.path)?);
    let provider = config
        .environment
        .entry("payment-stripe".into())
        .or_default();
    provider.insert("STRIPE_URL".into(), keys.url.clone());
    provider.insert("STRIPE_SECRET_KEY".into(), keys.secret_key.clone());
    provider.insert(
        "STRIPE_PUBLISHABLE_KEY".into(),
        keys.publishable_key.clone(),
    );
    provider.insert("STRIPE_WEBHOOK_SECRETS".into(), keys.webhook_secret.clone());

    migrate::run(&options.migrations, &config.postgres.databases).await?;
    let place = Place::start(&options.place, folder, &mut config).await?;
    pids.extend(place.pids());
    let demo = seed::demo(
        &format!("http://127.0.0.1:{}", options.http_port),
        &folder.path.join("demo.json"),
    )
    .await?;
    let state = State {
        http: http.clone(),
        admin: format!("http://127.0.0.1:{}", options.admin_port),
        postgres: config.postgres.databases.clone(),
        redis: redis.url.clone(),
        kafka: kafka.brokers.clone(),
        stripe: keys,
        mail: None,
        pids,
        components: place::components(&options.place.manifest).await?,
        demo,
    };
    write(state_file, &state)?;
    announce(&state);
    Ok(Running {
        place,
        simulator,
        state,
    })
}

fn announce(state: &State) {
    let State {
        http,
        admin,
        stripe,
        demo,
        ..
    } = state;
    println!("\nEventHub is ready.\n");
    println!("  API          {http}/api/v1      OpenAPI: {http}/api/openapi.json");
    println!("  Operators    {admin}/readyz     {admin}/metrics");
    println!("  Stripe       {} (simulator)", stripe.url);
    println!("  Demo event   {http}/api/v1/events/{}", demo.event_id);
    println!(
        "  Its seats    {http}/api/v1/sessions/{}/seats",
        demo.session_id
    );
    println!(
        "  Organizer    {} / {}",
        demo.organizer.email, demo.organizer.password
    );
    println!(
        "  Buyer        {} / {}",
        demo.buyer.email, demo.buyer.password
    );
    println!("\nCtrl-C stops everything; the data stay for the next time.\n");
}

/// The seed that signs tickets, made once per environment.
fn ticket_key(folder: &Path) -> Result<String> {
    let path = folder.join("ticket.key");
    if let Ok(key) = std::fs::read_to_string(&path) {
        return Ok(key);
    }
    use base64::Engine as _;
    let key = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
    write_text(&path, &key)?;
    Ok(key)
}

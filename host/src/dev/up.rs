//! The order of `eventhub up`: servers, migrations, the platform, the seed, `state.json`; at the end,
//! all of it stops in reverse.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use eventhub_stripe_simulator as stripe;

use super::folder::Folder;
use super::kafka::Kafka;
use super::platform::{self, Platform, component_hashes};
use super::postgres::Postgres;
use super::process::{keep_port, port};
use super::redis::Redis;
use super::seed;
use super::state::{State, Stripe, write, write_text};
use crate::config::Config;
use crate::manifest::Manifest;
use crate::migrate;
use crate::serve::Signals;

/// What `eventhub up` takes.
#[derive(clap::Args, Debug)]
pub struct Options {
    /// The folder of the environment's data.
    #[arg(long, env = "EVENTHUB_HOME", default_value = ".eventhub")]
    home: PathBuf,
    /// The folder of migrations.
    #[arg(long, env = "EVENTHUB_MIGRATIONS", default_value = "migrations")]
    migrations: PathBuf,
    /// The folder of Apache Kafka's jars (setup/kafka.sh prints it).
    #[arg(long, env = "EVENTHUB_KAFKA_LIBS")]
    kafka_libs: PathBuf,
    #[command(flatten)]
    platform: platform::Options,
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
pub async fn up(options: Options, manifest: &Manifest, mut config: Config) -> Result<()> {
    let mut signals = Signals::listen()?;
    options.platform.check()?;
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
    let mut postgres = Postgres::start(&folder, manifest.databases()).await?;
    let mut redis = Redis::start(&folder).await?;
    let servers = [
        ("host", std::process::id()),
        ("postgres", postgres.process.pid()),
        ("redis", redis.process.pid()),
        ("kafka", kafka.process.pid()),
    ];
    let pids = servers.map(|(name, pid)| (name.to_string(), pid)).into();

    let servers = Servers {
        postgres: &postgres.url,
        redis: &redis.url,
        kafka: &kafka.brokers,
    };
    let started = tokio::select! {
        started = start(&options, manifest, &mut config, &folder, servers, pids) => started.map(Some),
        () = signals.wait() => Ok(None),
    };
    let outcome = match started {
        Ok(Some(mut running)) => {
            let outcome = tokio::select! {
                () = signals.wait() => Ok(()),
                ended = running.platform.supervise(|pids| {
                    update_pids(&mut running.state, pids, &state_file);
                }) => ended,
            };
            running.platform.stop().await;
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

/// Addresses of the servers.
struct Servers<'a> {
    /// With `{database}` in place of the database's name.
    postgres: &'a str,
    redis: &'a str,
    kafka: &'a str,
}

/// Everything but the servers.
struct Running {
    platform: Platform,
    simulator: stripe::Running,
    state: State,
}

/// Writes the new pids after a restart.
fn update_pids(state: &mut State, pids: &BTreeMap<String, u32>, file: &Path) {
    state.pids.extend(pids.clone());
    if let Err(error) = write(file, &*state) {
        tracing::warn!(error.cause = %error, "cannot write state.json");
    }
}

/// Everything but the servers; `state.json` is written last.
async fn start(
    options: &Options,
    manifest: &Manifest,
    config: &mut Config,
    folder: &Folder,
    servers: Servers<'_>,
    mut pids: BTreeMap<String, u32>,
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
    .context("cannot start the Stripe simulator")?;
    let keys = Stripe {
        url: format!("http://{}", simulator.addr),
        ..keys
    };

    config.http.listen = SocketAddr::from(([0, 0, 0, 0], options.http_port));
    config.http.public_url = http.clone();
    config.admin.listen = SocketAddr::from(([127, 0, 0, 1], options.admin_port));
    config.postgres.url = servers.postgres.into();
    config
        .postgres
        .databases
        .values_mut()
        .for_each(String::clear);
    config.postgres.fill_addresses();
    config.redis.url = servers.redis.into();
    config.kafka.brokers = servers.kafka.into();
    if let Some(authorities) = config.outgoing.get_mut("payment-stripe") {
        *authorities = vec![format!("private {}", simulator.addr)];
    }
    for (component, name, value) in DEVELOPMENT {
        // A variable that the operator sets wins over the development default.
        let variable = format!(
            "EVENTHUB_ENVIRONMENT_{}_{name}",
            component.to_uppercase().replace('-', "_")
        );
        if std::env::var(variable).is_err() {
            set_variable(config, component, name, value);
        }
    }
    // All sockets come from this machine, so the limit of an address does not apply.
    if std::env::var("EVENTHUB_WEBSOCKET_MAX_SOCKETS_PER_ADDRESS").is_err() {
        config.websocket.max_sockets_per_address = 0;
    }
    set_variable(
        config,
        "booking",
        "TICKET_SIGNING_KEY",
        &ticket_key(&folder.path)?,
    );
    for (name, value) in [
        ("STRIPE_URL", &keys.url),
        ("STRIPE_SECRET_KEY", &keys.secret_key),
        ("STRIPE_PUBLISHABLE_KEY", &keys.publishable_key),
        ("STRIPE_WEBHOOK_SECRETS", &keys.webhook_secret),
    ] {
        set_variable(config, "payment-stripe", name, value);
    }

    migrate::run(&options.migrations, &config.postgres.databases).await?;
    let platform = Platform::start(&options.platform, manifest, folder, config).await?;
    pids.extend(platform.pids());
    let demo = seed::ensure_demo(
        &format!("http://127.0.0.1:{}", options.http_port),
        &folder.path.join("demo.json"),
    )
    .await?;
    let state = State {
        http: http.clone(),
        admin: format!("http://127.0.0.1:{}", options.admin_port),
        postgres: config.postgres.databases.clone(),
        redis: servers.redis.into(),
        kafka: servers.kafka.into(),
        stripe: keys,
        mail: None,
        pids,
        components: component_hashes(manifest)?,
        demo,
    };
    write(&folder.path.join("state.json"), &state)?;
    announce(&state);
    Ok(Running {
        platform,
        simulator,
        state,
    })
}

/// Sets a variable of a component that the manifest has.
fn set_variable(config: &mut Config, component: &str, name: &str, value: &str) {
    if let Some(variables) = config.environment.get_mut(component) {
        variables.insert(name.into(), value.into());
    }
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
    println!("\nCtrl-C stops everything; the next start finds the data again.\n");
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

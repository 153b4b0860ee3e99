//! Hosts on servers that outlive them: PostgreSQL, Redis, Kafka, the Stripe simulator, a balancer,
//! and any number of `eventhub serve`. Each part can be stopped, killed and started again while the
//! others go on.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::LazyLock;

use anyhow::{Context, Result, anyhow, bail};
use eventhub_manifest::Manifest;
use eventhub_stripe_simulator::{Options, Running, Simulator, WebhookEndpoint};
use eventhub_testing::{Kafka, Postgres, Redis};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard};

use crate::balancer::Balancer;
use crate::eventhub::{Stripe, binary, root};
use crate::folder::temporary;
use crate::served::Served;

/// As `eventhub up` sets them: wide enough for load from one machine.
const RATE_LIMITS: [(&str, &str); 5] = [
    ("RATE_LIMIT_USER_PER_SECOND", "1000"),
    ("RATE_LIMIT_USER_BURST", "1000"),
    ("RATE_LIMIT_ADDRESS_PER_SECOND", "1000"),
    ("RATE_LIMIT_ADDRESS_BURST", "1000"),
    ("RATE_LIMIT_AUTH_PER_MINUTE", "60000"),
];

const WEBHOOKS: [&str; 6] = [
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "payment_intent.canceled",
    "payment_intent.processing",
    "refund.updated",
    "refund.failed",
];

/// Running servers and hosts. Dropping it ends the hosts first.
pub struct Cluster {
    pub hosts: Vec<Served>,
    pub postgres: Postgres,
    pub redis: Redis,
    pub kafka: Kafka,
    pub stripe: Stripe,
    /// Base URL of the API, behind the balancer.
    pub http: String,
    /// Database → URL.
    pub databases: BTreeMap<String, String>,
    balancer: Balancer,
    folder: PathBuf,
    _simulator: Running,
}

impl Cluster {
    /// The cluster of this test binary; tests that share it take turns. Parts stopped by an earlier
    /// test run again.
    pub async fn shared(
        hosts: usize,
        environment: &[(&str, &str)],
    ) -> Result<MappedMutexGuard<'static, Cluster>> {
        static SHARED: Mutex<Option<Cluster>> = Mutex::const_new(None);
        let mut shared = SHARED.lock().await;
        match shared.as_mut() {
            Some(cluster) => cluster.mend()?,
            None => *shared = Some(Cluster::start(hosts, environment).await?),
        }
        MutexGuard::try_map(shared, Option::as_mut)
            .map_err(|_| anyhow!("the cluster was just there"))
    }

    /// Starts everything, with these variables for each host.
    pub async fn start(hosts: usize, environment: &[(&str, &str)]) -> Result<Self> {
        let folder = temporary("cluster")?;
        let file = root()?.join("wadm.yaml");
        let manifest = Manifest::read(&file)?;
        let names: Vec<&str> = manifest.databases().into_iter().collect();
        let balancer = Balancer::start()?;
        let http = format!("http://{}", balancer.address);
        let (simulator, stripe) = simulator(&http).await?;
        let (kafka, postgres, redis) = tokio::task::block_in_place(|| -> Result<_> {
            Ok((Kafka::start()?, Postgres::start(&names)?, Redis::start()?))
        })?;
        let databases: BTreeMap<_, _> = names
            .iter()
            .map(|name| (name.to_string(), postgres.url(name)))
            .collect();
        let mut variables = settings(&databases, &redis, &kafka, &stripe, &http);
        migrate(&variables)?;
        variables.extend(
            environment
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_string())),
        );

        let mut cluster = Self {
            hosts: vec![],
            postgres,
            redis,
            kafka,
            stripe,
            http,
            databases,
            balancer,
            folder,
            _simulator: simulator,
        };
        for host in 0..hosts {
            let folder = cluster.folder.join(format!("host-{host}"));
            cluster.hosts.push(tokio::task::block_in_place(|| {
                Served::start(&folder, &file, &variables)
            })?);
        }
        cluster
            .balancer
            .set(cluster.hosts.iter().map(Served::address).collect());
        Ok(cluster)
    }

    /// Starts every stopped part.
    fn mend(&mut self) -> Result<()> {
        tokio::task::block_in_place(|| {
            self.postgres.start_again()?;
            self.redis.start_again()?;
            self.kafka.start_again()?;
            for host in self.hosts.iter_mut().filter(|host| host.pid() == 0) {
                host.start_again()?;
            }
            Ok(())
        })
    }

    /// `kill -9` of a host, and a new one in its place.
    pub fn crash(&mut self, host: usize) -> Result<()> {
        tokio::task::block_in_place(|| self.hosts[host].start_again())
    }

    /// A new connection to a database.
    pub async fn database(&self, name: &str) -> Result<sqlx::PgConnection> {
        use sqlx::Connection;
        let url = self
            .databases
            .get(name)
            .with_context(|| format!("no database {name}"))?;
        Ok(sqlx::PgConnection::connect(url).await?)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.hosts.clear();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Outlives the runtimes of single tests.
fn runtime() -> Result<&'static Runtime> {
    static RUNTIME: LazyLock<std::io::Result<Runtime>> = LazyLock::new(|| {
        Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
    });
    RUNTIME
        .as_ref()
        .map_err(|error| anyhow!("no runtime for the simulator: {error}"))
}

async fn simulator(webhooks_to: &str) -> Result<(Running, Stripe)> {
    let keys = Stripe {
        url: String::new(),
        publishable_key: "pk_test_eventhub_tests".into(),
        secret_key: "sk_test_eventhub_tests".into(),
        webhook_secret: "whsec_eventhub_tests".into(),
    };
    let options = Options {
        secret_key: keys.secret_key.clone(),
        publishable_key: keys.publishable_key.clone(),
        webhook_endpoints: vec![WebhookEndpoint {
            url: format!("{webhooks_to}/webhooks/stripe"),
            secret: keys.webhook_secret.clone(),
            enabled_events: WEBHOOKS.map(str::to_string).to_vec(),
        }],
        ..Options::default()
    };
    let running = runtime()?.spawn(Simulator::start(options)).await??;
    let url = running.url.clone();
    Ok((running, Stripe { url, ..keys }))
}

fn settings(
    databases: &BTreeMap<String, String>,
    redis: &Redis,
    kafka: &Kafka,
    stripe: &Stripe,
    http: &str,
) -> Vec<(String, String)> {
    let authority = stripe.url.trim_start_matches("http://");
    let mut variables: Vec<(String, String)> = databases
        .iter()
        .map(|(name, url)| {
            (
                format!("EVENTHUB_POSTGRES_DATABASES_{}", name.to_uppercase()),
                url.clone(),
            )
        })
        .collect();
    let mut set = |name: &str, value: String| variables.push((format!("EVENTHUB_{name}"), value));
    set("REDIS_URL", redis.url());
    set("KAFKA_BROKERS", kafka.brokers());
    set("HTTP_PUBLIC_URL", http.into());
    set("OUTGOING_PAYMENT_STRIPE", format!("private {authority}"));
    set("ENVIRONMENT_PAYMENT_STRIPE_STRIPE_URL", stripe.url.clone());
    set(
        "ENVIRONMENT_PAYMENT_STRIPE_STRIPE_SECRET_KEY",
        stripe.secret_key.clone(),
    );
    set(
        "ENVIRONMENT_PAYMENT_STRIPE_STRIPE_PUBLISHABLE_KEY",
        stripe.publishable_key.clone(),
    );
    set(
        "ENVIRONMENT_PAYMENT_STRIPE_STRIPE_WEBHOOK_SECRETS",
        stripe.webhook_secret.clone(),
    );
    // 32 bytes in base64url.
    set("ENVIRONMENT_BOOKING_TICKET_SIGNING_KEY", "A".repeat(43));
    for (name, value) in RATE_LIMITS {
        set(&format!("ENVIRONMENT_API_GATEWAY_{name}"), value.into());
    }
    variables
}

fn migrate(variables: &[(String, String)]) -> Result<()> {
    let root = root()?;
    let mut command = Command::new(binary(&root)?);
    command
        .arg("migrate")
        .current_dir(&root)
        .envs(variables.iter().map(|(name, value)| (name, value)));
    let output = command.output()?;
    if !output.status.success() {
        bail!(
            "eventhub migrate failed:\n{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    Ok(())
}

//! All databases of the configuration, for the whole process. Retries wherever that is safe: a
//! transaction is a value.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use eventhub_bindings::postgres::{Error, Expectation, Options, Rows, Statement};
use futures::future::join_all;

use crate::config::{Config, ConfigError, MOST_CONNECTIONS};
use crate::failure::Failure;
use crate::pipeline;
use crate::pool::{Database, Lease};

/// Cheap to clone; all clones share the connections.
#[derive(Debug, Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    databases: HashMap<String, Database>,
    query_retries: u8,
    ready_timeout: Duration,
}

impl Client {
    /// Reads the configuration. Connections are made when the first call needs them.
    ///
    /// # Errors
    /// [`ConfigError`]: the operator's mistake.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        if !(1..=MOST_CONNECTIONS).contains(&config.pool_size) {
            return Err(ConfigError::PoolSize(config.pool_size));
        }
        let mut databases = HashMap::with_capacity(config.databases.len());
        for (name, address) in &config.databases {
            databases.insert(name.clone(), Database::new(name, address, &config)?);
        }
        let ready_timeout =
            Duration::from_millis(config.acquire_timeout_ms + config.connect_timeout_ms);
        Ok(Self {
            shared: Arc::new(Shared {
                databases,
                query_retries: config.query_retries,
                ready_timeout,
            }),
        })
    }

    /// One statement in its own transaction.
    ///
    /// # Errors
    /// [`Error`]; `statement` is 0 in it.
    pub async fn query(&self, database: &str, statement: &Statement) -> Result<Rows, Error> {
        let database = self.database(database)?;
        attempts(database, self.shared.query_retries, |lease| {
            pipeline::query(lease, statement)
        })
        .await
    }

    /// All statements in one transaction; without a statement, no transaction is opened.
    ///
    /// # Errors
    /// [`Error`]: the transaction had no effect, except after [`Error::Unavailable`], when the
    /// effect is unknown.
    pub async fn transaction(
        &self,
        database: &str,
        statements: &[Statement],
        options: Options,
    ) -> Result<Vec<Rows>, Error> {
        let database = self.database(database)?;
        if statements.is_empty() {
            return Ok(Vec::new());
        }
        let attempt = |lease| pipeline::transaction(lease, statements, options.isolation);
        attempts(database, options.retries, attempt).await
    }

    /// Whether every database answers.
    ///
    /// # Errors
    /// The databases that do not answer, and why.
    pub async fn ready(&self) -> Result<(), BTreeMap<String, String>> {
        let ask = Statement {
            text: "SELECT 1".to_owned(),
            params: Vec::new(),
            expect: Expectation::Any,
        };
        let asked = self.shared.databases.values().map(|database| {
            let ask = &ask;
            async move {
                let answer = attempts(database, 0, |lease| pipeline::query(lease, ask));
                match tokio::time::timeout(self.shared.ready_timeout, answer).await {
                    Ok(Ok(_)) => None,
                    Ok(Err(error)) => Some((database.name.to_string(), error.message())),
                    Err(_) => Some((database.name.to_string(), "no answer".to_string())),
                }
            }
        });
        let silent: BTreeMap<_, _> = join_all(asked).await.into_iter().flatten().collect();
        if silent.is_empty() {
            Ok(())
        } else {
            Err(silent)
        }
    }

    fn database(&self, name: &str) -> Result<&Database, Error> {
        self.shared
            .databases
            .get(name)
            .ok_or_else(|| Error::Invalid(format!("there is no database {name}")))
    }
}

/// Makes attempts until one succeeds, or until a retry would be pointless or unsafe.
async fn attempts<T, F: Future<Output = Result<T, Failure>>>(
    database: &Database,
    retries: u8,
    attempt: impl Fn(Lease) -> F,
) -> Result<T, Error> {
    let mut tried = 0;
    let mut may_reconnect = true;
    let mut may_prepare = true;
    loop {
        let lease = database.lease().await?;
        let used_before = lease.used_before();
        let name = &database.name;
        let reason = match attempt(lease).await {
            Ok(answer) => return Ok(answer),
            Err(Failure::Final(error)) => return Err(error),
            Err(Failure::Again(_)) if tried < retries => {
                tokio::time::sleep(pause(tried)).await;
                tried += 1;
                "serialization"
            }
            Err(Failure::Again(text)) => {
                return Err(Error::Serialization(format!("{name}: {text}")));
            }
            Err(Failure::Stale(_)) if may_prepare => {
                may_prepare = false;
                database.forget_statements();
                "stale"
            }
            // The server may have restarted since the connection's last use. It cannot have
            // executed anything of this attempt.
            Err(Failure::Lost {
                may_have_happened: false,
                ..
            }) if used_before && may_reconnect => {
                may_reconnect = false;
                database.forget_broken();
                "reconnect"
            }
            Err(Failure::Stale(text) | Failure::Lost { text, .. }) => {
                database.forget_broken();
                return Err(Error::Unavailable(format!("{name}: {text}")));
            }
        };
        let labels = [("database", name.clone()), ("reason", reason.to_owned())];
        metrics::counter!("eventhub_postgres_retries_total", &labels).increment(1);
    }
}

/// Doubles from 2 ms up to 64 ms; half of it is random, so that colliding transactions do not
/// collide again.
fn pause(tried: u8) -> Duration {
    let longest = f64::from(2u32 << tried.min(5));
    Duration::from_secs_f64(longest * (0.5 + 0.5 * rand::random::<f64>()) / 1_000.0)
}

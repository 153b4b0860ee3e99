//! The connections to one database.

use std::ops::Deref;
use std::time::Duration;

use deadpool_postgres::{
    Manager, ManagerConfig, Object, Pool, PoolError, QueueMode, RecyclingMethod, Runtime, Timeouts,
};
use eventhub_bindings::postgres::Error;
use tokio_postgres::NoTls;

use crate::config::{Config, ConfigError};
use crate::failure::whole;

/// The most prepared statements of a connection: texts that change from call to call must not fill
/// the server's memory.
const MOST_STATEMENTS: usize = 500;

/// One database under the name that components use.
#[derive(Debug)]
pub struct Database {
    pub name: String,
    pool: Pool,
}

impl Database {
    /// Reads the address; does not connect.
    ///
    /// # Errors
    /// [`ConfigError::Address`].
    pub fn new(name: &str, address: &str, config: &Config) -> Result<Self, ConfigError> {
        let bad = |reason: String| ConfigError::Address {
            database: name.to_owned(),
            reason,
        };
        let mut postgres: tokio_postgres::Config = address
            .parse()
            .map_err(|error: tokio_postgres::Error| bad(whole(&error)))?;
        if postgres.get_application_name().is_none() {
            postgres.application_name("eventhub");
        }
        // A transaction waits for this process only between its statements and COMMIT, never for a
        // guest.
        let mut options = postgres.get_options().unwrap_or_default().to_owned();
        let timeout = config.statement_timeout_ms;
        options.push_str(&format!(" -c statement_timeout={timeout} -c idle_in_transaction_session_timeout={timeout} -c timezone=UTC"));
        postgres.options(options);
        postgres.keepalives_idle(Duration::from_secs(30));
        postgres.tcp_user_timeout(Duration::from_secs(10));

        let manager = Manager::from_config(
            postgres,
            NoTls,
            ManagerConfig {
                recycling_method: RecyclingMethod::Fast,
            },
        );
        let pool = Pool::builder(manager)
            .max_size(config.pool_size)
            .timeouts(Timeouts {
                wait: Some(Duration::from_millis(config.acquire_timeout_ms)),
                create: Some(Duration::from_millis(config.connect_timeout_ms)),
                recycle: Some(Duration::from_millis(config.connect_timeout_ms)),
            })
            // The connection used last has its statements prepared and its backend's caches warm.
            .queue_mode(QueueMode::Lifo)
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| bad(error.to_string()))?;
        Ok(Self {
            name: name.to_owned(),
            pool,
        })
    }

    /// A connection of the pool, or a new one.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: no connection became free in time, or the server refuses new ones.
    pub async fn lease(&self) -> Result<Lease, Error> {
        let object = self.pool.get().await.map_err(|error| {
            let why = match error {
                PoolError::Timeout(step) => match step {
                    deadpool_postgres::TimeoutType::Wait => "all connections are in use".to_owned(),
                    _ => "connecting took too long".to_owned(),
                },
                PoolError::Backend(error) => whole(&error),
                other => other.to_string(),
            };
            Error::Unavailable(format!("{}: {why}", self.name))
        })?;
        if object.statement_cache.size() > MOST_STATEMENTS {
            object.statement_cache.clear();
        }
        let used_before = Object::metrics(&object).recycled.is_some();
        Ok(Lease {
            object: Some(object),
            used_before,
        })
    }

    /// Makes every connection prepare its statements again.
    pub fn forget_statements(&self) {
        self.pool.manager().statement_caches.clear();
    }

    /// Closes the idle connections that have broken.
    pub fn forget_broken(&self) {
        self.pool.retain(|client, _| !client.is_closed());
    }
}

/// A connection in use. It goes back to the pool only after [`Lease::clean`]. If it is dropped
/// earlier, for example because the caller abandons a transaction, it is closed and its running
/// statement is cancelled.
pub struct Lease {
    object: Option<Object>,
    used_before: bool,
}

impl Lease {
    /// Whether the connection has served before, and so may have broken unnoticed since.
    pub fn used_before(&self) -> bool {
        self.used_before
    }

    /// Gives the connection back: it has no open transaction and no outstanding answer.
    pub fn clean(mut self) {
        drop(self.object.take());
    }
}

impl Deref for Lease {
    type Target = Object;

    fn deref(&self) -> &Object {
        match &self.object {
            Some(object) => object,
            None => unreachable!("only `clean` and `drop` take it, and nothing comes after"),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(object) = self.object.take() else {
            return;
        };
        let connection = Object::take(object);
        if connection.is_closed() {
            return;
        }
        // The server notices the closed connection only when the statement ends; until then the
        // statement would keep its locks.
        let cancel = connection.cancel_token();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = cancel.cancel_query(NoTls).await {
                    tracing::debug!(%error, "could not cancel an abandoned statement");
                }
                drop(connection);
            });
        }
    }
}

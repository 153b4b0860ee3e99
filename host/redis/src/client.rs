//! One multiplexed connection to one Redis, for the whole process.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use eventhub_bindings::redis::{Command, Error, Reply};
use parking_lot::RwLock;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Cmd, IntoConnectionInfo, Pipeline, RedisError, Script, Value};

use crate::command;
use crate::config::{Config, ConfigError};
use crate::reply::{is_unknown_script, reply, unreachable};

/// Scripts are few and constant. Above this number a script is hashed on each call, so that
/// changing texts do not fill the memory.
const MOST_SCRIPTS: usize = 256;

/// Cheap to clone; all clones share the connection.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    connection: ConnectionManager,
    max_reply_bytes: usize,
    /// From a script's source to its SHA-1 in hexadecimal.
    hashes: RwLock<HashMap<Box<str>, Arc<str>>>,
}

impl Client {
    /// Reads the configuration and connects in the background. Call it within a Tokio runtime.
    ///
    /// # Errors
    /// [`ConfigError`]: the operator's mistake.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        let bad = |error: RedisError| ConfigError(error.to_string());
        let server = config
            .url
            .as_str()
            .into_connection_info()
            .and_then(redis::Client::open)
            .map_err(bad)?;
        let how = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(Duration::from_millis(config.connect_timeout_ms)))
            .set_response_timeout(Some(Duration::from_millis(config.response_timeout_ms)))
            // Callers get an error at once; the pings keep trying.
            .set_number_of_retries(0);
        let connection = ConnectionManager::new_lazy_with_config(server, how).map_err(bad)?;
        let shared = Arc::new(Shared {
            connection,
            max_reply_bytes: config.max_reply_bytes,
            hashes: RwLock::default(),
        });
        tokio::spawn(keep_alive(
            Arc::downgrade(&shared),
            Duration::from_millis(config.ping_interval_ms.max(10)),
        ));
        Ok(Self { shared })
    }

    /// One command.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn execute(&self, parts: &[Vec<u8>]) -> Result<Reply, Error> {
        let command = command::command(parts)?;
        self.answer(self.shared.send(&command).await?)
    }

    /// Commands sent together and answered in order; commands of other callers may run in between.
    ///
    /// # Errors
    /// [`Error::Invalid`] when a command is forbidden: then no command is sent.
    /// [`Error::Unavailable`].
    pub async fn pipeline(&self, commands: &[Command]) -> Result<Vec<Result<Reply, Error>>, Error> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let mut pipeline = Pipeline::with_capacity(commands.len());
        for parts in commands {
            pipeline.add_command(command::command(parts)?);
        }
        // Each command has its own answer, even if another one fails.
        pipeline.ignore_errors();
        let values = self.shared.send_all(&pipeline, commands.len()).await?;
        Ok(values.into_iter().map(|value| self.answer(value)).collect())
    }

    /// A script by its hash, or by its source when the server does not know the hash.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn script(
        &self,
        source: &str,
        keys: &[Vec<u8>],
        args: &[Vec<u8>],
    ) -> Result<Reply, Error> {
        let by_hash = command::script("EVALSHA", &self.hash(source), keys, args);
        let mut value = self.shared.send(&by_hash).await?;
        if is_unknown_script(&value) {
            // EVAL caches the script, too, which saves the round trip of SCRIPT LOAD.
            value = self
                .shared
                .send(&command::script("EVAL", source, keys, args))
                .await?;
        }
        self.answer(value)
    }

    /// Whether Redis answers.
    ///
    /// # Errors
    /// Why not.
    pub async fn ready(&self) -> Result<(), String> {
        match self.execute(&[b"PING".to_vec()]).await {
            Ok(_) => Ok(()),
            Err(error) => Err(error.message().to_owned()),
        }
    }

    fn answer(&self, value: Value) -> Result<Reply, Error> {
        reply(value, self.shared.max_reply_bytes)
    }

    fn hash(&self, source: &str) -> Arc<str> {
        if let Some(hash) = self.shared.hashes.read().get(source) {
            return hash.clone();
        }
        let hash: Arc<str> = Script::new(source).get_hash().into();
        let mut hashes = self.shared.hashes.write();
        if hashes.len() < MOST_SCRIPTS {
            hashes.insert(source.into(), hash.clone());
        }
        hash
    }
}

impl Shared {
    async fn send(&self, command: &Cmd) -> Result<Value, Error> {
        let mut connection = self.connection.clone();
        let first = connection.send_packed_command(command).await;
        match first {
            Ok(value) => Ok(value),
            Err(error) if was_not_sent(&error) => connection
                .send_packed_command(command)
                .await
                .map_err(|error| unreachable(&error)),
            Err(error) => Err(unreachable(&error)),
        }
    }

    async fn send_all(&self, pipeline: &Pipeline, count: usize) -> Result<Vec<Value>, Error> {
        let mut connection = self.connection.clone();
        let first = connection.send_packed_commands(pipeline, 0, count).await;
        match first {
            Ok(values) => Ok(values),
            Err(error) if was_not_sent(&error) => connection
                .send_packed_commands(pipeline, 0, count)
                .await
                .map_err(|error| unreachable(&error)),
            Err(error) => Err(unreachable(&error)),
        }
    }
}

/// The manager reports an earlier failed attempt to connect, and only then starts the next one.
fn was_not_sent(error: &RedisError) -> bool {
    error.is_connection_refusal()
}

/// Runs until the last clone of the client is dropped.
async fn keep_alive(shared: Weak<Shared>, every: Duration) {
    let ping = redis::cmd("PING");
    let mut was_there = true;
    loop {
        let Some(shared) = shared.upgrade() else {
            return;
        };
        let error = shared.send(&ping).await.err();
        match &error {
            Some(error) if was_there => {
                tracing::warn!(error = error.message(), "Redis does not answer")
            }
            None if !was_there => tracing::info!("Redis answers again"),
            _ => {}
        }
        was_there = error.is_none();
        drop(shared);
        tokio::time::sleep(every).await;
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").finish_non_exhaustive()
    }
}

//! A backend that can lose its servers: what the servers have stays, as over a restart of servers
//! that keep their data.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use eventhub_guest::bindings::eventhub::kafka::{producer, types as kafka};
use eventhub_guest::bindings::eventhub::postgres::sql;
use eventhub_guest::bindings::eventhub::redis::commands as redis;
use eventhub_guest::native::Backend;

/// Which servers answer nobody.
#[derive(Default)]
pub struct Switches {
    postgres_away: AtomicBool,
    redis_away: AtomicBool,
}

impl Switches {
    pub fn set_postgres_away(&self, away: bool) {
        self.postgres_away.store(away, Ordering::Relaxed);
    }

    pub fn set_redis_away(&self, away: bool) {
        self.redis_away.store(away, Ordering::Relaxed);
    }

    fn check_postgres(&self) -> Result<(), sql::Error> {
        match self.postgres_away.load(Ordering::Relaxed) {
            true => Err(sql::Error::Unavailable("PostgreSQL is away".into())),
            false => Ok(()),
        }
    }

    fn check_redis(&self) -> Result<(), redis::Error> {
        match self.redis_away.load(Ordering::Relaxed) {
            true => Err(redis::Error::Unavailable("Redis is away".into())),
            false => Ok(()),
        }
    }
}

pub struct Faults {
    inner: Rc<dyn Backend>,
    switches: Arc<Switches>,
}

impl Faults {
    pub fn new(inner: Rc<dyn Backend>, switches: Arc<Switches>) -> Self {
        Self { inner, switches }
    }
}

impl Backend for Faults {
    fn query(&self, database: &str, statement: &sql::Statement) -> Result<sql::Rows, sql::Error> {
        self.switches.check_postgres()?;
        self.inner.query(database, statement)
    }

    fn transaction(
        &self,
        database: &str,
        statements: &[sql::Statement],
        options: sql::Options,
    ) -> Result<Vec<sql::Rows>, sql::Error> {
        self.switches.check_postgres()?;
        self.inner.transaction(database, statements, options)
    }

    fn execute(&self, command: &redis::Command) -> Result<redis::Reply, redis::Error> {
        self.switches.check_redis()?;
        self.inner.execute(command)
    }

    fn pipeline(
        &self,
        commands: &[redis::Command],
    ) -> Result<Vec<Result<redis::Reply, redis::Error>>, redis::Error> {
        self.switches.check_redis()?;
        self.inner.pipeline(commands)
    }

    fn script(
        &self,
        source: &str,
        keys: &[Vec<u8>],
        args: &[Vec<u8>],
    ) -> Result<redis::Reply, redis::Error> {
        self.switches.check_redis()?;
        self.inner.script(source, keys, args)
    }

    fn publish(&self, messages: &[kafka::Message]) -> Result<(), producer::Error> {
        self.inner.publish(messages)
    }

    fn notify(&self, topic: &str) {
        assert!(topic.starts_with("session:ses_"), "{topic}");
        self.inner.notify(topic);
    }
}

//! The guest's backend over the host's clients.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use eventhub_guest::bindings::eventhub::kafka::producer;
use eventhub_guest::bindings::eventhub::kafka::types::Message;
use eventhub_guest::bindings::eventhub::postgres::sql;
use eventhub_guest::bindings::eventhub::redis::commands as redis;
use eventhub_guest::native::Backend;

use crate::servers::Servers;
use crate::values;

/// The clients of one test.
pub struct HostClients {
    servers: &'static Servers,
    postgres: eventhub_postgres::Client,
    redis: eventhub_redis::Client,
    /// From the name that the service uses to the database's own.
    names: BTreeMap<String, String>,
    pub notified: RefCell<Vec<String>>,
    pub published: RefCell<Vec<Message>>,
}

/// The databases and the Redis of a test, for its other threads.
#[derive(Clone)]
pub struct Handle {
    servers: &'static Servers,
    postgres: eventhub_postgres::Client,
    redis: eventhub_redis::Client,
    names: BTreeMap<String, String>,
}

/// SQL on a test's database from any thread.
#[derive(Clone)]
pub struct Session {
    servers: &'static Servers,
    database: String,
}

impl Session {
    /// Runs SQL text, as [`crate::Environment::sql`] does.
    pub fn sql(&self, text: &str) -> String {
        self.servers.run(&self.database, text)
    }

    /// Waits until somebody is in `pg_sleep` in this database: the transaction before it is held
    /// open then.
    ///
    /// # Panics
    /// When nobody is within 30 seconds.
    pub fn wait_until_it_sleeps(&self) {
        const SLEEPERS: &str = "SELECT count(*) FROM pg_stat_activity \
            WHERE wait_event = 'PgSleep' AND datname = current_database()";
        let end = Instant::now() + Duration::from_secs(30);
        while self.sql(SLEEPERS).trim() == "0" {
            assert!(Instant::now() < end, "no transaction sleeps");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl HostClients {
    pub fn handle(&self) -> Handle {
        Handle {
            servers: self.servers,
            postgres: self.postgres.clone(),
            redis: self.redis.clone(),
            names: self.names.clone(),
        }
    }

    pub fn from_handle(handle: &Handle) -> Self {
        let handle = handle.clone();
        Self {
            servers: handle.servers,
            postgres: handle.postgres,
            redis: handle.redis,
            names: handle.names,
            notified: RefCell::default(),
            published: RefCell::default(),
        }
    }

    pub fn start(databases: &[&str]) -> Self {
        let servers = Servers::shared();
        let number = servers.next_number();
        let (mut names, mut addresses) = (BTreeMap::new(), BTreeMap::new());
        for name in databases {
            let (own, address) = servers.clone_database(name, number);
            names.insert(name.to_string(), own);
            addresses.insert(name.to_string(), address);
        }
        // The clients start tasks of their own.
        let _guard = servers.runtime.enter();
        let postgres = eventhub_postgres::Client::new(eventhub_postgres::Config {
            databases: addresses,
            pool_size: 4,
            ..Default::default()
        });
        let redis = eventhub_redis::Client::new(eventhub_redis::Config {
            url: format!("{}{number}", servers.redis.url()),
            ..Default::default()
        });
        Self {
            servers,
            postgres: postgres.unwrap_or_else(|error| panic!("PostgreSQL's client: {error}")),
            redis: redis.unwrap_or_else(|error| panic!("Redis' client: {error}")),
            names,
            notified: RefCell::default(),
            published: RefCell::default(),
        }
    }

    fn own_name(&self, database: &str) -> &str {
        let name = self.names.get(database);
        name.unwrap_or_else(|| panic!("this environment was started without {database}"))
    }

    pub fn session(&self, database: &str) -> Session {
        Session {
            servers: self.servers,
            database: self.own_name(database).to_string(),
        }
    }

    pub fn psql(&self, database: &str, text: &str) -> String {
        self.servers.run(self.own_name(database), text)
    }

    pub fn cut_off(&self, database: &str) {
        let name = self.own_name(database);
        self.servers.run(
            "postgres",
            &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false"),
        );
        self.servers.run(
            "postgres",
            &format!(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                 WHERE datname = '{name}'"
            ),
        );
    }

    pub fn flush_redis(&self) {
        let flush = vec![b"FLUSHDB".to_vec()];
        if let Err(error) = self.execute(&flush) {
            panic!("FLUSHDB: {error:?}");
        }
    }
}

impl Backend for HostClients {
    fn query(&self, database: &str, statement: &sql::Statement) -> Result<sql::Rows, sql::Error> {
        let statement = values::statement_to_host(statement);
        let answer = self.postgres.query(database, &statement);
        let rows = self.servers.runtime.block_on(answer);
        rows.map(values::rows_to_guest)
            .map_err(values::sql_error_to_guest)
    }

    fn transaction(
        &self,
        database: &str,
        statements: &[sql::Statement],
        options: sql::Options,
    ) -> Result<Vec<sql::Rows>, sql::Error> {
        let statements: Vec<_> = statements.iter().map(values::statement_to_host).collect();
        let options = values::options_to_host(options);
        let answer = self.postgres.transaction(database, &statements, options);
        let results = self.servers.runtime.block_on(answer);
        results
            .map(|results| results.into_iter().map(values::rows_to_guest).collect())
            .map_err(values::sql_error_to_guest)
    }

    fn execute(&self, command: &redis::Command) -> Result<redis::Reply, redis::Error> {
        let reply = self.servers.runtime.block_on(self.redis.execute(command));
        reply
            .map(values::reply_to_guest)
            .map_err(values::redis_error_to_guest)
    }

    fn pipeline(
        &self,
        commands: &[redis::Command],
    ) -> Result<Vec<Result<redis::Reply, redis::Error>>, redis::Error> {
        let replies = self.servers.runtime.block_on(self.redis.pipeline(commands));
        let to_guest = |reply: Result<_, _>| {
            reply
                .map(values::reply_to_guest)
                .map_err(values::redis_error_to_guest)
        };
        replies
            .map(|replies| replies.into_iter().map(to_guest).collect())
            .map_err(values::redis_error_to_guest)
    }

    fn script(
        &self,
        source: &str,
        keys: &[Vec<u8>],
        args: &[Vec<u8>],
    ) -> Result<redis::Reply, redis::Error> {
        let reply = self.redis.script(source, keys, args);
        let reply = self.servers.runtime.block_on(reply);
        reply
            .map(values::reply_to_guest)
            .map_err(values::redis_error_to_guest)
    }

    fn publish(&self, messages: &[Message]) -> Result<(), producer::Error> {
        self.published.borrow_mut().extend_from_slice(messages);
        Ok(())
    }

    fn notify(&self, topic: &str) {
        self.notified.borrow_mut().push(topic.to_string());
    }
}

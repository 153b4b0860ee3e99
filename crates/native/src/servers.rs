//! The servers of this test process: started once, ended with it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};

use eventhub_testing::{Postgres, Redis};
use tokio::runtime::{Builder, Runtime};

/// PostgreSQL, Redis, and the runtime that the clients live in.
pub struct Servers {
    pub runtime: Runtime,
    pub redis: Redis,
    postgres: Postgres,
    /// The databases whose template exists.
    templates: Mutex<BTreeSet<String>>,
    next: AtomicU32,
}

impl Servers {
    /// Starts them, or returns those that run.
    pub fn shared() -> &'static Self {
        static SERVERS: OnceLock<Servers> = OnceLock::new();
        SERVERS.get_or_init(|| {
            let runtime = Builder::new_multi_thread().enable_all().build();
            Self {
                runtime: runtime.unwrap_or_else(|error| panic!("no runtime: {error}")),
                redis: Redis::start().unwrap_or_else(|error| panic!("no Redis: {error}")),
                postgres: Postgres::start(&[])
                    .unwrap_or_else(|error| panic!("no PostgreSQL: {error}")),
                templates: Mutex::default(),
                next: AtomicU32::new(0),
            }
        })
    }

    /// A number that no other environment of this process has.
    pub fn next_number(&self) -> u32 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Makes a database like `name`, migrated; returns its own name and its address.
    pub fn clone_database(&self, name: &str, number: u32) -> (String, String) {
        let template = format!("{name}_template");
        let clone = format!("{name}_{number}");
        // One at a time: PostgreSQL refuses a template that somebody is connected to.
        let mut templates = self
            .templates
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if templates.insert(name.to_string()) {
            self.run("postgres", &format!("CREATE DATABASE {template}"));
            self.postgres
                .migrate(&template, name)
                .unwrap_or_else(|error| panic!("migrations of {name}: {error}"));
        }
        self.run(
            "postgres",
            &format!("CREATE DATABASE {clone} TEMPLATE {template}"),
        );
        let address = self.postgres.url(&clone);
        (clone, address)
    }

    /// Runs SQL and answers the rows as text.
    pub fn run(&self, database: &str, sql: &str) -> String {
        self.postgres
            .psql(database, sql)
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }
}

//! A PostgreSQL cluster of the test's own.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::{Folder, Process, Signal, free_port, wait_until};

/// Durable enough for tests: a crash of the server loses nothing, a crash of the machine may.
const SETTINGS: &[&str] = &[
    "listen_addresses=127.0.0.1",
    "fsync=off",
    "wal_level=logical",
    "max_wal_senders=10",
    "max_replication_slots=10",
    "max_connections=200",
    "shared_buffers=32MB",
];

/// A running cluster; its superuser is `eventhub`, without a password.
#[derive(Debug)]
pub struct Postgres {
    process: Process,
    port: u16,
    programs: PathBuf,
}

impl Postgres {
    /// Makes a cluster, starts it and creates the databases. Takes about 3 seconds.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or does not start.
    pub fn start(databases: &[&str]) -> io::Result<Self> {
        Self::start_with(databases, &[])
    }

    /// [`Self::start`] with this one, as `migrations/` of the checkout that we are run in makes it.
    ///
    /// # Errors
    /// As [`Self::start`], and when there are no migrations of it, or one fails.
    pub fn migrated(database: &str) -> io::Result<Self> {
        let postgres = Self::start(&[database])?;
        postgres.migrate(database, database)?;
        Ok(postgres)
    }

    /// Brings a database to the state of all migrations in `migrations/<folder>` of the checkout
    /// that we run in. The database is to be empty.
    ///
    /// # Errors
    /// When there are no such migrations, or one fails.
    pub fn migrate(&self, database: &str, folder: &str) -> io::Result<()> {
        let here = std::env::current_dir()?;
        let found = here
            .ancestors()
            .map(|above| above.join("migrations").join(folder))
            .find(|folder| folder.is_dir());
        let folder = found.ok_or_else(|| {
            io::Error::other(format!(
                "no migrations of {folder} above {}",
                here.display()
            ))
        })?;
        let mut files = folder
            .read_dir()?
            .map(|entry| Ok(entry?.path()))
            .collect::<io::Result<Vec<_>>>()?;
        files.sort();
        for file in files {
            self.psql(database, &std::fs::read_to_string(file)?)?;
        }
        Ok(())
    }

    /// [`Self::start`] with more settings, such as `max_connections=5`.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_with(databases: &[&str], settings: &[&str]) -> io::Result<Self> {
        let programs = programs()?;
        let folder = Folder::new("pg")?;
        let data = folder.path().join("data").display().to_string();
        let made = [
            "-D",
            &data,
            "-U",
            "eventhub",
            "--auth=trust",
            "--no-sync",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
        ];
        folder.run(programs.join("initdb"), made)?;

        let port = free_port()?;
        let server = programs.join("postgres").display().to_string();
        let sockets = format!("unix_socket_directories={}", folder.path().display());
        let port_text = port.to_string();
        let mut command = vec![
            server.as_str(),
            "-D",
            &data,
            "-p",
            &port_text,
            "-c",
            &sockets,
        ];
        command.extend(
            SETTINGS
                .iter()
                .chain(settings)
                .flat_map(|setting| ["-c", setting]),
        );
        let process = Process::start(folder, &command, &[])?;

        let postgres = Self {
            process,
            port,
            programs,
        };
        postgres.wait()?;
        for database in databases {
            postgres.psql("postgres", &format!("CREATE DATABASE {database}"))?;
        }
        Ok(postgres)
    }

    /// How to connect to a database: `postgres://eventhub@127.0.0.1:5432/event_db`.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://eventhub@127.0.0.1:{}/{database}", self.port)
    }

    /// The port of 127.0.0.1 that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The server's main process. Each connection has a process of its own, in a group of its own.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Runs SQL and answers the rows as text: fields separated by `|`, one row a line.
    ///
    /// # Errors
    /// What the server or psql says.
    pub fn psql(&self, database: &str, sql: &str) -> io::Result<String> {
        let url = self.url(database);
        self.process.folder().run(
            self.programs.join("psql"),
            [
                &url,
                "-X",
                "-q",
                "-A",
                "-t",
                "-v",
                "ON_ERROR_STOP=1",
                "-c",
                sql,
            ],
        )
    }

    /// Waits until somebody is in `pg_sleep`: with what stands before it in a transaction, that is
    /// held open then.
    ///
    /// # Errors
    /// When nobody is within 30 seconds.
    pub fn wait_until_it_sleeps(&self, database: &str) -> io::Result<()> {
        let sleeps = || {
            self.psql(
                database,
                "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' LIMIT 1",
            )
            .ok()
            .filter(|rows| !rows.is_empty())
        };
        wait_until(Duration::from_secs(30), "a transaction that sleeps", sleeps).map(drop)
    }

    /// Stops it at once, as a crash would: connections break, and what was not committed is lost.
    ///
    /// # Errors
    /// When it does not stop.
    pub fn stop(&mut self) -> io::Result<()> {
        self.process.stop(Signal::SIGQUIT)
    }

    /// Starts it again on the same port, with the same data.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_again(&mut self) -> io::Result<()> {
        self.process.start_again()?;
        self.wait()
    }

    fn wait(&self) -> io::Result<()> {
        let ready = || self.psql("postgres", "SELECT 1").ok();
        wait_until(Duration::from_secs(60), "PostgreSQL", ready)
            .map(drop)
            .map_err(|error| io::Error::other(format!("{error}\n{}", self.process.log())))
    }
}

/// The newest installed server's programs. Debian keeps them apart by version and out of the PATH.
fn programs() -> io::Result<PathBuf> {
    let debian = Path::new("/usr/lib/postgresql");
    let versions = debian
        .read_dir()
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version: u32 = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        });
    if let Some((_, programs)) = versions
        .filter(|(_, programs)| programs.join("initdb").exists())
        .max()
    {
        return Ok(programs);
    }
    std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .find(|folder| folder.join("initdb").exists())
        .ok_or_else(|| io::Error::other("PostgreSQL is not installed: there is no initdb"))
}

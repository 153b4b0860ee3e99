//! A PostgreSQL cluster with the six databases.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::signal::Signal;

use super::folder::Folder;
use super::process::{Process, port, run};

const DATABASES: [&str; 6] = [
    "identity_db",
    "event_db",
    "booking_db",
    "payment_db",
    "social_db",
    "finance_db",
];

// Durable as in production: a booking that was confirmed is on disk.
const SETTINGS: [&str; 11] = [
    "listen_addresses=127.0.0.1",
    "wal_level=logical",
    "max_wal_senders=20",
    "max_replication_slots=20",
    "max_connections=500",
    "shared_buffers=256MB",
    "max_wal_size=4GB",
    "max_slot_wal_keep_size=8GB",
    // While others are about to commit, wait a millisecond for them: one write to the disk, one
    // wake-up of each log reader.
    "commit_delay=1000",
    // As on any SSD. With what stands there for disks that turn, plans made while tables are small
    // read them whole, and go on so when they are not.
    "random_page_cost=1.1",
    "log_min_messages=warning",
];

pub struct Postgres {
    pub process: Process,
    port: u16,
}

impl Postgres {
    pub async fn start(folder: &Folder) -> Result<Self> {
        let programs = programs()?;
        let home = folder.server("postgres")?;
        let (data, log) = (home.join("data"), folder.path.join("postgres.log"));
        if !data.join("PG_VERSION").exists() {
            // An initdb that was killed leaves a folder that it would refuse.
            let _ = std::fs::remove_dir_all(&data);
            let mut initdb = Command::new(programs.join("initdb"));
            initdb.current_dir(&home).arg("-D").arg(&data);
            initdb.args([
                "-U",
                "eventhub",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C.UTF-8",
            ]);
            run(initdb, folder.user, &folder.path.join("initdb.log"))?;
        }
        let port = port("EVENTHUB_POSTGRES_PORT")?;
        let mut server = Command::new(programs.join("postgres"));
        server
            .current_dir(&home)
            .arg("-D")
            .arg(&data)
            .args(["-p", &port.to_string()]);
        // Next to the data, but a socket's path may have 107 bytes.
        let sockets = if home.as_os_str().len() < 80 {
            home.display().to_string()
        } else {
            String::new()
        };
        server
            .arg("-c")
            .arg(format!("unix_socket_directories={sockets}"));
        for setting in SETTINGS {
            server.args(["-c", setting]);
        }
        // SIGINT is PostgreSQL's fast shutdown.
        let mut process = Process::start("PostgreSQL", server, folder.user, Signal::SIGINT, log)?;
        let url = format!("postgres://eventhub@127.0.0.1:{port}/postgres");
        process
            .wait_until(Duration::from_secs(60), async || {
                sqlx::PgPool::connect(&url).await.is_ok()
            })
            .await?;
        let postgres = Self { process, port };
        postgres.create_databases(&url).await?;
        Ok(postgres)
    }

    async fn create_databases(&self, url: &str) -> Result<()> {
        let pool = sqlx::PgPool::connect(url).await?;
        let there: Vec<String> = sqlx::query_scalar("SELECT datname::text FROM pg_database")
            .fetch_all(&pool)
            .await?;
        for name in DATABASES
            .iter()
            .filter(|name| !there.iter().any(|known| known == *name))
        {
            let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
            sqlx::raw_sql(create)
                .execute(&pool)
                .await
                .with_context(|| format!("cannot create {name}"))?;
        }
        Ok(())
    }

    /// Name → URL of the six databases.
    pub fn urls(&self) -> BTreeMap<String, String> {
        let url = |name: &str| format!("postgres://eventhub@127.0.0.1:{}/{name}", self.port);
        DATABASES
            .iter()
            .map(|name| (name.to_string(), url(name)))
            .collect()
    }
}

// Debian keeps the programs of each version apart and out of the PATH.
fn programs() -> Result<PathBuf> {
    let versions = Path::new("/usr/lib/postgresql")
        .read_dir()
        .into_iter()
        .flatten()
        .flatten();
    let numbered = versions.filter_map(|entry| {
        Some((
            entry.file_name().to_str()?.parse::<u32>().ok()?,
            entry.path().join("bin"),
        ))
    });
    let newest = numbered
        .filter(|(_, programs)| programs.join("initdb").exists())
        .max();
    if let Some((_, programs)) = newest {
        return Ok(programs);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .find(|folder| folder.join("initdb").exists())
        .context("PostgreSQL is not installed (no initdb): run setup/packages.sh")
}

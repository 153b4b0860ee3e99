//! A PostgreSQL server with the databases of the manifest.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use nix::sys::signal::Signal;

use super::folder::Folder;
use super::process::{Process, port, run};

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
    // A commit waits a millisecond for others that are about to commit: one write to the disk, one
    // wake-up of each log reader.
    "commit_delay=1000",
    // The value for SSDs. With the default, which is for rotating disks, plans made while tables are
    // small scan them, and still do when the tables have grown.
    "random_page_cost=1.1",
    "log_min_messages=warning",
];

pub struct Postgres {
    pub process: Process,
    /// The address of each database by its name: `{database}` stands for it.
    pub url: String,
}

impl Postgres {
    /// Starts the server, and creates the databases that it lacks.
    pub async fn start<'a>(
        folder: &Folder,
        databases: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self> {
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
        let url = format!("postgres://eventhub@127.0.0.1:{port}/{{database}}");
        let maintenance = url.replace("{database}", "postgres");
        process
            .wait_until(Duration::from_secs(60), async || {
                sqlx::PgPool::connect(&maintenance).await.is_ok()
            })
            .await?;
        create_databases(&maintenance, databases).await?;
        Ok(Self { process, url })
    }
}

async fn create_databases<'a>(
    url: &str,
    databases: impl IntoIterator<Item = &'a str>,
) -> Result<()> {
    let pool = sqlx::PgPool::connect(url).await?;
    let existing: Vec<String> = sqlx::query_scalar("SELECT datname::text FROM pg_database")
        .fetch_all(&pool)
        .await?;
    for name in databases {
        if existing.iter().any(|known| known == name) {
            continue;
        }
        // A statement that creates a database has no parameters.
        let quoted = name.replace('"', "\"\"");
        let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE \"{quoted}\""));
        sqlx::raw_sql(create)
            .execute(&pool)
            .await
            .with_context(|| format!("cannot create the database {name}"))?;
    }
    Ok(())
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

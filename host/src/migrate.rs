//! Schema migrations: `migrations/<database>/NNNN_name.sql`, applied once each, in order, under
//! sqlx' lock.

use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;

use anyhow::{Context, Result};
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

/// Brings every database that has a folder up to date. Two runs at once wait for each other.
///
/// # Errors
/// The database that cannot be reached, or whose migration failed; the others before it are done.
pub async fn run(folder: &Path, databases: &BTreeMap<String, String>) -> Result<()> {
    for (name, url) in databases {
        let path = folder.join(name);
        if !path.is_dir() {
            continue;
        }
        let migrator = Migrator::new(path.clone())
            .await
            .with_context(|| format!("cannot read {}", path.display()))?;
        if migrator.iter().next().is_none() {
            continue;
        }
        let options = PgConnectOptions::from_str(url)
            .with_context(|| format!("the address of the database {name} is not a Postgres URL"))?;
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .connect_with(options)
            .await
            .with_context(|| format!("cannot connect to the database {name}"))?;
        migrator
            .run(&pool)
            .await
            .with_context(|| format!("cannot migrate the database {name}"))?;
        pool.close().await;
        tracing::debug!(database = %name, "schema is up to date");
    }
    Ok(())
}

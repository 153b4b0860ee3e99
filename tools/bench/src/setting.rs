//! The environment of the measurements: a development environment, started when the first run needs
//! it, and halls with seats to sell in it.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, Result};
use eventhub_tests::eventhub::root;
use eventhub_tests::fixtures::{layout, sale_of};
use eventhub_tests::{Eventhub, Served};
use serde_json::{Value, json};

/// Started on demand, ended with the program.
#[derive(Default)]
pub struct Setting {
    environment: Option<Eventhub>,
}

impl Setting {
    /// `eventhub up`: everything on real servers, fsync on.
    pub fn environment(&mut self) -> Result<&Eventhub> {
        if self.environment.is_none() {
            progress("starting a development environment");
            self.environment = Some(Eventhub::start(&[])?);
        }
        self.environment
            .as_ref()
            .context("it has just been started")
    }
}

/// `eventhub serve` with one of the benchmark's own manifests.
pub fn serve(manifest: &str, environment: &[(&str, String)]) -> Result<Served> {
    let folder = folder(manifest)?;
    let environment: Vec<_> = environment
        .iter()
        .map(|(name, value)| (name.to_string(), value.clone()))
        .collect();
    Served::start(
        &folder,
        &root()?
            .join("tools/bench/manifests")
            .join(manifest)
            .with_extension("yaml"),
        &environment,
    )
}

/// A folder of this run for files and logs.
pub fn folder(name: &str) -> Result<PathBuf> {
    let folder = std::env::temp_dir()
        .join(format!("eventhub-bench-{}", std::process::id()))
        .join(name);
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// The address of a base URL such as `http://127.0.0.1:8080`.
pub fn address(base: &str) -> Result<SocketAddr> {
    let authority = base
        .trim_start_matches("http://")
        .replace("localhost", "127.0.0.1");
    authority
        .parse()
        .with_context(|| format!("{base} has no address"))
}

/// A hall of rows of a hundred seats, sold in the given number of sessions of one event, a hundred
/// seats per booking.
pub struct Hall {
    pub sessions: Vec<String>,
    pub document: Value,
    pub rows: usize,
}

const ROW: usize = 100;

impl Hall {
    pub async fn open(http: &str, rows: usize, sessions: usize) -> Result<Self> {
        let document = layout(rows, ROW, 0);
        let dates: Vec<Value> = (0..sessions)
            .map(|day| json!({"starts_at": format!("2031-{:02}-{:02}T18:00:00Z", day / 28 + 1, day % 28 + 1), "ends_at": format!("2031-{:02}-{:02}T21:00:00Z", day / 28 + 1, day % 28 + 1)}))
            .collect();
        let (_, sessions) = sale_of(
            http,
            document.clone(),
            json!({"sessions": dates, "max_seats_per_booking": 100}),
        )
        .await?;
        Ok(Self {
            sessions,
            document,
            rows,
        })
    }

    /// Seats of one session.
    pub fn seats(&self) -> usize {
        self.rows * ROW
    }
}

/// The key of a seat by its number in a [`Hall`].
pub fn seat(number: usize) -> String {
    format!("A-{}-{}", number / ROW + 1, number % ROW + 1)
}

pub fn progress(what: &str) {
    eprintln!("\x1b[1;34m==>\x1b[0m {what}");
}

//! `.eventhub/state.json`: addresses, keys and pids, for tools and tests. It is written when all is
//! ready, and removed at the end.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

#[derive(Serialize, Debug)]
pub struct State {
    /// Base URL of the public API.
    pub http: String,
    /// Base URL of health, readiness and metrics.
    pub admin: String,
    pub postgres: BTreeMap<String, String>,
    pub redis: String,
    pub kafka: String,
    pub stripe: Stripe,
    /// No mail in this version.
    pub mail: Option<()>,
    pub pids: BTreeMap<String, u32>,
    pub components: Vec<Component>,
    pub demo: Demo,
}

#[derive(Serialize, Debug)]
pub struct Stripe {
    pub url: String,
    pub publishable_key: String,
    pub secret_key: String,
    pub webhook_secret: String,
}

#[derive(Serialize, Debug)]
pub struct Component {
    pub name: String,
    /// Of the `.wasm` file that runs.
    pub sha256: String,
}

#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Account {
    pub email: String,
    pub password: String,
}

/// The accounts and the event that the seed made.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub struct Demo {
    pub organizer: Account,
    pub buyer: Account,
    pub event_id: String,
    pub session_id: String,
}

/// Writes a file as JSON: see [`write_text`].
pub fn write(path: &Path, value: &impl Serialize) -> anyhow::Result<()> {
    write_text(path, &serde_json::to_string_pretty(value)?)
}

/// Writes a file whole or not at all, readable by its owner only: it may contain secrets.
pub fn write_text(path: &Path, text: &str) -> anyhow::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let new = path.with_extension("new");
    let mut file = std::fs::OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    Ok(())
}

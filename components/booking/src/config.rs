//! Configuration: environment variables, passed by the host from the manifest.

use std::time::Duration;

use eventhub_guest::config::{parsed, text};

/// The settings of this service.
pub struct Config {
    /// `PAYMENT_TTL_SECONDS` (default 600, at least 30): how long a buyer may take to pay.
    pub payment_window: Duration,
    /// `CLAIM_GRACE_SECONDS` (default 120): how much longer the seats are kept, so that a payment
    /// of the last second finds them.
    pub grace: Duration,
    /// `PAYMENT_PROVIDERS` (default `stripe`): names, separated by commas.
    pub providers: Vec<String>,
    /// `TICKET_SIGNING_KEY`: the 32-byte Ed25519 seed in base64url. Without it no QR code can be
    /// made.
    pub signing_key: Option<String>,
    /// `TICKET_RETIRED_KEYS`: public keys (base64url, separated by commas) of seeds that no longer
    /// sign. Scanners still accept them.
    pub retired_keys: Vec<String>,
}

thread_local! {
    /// The configuration of this instance.
    pub static CONFIG: Config = Config::from_environment();
}

impl Config {
    fn from_environment() -> Self {
        Self {
            payment_window: Duration::from_secs(parsed("PAYMENT_TTL_SECONDS", 600).max(30)),
            grace: Duration::from_secs(parsed("CLAIM_GRACE_SECONDS", 120)),
            providers: split_list(&text("PAYMENT_PROVIDERS").unwrap_or_else(|| "stripe".into())),
            signing_key: text("TICKET_SIGNING_KEY"),
            retired_keys: split_list(&text("TICKET_RETIRED_KEYS").unwrap_or_default()),
        }
    }
}

fn split_list(text: &str) -> Vec<String> {
    text.split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(String::from)
        .collect()
}

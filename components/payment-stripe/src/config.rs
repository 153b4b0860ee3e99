//! Where Stripe is, and with which keys.

use std::time::Duration;

use eventhub_guest::config::text;

/// Every setting.
#[derive(Clone)]
pub struct Config {
    /// `STRIPE_URL`: without a trailing slash; default `https://api.stripe.com`.
    pub url: String,
    /// `STRIPE_SECRET_KEY`
    pub secret_key: String,
    /// `STRIPE_PUBLISHABLE_KEY`: for Stripe.js.
    pub publishable_key: String,
    /// `STRIPE_WEBHOOK_SECRETS`: separated by commas; any of them may have signed, so that one can
    /// be rotated.
    pub webhook_secrets: Vec<String>,
    /// Of one call; 10 s.
    pub timeout: Duration,
}

impl Config {
    /// Reads the environment.
    pub fn from_environment() -> Self {
        let secrets = text("STRIPE_WEBHOOK_SECRETS").unwrap_or_default();
        Self {
            url: text("STRIPE_URL")
                .unwrap_or_else(|| "https://api.stripe.com".into())
                .trim_end_matches('/')
                .to_string(),
            secret_key: text("STRIPE_SECRET_KEY").unwrap_or_default(),
            publishable_key: text("STRIPE_PUBLISHABLE_KEY").unwrap_or_default(),
            webhook_secrets: secrets
                .split(',')
                .map(str::trim)
                .filter(|secret| !secret.is_empty())
                .map(str::to_string)
                .collect(),
            timeout: Duration::from_secs(10),
        }
    }
}

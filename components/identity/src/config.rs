//! Configuration of this service, read from the environment once per instance.

use std::sync::LazyLock;
use std::time::Duration;

use eventhub_guest::config::{parsed, text};

/// Every setting and its default.
pub struct Config {
    /// `JWT_ISSUER`: the `iss` of access tokens. Default `https://eventhub.dev`.
    pub issuer: String,
    /// `JWT_AUDIENCE`: their `aud`. Default `eventhub`.
    pub audience: String,
    /// `KEY_ROTATION_DAYS`: how long one key signs. Default 30, at least 1.
    pub key_period: Duration,
    /// `REFRESH_TOKEN_DAYS`: how long a refresh token can be used. Default 30, at least 1.
    pub refresh_ttl: Duration,
}

const DAY: u64 = 86_400;

/// The settings of this instance.
pub static CONFIG: LazyLock<Config> = LazyLock::new(|| {
    let days = |name, default: u32| {
        Duration::from_secs(u64::from(parsed(name, default).clamp(1, 36_500)) * DAY)
    };
    Config {
        issuer: text("JWT_ISSUER").unwrap_or_else(|| "https://eventhub.dev".into()),
        audience: text("JWT_AUDIENCE").unwrap_or_else(|| "eventhub".into()),
        key_period: days("KEY_ROTATION_DAYS", 30),
        refresh_ttl: days("REFRESH_TOKEN_DAYS", 30),
    }
});

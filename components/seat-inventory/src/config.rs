//! Configuration of the component, from environment variables.

use eventhub_guest::config;

use crate::unprotected::Protection;

/// What can be set.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// `HOLD_TTL_SECONDS`: how long a hold lasts, and again when it is extended. 1 to 86400,
    /// default 300.
    pub hold_ttl_ms: i64,
    /// How long a hold that is bound to a booking lasts at least, until the booking reserves: a
    /// minute, less in tests.
    pub bound_ttl_ms: i64,
    /// `SEAT_LOCK_PROTECTION`: `on` (default), or `off` for tests which prove that the protection
    /// is needed; see `unprotected`.
    pub protection: Protection,
}

impl Config {
    /// Reads the environment; a value that does not parse is logged, and its default is used.
    pub fn from_environment() -> Self {
        let seconds: i64 = config::parsed("HOLD_TTL_SECONDS", 300);
        Self {
            hold_ttl_ms: seconds.clamp(1, 86_400) * 1000,
            bound_ttl_ms: 60_000,
            protection: Protection::from_environment(),
        }
    }
}

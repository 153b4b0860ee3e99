//! JSON lines on stderr, which every host passes on. A message is readable on its own, its fields
//! are dotted, and it never holds a secret.

use std::sync::Once;

/// Sets up logging for this instance; calling it again does nothing. The level comes from
/// `LOG_LEVEL` (default `info`).
pub fn init() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let level = crate::config::text("LOG_LEVEL").unwrap_or_else(|| "info".into());
        let filter =
            tracing_subscriber::EnvFilter::try_new(level).unwrap_or_else(|_| "info".into());
        let _ = tracing_subscriber::fmt()
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_writer(std::io::stderr)
            .with_env_filter(filter)
            .try_init();
    });
}

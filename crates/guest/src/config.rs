//! Configuration of a component: environment variables, set by the host from the manifest and the
//! configuration file.

use std::str::FromStr;

/// The variable's value, or none if it is absent or empty.
pub fn text(name: &str) -> Option<String> {
    #[cfg(not(target_arch = "wasm32"))]
    let native = crate::native::variable(name);
    #[cfg(target_arch = "wasm32")]
    let native = None;
    native
        .or_else(|| std::env::var(name).ok())
        .filter(|value| !value.is_empty())
}

/// The parsed variable, or `default` if it is absent. A value that does not parse is logged and
/// replaced by `default`: a component cannot refuse to start, and the host validates the values
/// that it passes.
pub fn parsed<T: FromStr>(name: &str, default: T) -> T {
    match text(name) {
        None => default,
        Some(value) => value.parse().unwrap_or_else(|_| {
            tracing::error!(
                variable = name,
                "configuration value does not parse, the default is used"
            );
            default
        }),
    }
}

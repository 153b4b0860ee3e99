//! No code: `Cargo.toml` is the point.

//! Where the shims of `adapters/` lie once they are built, and what they are told.

use std::path::{Path, PathBuf};

/// A shim beside a component: `target/components/booking.wasm` →
/// `target/components/adapters/<name>.wasm`.
pub fn file(component: &Path, name: &str) -> PathBuf {
    component
        .with_file_name("adapters")
        .join(format!("{name}.wasm"))
}

/// The client shim of a service or a capability: `seat-inventory` → `seat_inventory_client.wasm`.
pub fn client(component: &Path, package: &str) -> PathBuf {
    file(component, &format!("{}_client", package.replace('-', "_")))
}

/// The variable by which client shims find the other side of a package: `CALL_URL_SEAT_INVENTORY`.
pub fn url_variable(package: &str) -> String {
    format!("CALL_URL_{}", package.to_uppercase().replace('-', "_"))
}

//! Where the built shims of `adapters/` lie, and the variables that they read.

use std::path::{Path, PathBuf};

/// The file of a shim beside a component: `target/components/booking.wasm` →
/// `target/components/adapters/<name>.wasm`.
pub fn shim_file(component: &Path, name: &str) -> PathBuf {
    component
        .with_file_name("adapters")
        .join(format!("{name}.wasm"))
}

/// The file of the client shim of a service or a capability: `seat-inventory` → `seat_inventory_client.wasm`.
pub fn client_file(component: &Path, package: &str) -> PathBuf {
    shim_file(component, &format!("{}_client", package.replace('-', "_")))
}

/// The variable that tells client shims where the other side of a package is: `CALL_URL_SEAT_INVENTORY`.
pub fn url_variable(package: &str) -> String {
    format!("CALL_URL_{}", package.to_uppercase().replace('-', "_"))
}

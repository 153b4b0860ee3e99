//! Writes the shims from the WIT: for each package two files in `OUT_DIR`. `<package>_client.rs`
//! exports the package's interfaces and sends each call over HTTP; `<package>_server.rs` takes such
//! calls and makes them on its imports. The application's server gives all other requests to the
//! gateway. `build/` has the parts.

#[path = "build/package.rs"]
mod package;
#[path = "build/shim.rs"]
mod shim;
#[path = "build/types.rs"]
mod types;

use std::error::Error;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    let here = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let wit = here.parent().ok_or("no folder above")?.join("wit");
    println!("cargo::rerun-if-changed={}", wit.display());
    println!("cargo::rerun-if-changed=build");
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let mut resolve = wit_parser::Resolve::default();
    resolve.push_dir(&wit)?;
    for group in package::groups(&resolve)? {
        std::fs::write(
            out.join(format!("{}_client.rs", group.name)),
            shim::client(&resolve, &group)?,
        )?;
        let gateway = if group.name == "application" {
            Some(package::gateway(&resolve)?)
        } else {
            None
        };
        std::fs::write(
            out.join(format!("{}_server.rs", group.name)),
            shim::server(&resolve, &group, gateway)?,
        )?;
    }
    Ok(())
}

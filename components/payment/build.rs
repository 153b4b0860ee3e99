//! Finds the payment providers in the manifest: each component to which `payment` has a link with
//! the interface `provider`. Writes the bindings of a world that imports them, and the table by
//! which `ports.rs` finds a provider by its name.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use eventhub_manifest::Manifest;

const MANIFEST: &str = "../../wadm.yaml";
const WIT: &str = "../../wit";
/// What a provider's component is called, before its name in the API.
const PREFIX: &str = "payment-";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={MANIFEST}");
    println!("cargo::rerun-if-changed={WIT}");
    let providers = list_providers(&Manifest::read(Path::new(MANIFEST))?)?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("bindings.rs"), write_bindings(&providers)?)?;
    std::fs::write(out.join("providers.rs"), write_table(&providers)?)?;
    Ok(())
}

/// The names of the components: `payment-stripe`.
fn list_providers(manifest: &Manifest) -> Result<Vec<String>, Box<dyn Error>> {
    let payment = manifest
        .component("payment")
        .ok_or("wadm.yaml has no component payment")?;
    let links = payment.links.iter();
    let providers: Vec<String> = links
        .filter(|link| link.interfaces.iter().any(|name| name == "provider"))
        .map(|link| link.target.clone())
        .collect();
    if providers.is_empty() {
        return Err("wadm.yaml links payment to no provider".into());
    }
    let odd = providers.iter().find(|name| !name.starts_with(PREFIX));
    match odd {
        Some(name) => {
            Err(format!("{name} must be called {PREFIX}<name>, as every provider").into())
        }
        None => Ok(providers),
    }
}

fn write_bindings(providers: &[String]) -> Result<String, std::fmt::Error> {
    let mut imports = String::new();
    for provider in providers {
        write!(imports, " import eventhub:{provider}/provider@0.1.0;")?;
    }
    Ok(format!(
        r#"wit_bindgen::generate!({{
    inline: "package eventhub:payment-linked@0.1.0; world linked {{ include eventhub:payment/service@0.1.0;{imports} }}",
    path: "{WIT}",
    world: "eventhub:payment-linked/linked@0.1.0",
    with: {{
        "eventhub:common/types@0.1.0": eventhub_guest::bindings::eventhub::common::types,
        "eventhub:http/types@0.1.0": eventhub_guest::bindings::eventhub::http::types,
        "eventhub:postgres/sql@0.1.0": eventhub_guest::bindings::eventhub::postgres::sql,
        "eventhub:timers/types@0.1.0": eventhub_guest::bindings::eventhub::timers::types,
    }},
    generate_all,
    additional_derives: [PartialEq],
}});
"#
    ))
}

/// A list of `Provider`s, for `ports.rs`.
fn write_table(providers: &[String]) -> Result<String, std::fmt::Error> {
    let mut table = String::from("&[\n");
    for provider in providers {
        let name = provider.trim_start_matches(PREFIX);
        let module = format!(
            "crate::bindings::eventhub::{}::provider",
            provider.replace('-', "_")
        );
        writeln!(table, "    Provider {{")?;
        writeln!(table, "        name: {name:?},")?;
        for function in [
            "publishable_key",
            "create_intent",
            "get_intent",
            "cancel_intent",
            "create_refund",
            "get_refund",
            "verify_notice",
        ] {
            writeln!(table, "        {function}: {module}::{function},")?;
        }
        writeln!(table, "    }},")?;
    }
    table.push_str("]\n");
    Ok(table)
}

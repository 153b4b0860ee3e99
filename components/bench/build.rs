//! The world of the benchmarks' component: it exports the routes of every service of the manifest, so
//! that the gateway can be measured without them.

use std::error::Error;
use std::path::{Path, PathBuf};

use eventhub_manifest::Manifest;

fn main() -> Result<(), Box<dyn Error>> {
    let manifest = Path::new("../../wadm.yaml");
    println!("cargo::rerun-if-changed={}", manifest.display());
    println!("cargo::rerun-if-changed=../../wit");
    let manifest = Manifest::read(manifest)?;
    let services: Vec<&str> = manifest
        .services()
        .iter()
        .map(|service| service.name.as_str())
        .collect();
    let exports: String = services
        .iter()
        .map(|service| format!("export eventhub:{service}/routes@0.1.0; "))
        .collect();
    let bindings = format!(
        "wit_bindgen::generate!({{
    inline: \"package eventhub:bench-linked@0.1.0; world linked {{ \
         import eventhub:http/types@0.1.0; import eventhub:kafka/types@0.1.0; {exports}\
         export eventhub:bench/events@0.1.0; }}\",
    path: \"../../wit\",
    world: \"eventhub:bench-linked/linked@0.1.0\",
    with: {{
        \"eventhub:http/types@0.1.0\": eventhub_guest::bindings::eventhub::http::types,
        \"eventhub:kafka/types@0.1.0\": eventhub_guest::bindings::eventhub::kafka::types,
    }},
    generate_all,
}});
"
    );
    let modules: String = services
        .iter()
        .map(|service| format!("{} ", service.replace('-', "_")))
        .collect();
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("bindings.rs"), bindings)?;
    std::fs::write(out.join("routes.rs"), format!("routes! {{ {modules}}}\n"))?;
    Ok(())
}

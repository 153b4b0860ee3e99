//! Finds the files of `src/aggregates`, so that a new aggregate is a new file and nothing else.

use std::error::Error;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("src/aggregates");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files = std::fs::read_dir(&folder)?
        .map(|entry| Ok(entry?.path()))
        .collect::<Result<Vec<_>, Box<dyn Error>>>()?;
    files.sort();
    let (mut modules, mut names) = (String::new(), vec![]);
    for file in &files {
        let name = file
            .file_stem()
            .and_then(|stem| stem.to_str())
            .ok_or("a file without a name")?;
        modules += &format!("#[path = {file:?}]\npub mod {name};\npub use {name}::*;\n");
        names.push(name);
    }
    let facts: String = names
        .iter()
        .map(|name| format!("{name}::FACTS, "))
        .collect();
    modules +=
        &format!("/// Every fact, by aggregate.\npub const ALL: &[&[Description]] = &[{facts}];\n");
    let trips: String = names
        .iter()
        .map(|name| format!("trips.extend({name}::round_trips()); "))
        .collect();
    modules += &format!(
        "#[cfg(test)]\nfn round_trips() -> Vec<tests::RoundTrip> {{ let mut trips = vec![]; {trips}trips }}\n"
    );
    std::fs::write(
        PathBuf::from(std::env::var("OUT_DIR")?).join("aggregates.rs"),
        modules,
    )?;
    Ok(())
}

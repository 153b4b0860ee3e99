//! What the gateway knows of the services, derived from the manifest and from the OpenAPI part of
//! each service:
//!
//! * `openapi.json`: the parts put together. The build fails where two parts say the same thing, a
//!   reference leads nowhere, or a tag is declared nowhere.
//! * `table.rs`: the services, how long a call of each may take, and every path with what the gateway
//!   has to know of it (`build/table.rs`).
//! * `bindings.rs`: the gateway's world, with the routes of every service, and a call of each.
//!
//! A path item may have `x-gateway`: `credential` (log-in and sign-up: the stricter limit),
//! `reads_token` (false: a token means nothing here), `limited` (false: counts against no limit),
//! `large_body` (as large as a layout).

#[path = "build/table.rs"]
mod table;

use std::collections::BTreeSet;
use std::error::Error;
use std::path::{Path, PathBuf};

use eventhub_manifest::Manifest;
use serde_json::{Map, Value, json};

const METHODS: [&str; 5] = ["get", "put", "post", "patch", "delete"];

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let here = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let components = here.parent().ok_or("no folder above")?;
    let root = components.parent().ok_or("no folder above")?;
    println!(
        "cargo::rerun-if-changed={}",
        root.join("wadm.yaml").display()
    );
    println!("cargo::rerun-if-changed={}", root.join("wit").display());
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=openapi.yaml");
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    let manifest = Manifest::read(&root.join("wadm.yaml"))?;
    let mut document = read(&here.join("openapi.yaml"))?;
    let mut parts = vec![];
    for service in manifest.services() {
        let file = components.join(&service.name).join("openapi.yaml");
        println!("cargo::rerun-if-changed={}", file.display());
        let part = read(&file)?;
        merge(&mut document, part.clone(), &file)?;
        parts.push((service.name.clone(), part));
    }
    std::fs::write(
        out.join("table.rs"),
        table::render_table(&manifest, &parts, root)?,
    )?;
    std::fs::write(out.join("bindings.rs"), table::render_bindings(&manifest))?;
    std::fs::write(out.join("call.rs"), table::render_call(&manifest))?;
    remove_extensions(&mut document);
    add_answers(&mut document);
    document["components"]["schemas"]["TimeZone"]["enum"] = time_zones();
    check(&document)?;
    std::fs::write(out.join("openapi.json"), serde_json::to_vec(&document)?)?;
    Ok(())
}

fn read(file: &Path) -> Result<Value> {
    let text = std::fs::read_to_string(file)?;
    serde_yaml::from_str(&text).map_err(|error| format!("{}: {error}", file.display()).into())
}

/// Takes the paths, components and tags of a part into the whole.
fn merge(document: &mut Value, part: Value, file: &Path) -> Result<()> {
    let add = |into: &mut Map<String, Value>, from: &Value, what: &str| -> Result<()> {
        for (name, value) in from.as_object().into_iter().flatten() {
            if into.insert(name.clone(), value.clone()).is_some() {
                return Err(format!("{}: {what} {name} is described twice", file.display()).into());
            }
        }
        Ok(())
    };
    add(object(document, "paths")?, &part["paths"], "path")?;
    for (kind, members) in part["components"].as_object().into_iter().flatten() {
        let whole = document["components"]
            .as_object_mut()
            .ok_or("no components")?;
        let into = whole
            .entry(kind)
            .or_insert_with(|| json!({}))
            .as_object_mut()
            .ok_or("not an object")?;
        add(into, members, kind)?;
    }
    if let (Some(tags), Some(more)) = (document["tags"].as_array_mut(), part["tags"].as_array()) {
        for tag in more {
            if !tags.iter().any(|known| known["name"] == tag["name"]) {
                tags.push(tag.clone());
            }
        }
    }
    Ok(())
}

fn object<'a>(document: &'a mut Value, member: &str) -> Result<&'a mut Map<String, Value>> {
    document[member]
        .as_object_mut()
        .ok_or_else(|| format!("{member} is not an object").into())
}

/// `x-gateway` is for this build, not for clients.
fn remove_extensions(document: &mut Value) {
    let items = document["paths"].as_object_mut().into_iter();
    for item in items
        .flat_map(Map::values_mut)
        .filter_map(Value::as_object_mut)
    {
        item.remove("x-gateway");
    }
}

/// What any route may answer is said here once, not in every part: the gateway and the host answer
/// so before a service is asked, or instead.
fn add_answers(document: &mut Value) {
    let paths = document["paths"]
        .as_object_mut()
        .into_iter()
        .flat_map(Map::values_mut)
        .filter_map(Value::as_object_mut);
    let operations = paths
        .flatten()
        .filter(|(member, _)| METHODS.contains(&member.as_str()));
    for (_, operation) in operations {
        let has_body = operation.get("requestBody").is_some();
        let Some(answers) = operation
            .get_mut("responses")
            .and_then(Value::as_object_mut)
        else {
            continue;
        };
        for status in ["408", "431", "500", "503"]
            .into_iter()
            .filter(|status| has_body || *status != "408")
        {
            answers.entry(status).or_insert_with(
                || json!({ "$ref": format!("#/components/responses/Problem{status}") }),
            );
        }
    }
}

/// The names that services take for a time zone, from the database that they have.
fn time_zones() -> Value {
    let names: BTreeSet<String> = jiff::tz::db()
        .available()
        .map(|name| name.to_string())
        .collect();
    json!(names)
}

fn check(document: &Value) -> Result<()> {
    let mut operations = BTreeSet::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for operation in METHODS.iter().filter_map(|method| item.get(*method)) {
            let id = operation["operationId"]
                .as_str()
                .ok_or_else(|| format!("{path} has an operation without operationId"))?;
            let is_declared = |tag: &Value| {
                document["tags"]
                    .as_array()
                    .is_some_and(|tags| tags.iter().any(|known| known["name"] == *tag))
            };
            if !operation["tags"]
                .as_array()
                .is_some_and(|tags| tags.iter().all(is_declared))
            {
                return Err(format!("{id} has no tag, or one that is declared nowhere").into());
            }
            if !operations.insert(id) {
                return Err(format!("operationId {id} comes twice").into());
            }
        }
    }
    let mut dangling = BTreeSet::new();
    find_dangling(document, document, &mut dangling);
    if dangling.is_empty() {
        Ok(())
    } else {
        Err(format!("references lead nowhere: {dangling:?}").into())
    }
}

fn find_dangling<'a>(document: &Value, value: &'a Value, dangling: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(members) => {
            if let Some(reference) = members.get("$ref").and_then(Value::as_str)
                && reference
                    .strip_prefix('#')
                    .is_none_or(|pointer| document.pointer(pointer).is_none())
            {
                dangling.insert(reference);
            }
            members
                .values()
                .for_each(|member| find_dangling(document, member, dangling));
        }
        Value::Array(items) => items
            .iter()
            .for_each(|item| find_dangling(document, item, dangling)),
        _ => {}
    }
}

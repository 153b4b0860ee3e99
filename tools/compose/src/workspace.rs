//! The Cargo workspace in which components and shims are compiled: the project's own, with a
//! package for each shim.
//!
//! Its files are the project's Cargo.toml and Cargo.lock with these packages, and symbolic links to
//! everything else. In a workspace of the shims alone, Cargo would choose other features for shared
//! dependencies and compile them all a second time. As examples of one package, the shims would
//! bring the features of native tests into every component.
//!
//! One more package, [`ALL_COMPONENTS`], depends on all components and has no library. A build of
//! some components with `--lib` selects it too. Cargo then chooses the same features for their
//! dependencies as in a build of all.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use toml::{Table, Value};

use crate::plan::written_adapters;
use crate::project::Project;
use crate::shims::{Shim, generate_shims};

/// The folder of the shims in the workspace.
const SHIMS: &str = "shims";
/// The folder with the code that the shims share. They have its dependencies.
const ADAPTERS: &str = "adapters";
const ADAPTERS_PACKAGE: &str = "eventhub-adapters";
/// The package that depends on all components.
pub(crate) const ALL_COMPONENTS: &str = "all-components";
const MANIFEST: &str = "Cargo.toml";
const LOCK: &str = "Cargo.lock";

/// Writes the workspace to the folder `out`, which is `target/workspace`. A file whose content
/// stays the same is not touched, so that Cargo compiles nothing again.
///
/// # Errors
/// The shims cannot be generated, the project's Cargo.toml or Cargo.lock lacks a part, or a file
/// cannot be read or written.
pub fn write_workspace(project: &Project, out: &Path) -> Result<()> {
    let shims = generate_shims(project)?;
    let root = fs::canonicalize(&project.root)?;
    let folder = out.join(SHIMS);
    create_folder(&folder)?;
    link_entries(&root, out, &[MANIFEST, LOCK, "target"])?;

    let manifest = workspace_manifest(parse_table(&root.join(MANIFEST))?)?;
    write_if_changed(&out.join(MANIFEST), &manifest)?;
    let components = component_folders(project)?;
    let lock = workspace_lock(&read(&root.join(LOCK))?, &shims, &components)?;
    write_if_changed(&out.join(LOCK), &lock)?;
    let all = out.join(ALL_COMPONENTS);
    create_folder(&all)?;
    write_if_changed(&all.join(MANIFEST), &all_components_manifest(&components)?)?;
    write_if_changed(&all.join("main.rs"), "fn main() {}\n")?;

    let adapters = parse_table(&root.join(ADAPTERS).join(MANIFEST))?;
    for shim in &shims {
        let package = folder.join(&shim.name);
        create_folder(&package)?;
        let manifest = shim_manifest(shim, &adapters)?;
        write_if_changed(&package.join(MANIFEST), &manifest)?;
        write_if_changed(&package.join("lib.rs"), &shim.source)?;
    }
    for entry in fs::read_dir(&folder)? {
        let entry = entry?;
        if !shims.iter().any(|shim| entry.file_name() == *shim.name) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

/// The project's manifest with the packages of the shims as further members.
fn workspace_manifest(mut manifest: Table) -> Result<String> {
    let workspace = manifest.get_mut("workspace");
    let members = workspace.and_then(|workspace| workspace.get_mut("members"));
    let members = members.and_then(Value::as_array_mut);
    let members = members.context("Cargo.toml has no [workspace] members")?;
    members.extend([format!("{SHIMS}/*").into(), ALL_COMPONENTS.into()]);
    Ok(toml::to_string(&manifest)?)
}

/// The packages of components and adapters, with their folders.
fn component_folders(project: &Project) -> Result<BTreeMap<String, String>> {
    let mut folders = BTreeMap::from([(ADAPTERS_PACKAGE.to_string(), ADAPTERS.to_string())]);
    for adapter in written_adapters(project)? {
        folders.insert(adapter.package, format!("{ADAPTERS}/{}", adapter.name));
    }
    for entry in fs::read_dir(project.root.join("components"))? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if project.has_source(&name) {
            folders.insert(name.clone(), format!("components/{name}"));
        }
    }
    Ok(folders)
}

fn all_components_manifest(components: &BTreeMap<String, String>) -> Result<String> {
    let dependencies = components.iter().map(|(name, folder)| {
        let path = format!("../{folder}").into();
        (
            name.clone(),
            Table::from_iter([("path".into(), path)]).into(),
        )
    });
    let program = Table::from_iter([
        ("name".into(), ALL_COMPONENTS.into()),
        ("path".into(), "main.rs".into()),
    ]);
    let manifest = Table::from_iter([
        ("package".into(), inherited_package(ALL_COMPONENTS).into()),
        ("bin".into(), vec![program].into()),
        ("dependencies".into(), Table::from_iter(dependencies).into()),
    ]);
    Ok(toml::to_string(&manifest)?)
}

fn inherited_package(name: &str) -> Table {
    let inherited = Table::from_iter([("workspace".into(), true.into())]);
    Table::from_iter([
        ("name".into(), name.into()),
        ("version".into(), inherited.clone().into()),
        ("edition".into(), inherited.into()),
    ])
}

/// The manifest of a shim's package: a library with the dependencies of the shared code.
fn shim_manifest(shim: &Shim, adapters: &Table) -> Result<String> {
    let dependencies = adapters.get("dependencies").and_then(Value::as_table);
    let mut dependencies = dependencies
        .context("adapters/Cargo.toml has no [dependencies]")?
        .clone();
    let shared = Table::from_iter([("path".into(), format!("../../{ADAPTERS}").into())]);
    dependencies.insert(ADAPTERS_PACKAGE.into(), shared.into());
    let library = Table::from_iter([
        ("path".into(), "lib.rs".into()),
        ("crate-type".into(), vec!["cdylib"].into()),
    ]);
    let manifest = Table::from_iter([
        ("package".into(), inherited_package(&shim.name).into()),
        ("lib".into(), library.into()),
        ("dependencies".into(), dependencies.into()),
    ]);
    Ok(toml::to_string(&manifest)?)
}

/// The project's Cargo.lock with an entry for each package that is added, in Cargo's order, because
/// Cargo is run with `--locked`.
fn workspace_lock(
    lock: &str,
    shims: &[Shim],
    components: &BTreeMap<String, String>,
) -> Result<String> {
    let (head, entries) = lock
        .split_once("[[package]]\n")
        .context("Cargo.lock has no packages")?;
    let mut entries: Vec<_> = entries.split("[[package]]\n").map(str::trim_end).collect();
    let own = format!("name = \"{ADAPTERS_PACKAGE}\"\n");
    let adapters = entries.iter().find(|entry| entry.starts_with(&own));
    let adapters = adapters.with_context(|| format!("Cargo.lock has no {ADAPTERS_PACKAGE}"))?;
    let shared = format!("dependencies = [\n \"{ADAPTERS_PACKAGE}\",\n");
    let mut added: Vec<_> = shims
        .iter()
        .map(|shim| {
            let entry = adapters.replacen(ADAPTERS_PACKAGE, &shim.name, 1);
            entry.replacen("dependencies = [\n", &shared, 1)
        })
        .collect();
    let names: Vec<_> = components
        .keys()
        .map(|name| format!(" \"{name}\",\n"))
        .collect();
    let (begin, _) = adapters
        .split_once("dependencies = [\n")
        .with_context(|| format!("{ADAPTERS_PACKAGE} has no dependencies"))?;
    let begin = begin.replacen(ADAPTERS_PACKAGE, ALL_COMPONENTS, 1);
    added.push(format!("{begin}dependencies = [\n{}]", names.concat()));
    entries.extend(added.iter().map(String::as_str));
    // Stable: versions of one package keep their order.
    entries.sort_by_key(|entry| entry.lines().next());
    let entries: Vec<_> = entries
        .iter()
        .map(|entry| format!("[[package]]\n{entry}\n"))
        .collect();
    Ok(format!("{head}{}", entries.join("\n")))
}

/// Links to every visible entry of `folder` but the excluded ones, and to nothing else.
fn link_entries(folder: &Path, out: &Path, excluded: &[&str]) -> Result<()> {
    let mut expected: BTreeSet<_> = excluded.iter().map(OsString::from).collect();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let text = name.to_string_lossy();
        if text.starts_with('.') || excluded.contains(&text.as_ref()) {
            continue;
        }
        link_entry(&folder.join(&name), &out.join(&name))?;
        expected.insert(name);
    }
    for entry in fs::read_dir(out)? {
        let entry = entry?;
        if !entry.file_type()?.is_dir() && !expected.contains(&entry.file_name()) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Makes `link` a symbolic link to `target`.
fn link_entry(target: &Path, link: &Path) -> Result<()> {
    if fs::read_link(link).is_ok_and(|known| known == target) {
        return Ok(());
    }
    if link.is_symlink() {
        fs::remove_file(link)?;
    }
    std::os::unix::fs::symlink(target, link)
        .with_context(|| format!("cannot make the link {}", link.display()))
}

fn create_folder(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
}

fn parse_table(file: &Path) -> Result<Table> {
    toml::from_str(&read(file)?).with_context(|| format!("cannot parse {}", file.display()))
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))
}

fn write_if_changed(file: &Path, content: &str) -> Result<()> {
    if fs::read_to_string(file).is_ok_and(|known| known == content) {
        return Ok(());
    }
    fs::write(file, content).with_context(|| format!("cannot write {}", file.display()))
}

//! `spin.toml`, version 2: the parts that our manifest uses. Every other part is refused, as Spin
//! refuses unknown keys.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    spin_manifest_version: u32,
    #[allow(dead_code, reason = "must be there")]
    application: ApplicationDetails,
    #[serde(default)]
    variables: BTreeMap<String, Variable>,
    trigger: Triggers,
    pub component: BTreeMap<String, Component>,
    /// The folder of the manifest, to which paths are relative.
    #[serde(skip)]
    pub root: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "must be there")]
struct ApplicationDetails {
    name: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    description: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Variable {
    default: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Triggers {
    http: Vec<Trigger>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Trigger {
    route: Route,
    component: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Route {
    Path(String),
    Private(Private),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Private {
    private: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Component {
    pub source: PathBuf,
    #[serde(default)]
    pub allowed_outbound_hosts: Vec<String>,
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    #[serde(default)]
    pub dependencies_inherit_configuration: bool,
    #[serde(default)]
    pub dependencies: BTreeMap<String, Dependency>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dependency {
    pub path: PathBuf,
}

impl Manifest {
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let mut manifest: Self =
            toml::from_str(&text).with_context(|| path.display().to_string())?;
        if manifest.spin_manifest_version != 2 {
            bail!(
                "spin_manifest_version {} is not 2",
                manifest.spin_manifest_version
            );
        }
        manifest.root = path.parent().unwrap_or(Path::new("")).to_path_buf();
        let known: BTreeSet<&String> = manifest.component.keys().collect();
        if let Some(trigger) = manifest
            .trigger
            .http
            .iter()
            .find(|trigger| !known.contains(&trigger.component))
        {
            bail!(
                "a trigger names component {}, which is not there",
                trigger.component
            );
        }
        Ok(manifest)
    }

    /// Public routes and their components; `/...` at the end stands for anything below.
    pub fn routes(&self) -> Result<Vec<(String, String)>> {
        let mut routes = vec![];
        for trigger in &self.trigger.http {
            match &trigger.route {
                Route::Path(path) if path.starts_with('/') => {
                    routes.push((path.clone(), trigger.component.clone()))
                }
                Route::Path(path) => bail!("route {path} does not begin with /"),
                Route::Private(Private { private: true }) => {}
                Route::Private(_) => bail!("a route that is not private has a path"),
            }
        }
        Ok(routes)
    }

    /// A text in which each `{{ name }}` is replaced by the application's variable.
    pub fn resolved(&self, text: &str, given: &[(String, String)]) -> Result<String> {
        let Some((before, rest)) = text.split_once("{{") else {
            return Ok(text.to_string());
        };
        let (name, after) = rest
            .split_once("}}")
            .with_context(|| format!("{text}: no }}}}"))?;
        let name = name.trim();
        let variable = self
            .variables
            .get(name)
            .with_context(|| format!("there is no variable {name}"))?;
        let value = given
            .iter()
            .rfind(|(known, _)| known == name)
            .map_or(&variable.default, |(_, value)| value);
        Ok(format!("{before}{value}{}", self.resolved(after, given)?))
    }
}

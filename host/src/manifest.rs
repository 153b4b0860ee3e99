//! `wadm.yaml` read into what the host needs: components, links between them, links to capabilities
//! and from them. The OAM syntax is `wadm-types`'; which capabilities exist is ours.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use wadm_types::validation::{ValidationFailureLevel, validate_manifest};
use wadm_types::{ConfigProperty, LinkProperty, Manifest as Oam, Properties, Trait, TraitProperty};

/// Whose fault a refused manifest is: its author's.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    #[error("cannot read manifest {path}: {cause}")]
    Read {
        path: PathBuf,
        cause: std::io::Error,
    },
    #[error("manifest {path}: {cause}")]
    Syntax { path: PathBuf, cause: String },
    #[error("manifest {path} is not valid: {failures}")]
    Invalid { path: PathBuf, failures: String },
    #[error(
        "component {component}: image {image} is not a file of this host; build it, or give file://…"
    )]
    Image { component: String, image: String },
    #[error("capability {name}: this host has no such capability; it has {known}")]
    UnknownCapability { name: String, known: String },
    #[error("link {from} → {to}: {cause}")]
    Link {
        from: String,
        to: String,
        cause: String,
    },
}

/// The capability providers that are part of this host, by their name in the manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Capability {
    /// Calls `routes` (or `wasi:http/incoming-handler`) of one component for every request.
    HttpServer,
    /// `wasi:http/outgoing-handler`.
    HttpClient,
    /// `eventhub:postgres/sql`.
    Postgres,
    /// `eventhub:redis/commands`.
    Redis,
    /// `eventhub:kafka/producer`; calls `events`.
    Kafka,
    /// `eventhub:websocket/topics`; calls `live`.
    WebSocket,
    /// Calls `timers`.
    Scheduler,
}

impl Capability {
    const ALL: [(&'static str, Capability); 7] = [
        ("http-server", Capability::HttpServer),
        ("http-client", Capability::HttpClient),
        ("postgres", Capability::Postgres),
        ("redis", Capability::Redis),
        ("kafka", Capability::Kafka),
        ("websocket", Capability::WebSocket),
        ("scheduler", Capability::Scheduler),
    ];

    fn named(name: &str) -> Result<Self, ManifestError> {
        let found = Self::ALL.iter().find(|(known, _)| *known == name);
        found
            .map(|(_, capability)| *capability)
            .ok_or_else(|| ManifestError::UnknownCapability {
                name: name.into(),
                known: Self::ALL.map(|(name, _)| name).join(", "),
            })
    }
}

/// A component to run.
#[derive(Clone, Debug, PartialEq)]
pub struct Component {
    pub name: String,
    pub file: PathBuf,
    /// At most so many instances.
    pub instances: usize,
    /// Named configuration of the manifest; the configuration file's environment comes on top.
    pub environment: BTreeMap<String, String>,
}

/// What a link leads to.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    Component(String),
    Capability(Capability),
}

/// A component may call `interfaces` of `package`, found at the target.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    pub source: String,
    pub target: Target,
    /// `eventhub:postgres`.
    pub package: String,
    pub interfaces: Vec<String>,
    /// Configuration of the target: timeouts, bulkhead, breaker.
    pub properties: BTreeMap<String, String>,
}

/// A capability calls an export of a component.
#[derive(Clone, Debug, PartialEq)]
pub struct Trigger {
    pub capability: Capability,
    pub component: String,
    /// `interval_ms`, `group`, `topics`.
    pub properties: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    pub name: String,
    pub components: Vec<Component>,
    pub links: Vec<Link>,
    pub triggers: Vec<Trigger>,
}

impl Manifest {
    /// Reads and validates a manifest. `file://` images are relative to the manifest's folder.
    pub async fn load(path: &Path) -> Result<Self, ManifestError> {
        let text = std::fs::read_to_string(path).map_err(|cause| ManifestError::Read {
            path: path.into(),
            cause,
        })?;
        let folder = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        Self::parse(&text, path, folder).await
    }

    async fn parse(text: &str, path: &Path, folder: &Path) -> Result<Self, ManifestError> {
        let syntax = |cause: String| ManifestError::Syntax {
            path: path.into(),
            cause,
        };
        let oam: Oam = serde_yaml::from_str(text).map_err(|cause| syntax(cause.to_string()))?;
        let failures = validate_manifest(&oam)
            .await
            .map_err(|cause| syntax(cause.to_string()))?;
        let errors: Vec<_> = failures
            .iter()
            .filter(|failure| failure.level == ValidationFailureLevel::Error)
            .map(|failure| failure.msg.clone())
            .collect();
        if !errors.is_empty() {
            return Err(ManifestError::Invalid {
                path: path.into(),
                failures: errors.join("; "),
            });
        }
        let mut manifest = Manifest {
            name: oam.metadata.name.clone(),
            components: vec![],
            links: vec![],
            triggers: vec![],
        };
        let capabilities = capabilities(&oam)?;
        for component in oam.components() {
            if let Properties::Component { properties } = &component.properties {
                let image = properties.image.clone().unwrap_or_default();
                let file = image.strip_prefix("file://").map(|file| folder.join(file));
                let file = file.ok_or_else(|| ManifestError::Image {
                    component: component.name.clone(),
                    image,
                })?;
                manifest.components.push(Component {
                    name: component.name.clone(),
                    file,
                    instances: instances(component.traits.as_deref()),
                    environment: flatten(&properties.config),
                });
            }
            for link in links(component.traits.as_deref()) {
                manifest.add_link(&component.name, link, &capabilities)?;
            }
        }
        manifest.refuse_dangling_links()?;
        Ok(manifest)
    }

    fn refuse_dangling_links(&self) -> Result<(), ManifestError> {
        let is_there = |name: &str| {
            self.components
                .iter()
                .any(|component| component.name == name)
        };
        for link in &self.links {
            if let Target::Component(target) = &link.target
                && !is_there(target)
            {
                let cause = "the manifest has no such component".to_string();
                return Err(ManifestError::Link {
                    from: link.source.clone(),
                    to: target.clone(),
                    cause,
                });
            }
        }
        Ok(())
    }

    fn add_link(
        &mut self,
        source: &str,
        link: &LinkProperty,
        capabilities: &BTreeMap<String, Capability>,
    ) -> Result<(), ManifestError> {
        let refuse = |cause: &str| ManifestError::Link {
            from: source.into(),
            to: link.target.name.clone(),
            cause: cause.into(),
        };
        match (
            capabilities.get(source),
            capabilities.get(&link.target.name),
        ) {
            (Some(_), Some(_)) => return Err(refuse("a capability cannot call a capability")),
            (Some(capability), None) => self.triggers.push(Trigger {
                capability: *capability,
                component: link.target.name.clone(),
                properties: link
                    .source
                    .as_ref()
                    .map(|source| flatten(&source.config))
                    .unwrap_or_default(),
            }),
            (None, target) => self.links.push(Link {
                source: source.into(),
                target: target.map_or_else(
                    || Target::Component(link.target.name.clone()),
                    |capability| Target::Capability(*capability),
                ),
                package: format!("{}:{}", link.namespace, link.package),
                interfaces: link.interfaces.clone(),
                properties: flatten(&link.target.config),
            }),
        }
        Ok(())
    }

    /// The component that answers HTTP.
    pub fn entry(&self) -> Option<&str> {
        self.triggers
            .iter()
            .find(|trigger| trigger.capability == Capability::HttpServer)
            .map(|trigger| trigger.component.as_str())
    }
}

fn capabilities(oam: &Oam) -> Result<BTreeMap<String, Capability>, ManifestError> {
    let providers = oam
        .components()
        .filter(|component| matches!(component.properties, Properties::Capability { .. }));
    providers
        .map(|component| Ok((component.name.clone(), Capability::named(&component.name)?)))
        .collect()
}

fn links(traits: Option<&[Trait]>) -> impl Iterator<Item = &LinkProperty> {
    traits
        .unwrap_or_default()
        .iter()
        .filter_map(|one| match &one.properties {
            TraitProperty::Link(link) => Some(link),
            _ => None,
        })
}

fn instances(traits: Option<&[Trait]>) -> usize {
    let mut scalers = traits
        .unwrap_or_default()
        .iter()
        .filter_map(|one| match &one.properties {
            TraitProperty::SpreadScaler(scaler) => Some(scaler.instances),
            _ => None,
        });
    scalers.next_back().unwrap_or(1).max(1)
}

fn flatten(config: &[ConfigProperty]) -> BTreeMap<String, String> {
    config
        .iter()
        .filter_map(|one| one.properties.clone())
        .flatten()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn parse(text: &str) -> Result<Manifest, ManifestError> {
        Manifest::parse(text, Path::new("wadm.yaml"), Path::new("/app")).await
    }

    #[tokio::test]
    async fn the_projects_own_manifest_is_valid_without_warnings() {
        let text = include_str!("../../wadm.yaml");
        let manifest = parse(text).await.unwrap();
        assert_eq!(manifest.entry(), Some("api-gateway"));
        assert_eq!(manifest.components.len(), 8);
        let booking = manifest
            .triggers
            .iter()
            .find(|trigger| trigger.capability == Capability::Kafka)
            .unwrap();
        assert_eq!(booking.properties["group"], "booking");
        let oam: Oam = serde_yaml::from_str(text).unwrap();
        let warnings = validate_manifest(&oam).await.unwrap();
        assert!(warnings.is_empty(), "{warnings:?}");
    }

    #[tokio::test]
    async fn an_unknown_capability_and_an_image_elsewhere_are_refused_by_name() {
        let with = |component: &str| {
            format!(
                "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: {{name: x, annotations: {{version: v0.1.0}}}}\nspec:\n  components:\n    - {component}\n"
            )
        };
        let error = parse(&with(
            "{name: mongo, type: capability, properties: {image: x/y:1}}",
        ))
        .await
        .unwrap_err();
        assert!(error.to_string().contains("mongo"), "{error}");
        let error = parse(&with(
            "{name: a, type: component, properties: {image: registry/a:1}}",
        ))
        .await
        .unwrap_err();
        assert!(matches!(error, ManifestError::Image { .. }), "{error}");
    }

    #[tokio::test]
    async fn a_link_to_nothing_is_refused() {
        let text = "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: {name: x, annotations: {version: v0.1.0}}\nspec:\n  components:\n    - name: a\n      type: component\n      properties: {image: 'file://a.wasm'}\n      traits:\n        - type: link\n          properties: {target: {name: nobody}, namespace: eventhub, package: b, interfaces: [c]}\n";
        let error = parse(text).await.unwrap_err().to_string();
        assert!(error.contains("nobody"), "{error}");
    }
}

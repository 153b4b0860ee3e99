//! Reads `wadm.yaml` into what the host needs: components, links between them, links to capabilities
//! and from them. The crate `wadm-types` has the OAM syntax; this module knows the capabilities, and
//! what the configuration of components and links means.

use std::collections::{BTreeMap, BTreeSet};
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
    #[error("component {component}: the image {image} is not a file; this host runs file://… only")]
    Image { component: String, image: String },
    #[error("capability {name}: this host does not have it; it has {known}")]
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
    /// The most instances.
    pub instances: usize,
    /// Environment variables; those of the configuration file override them.
    pub environment: BTreeMap<String, String>,
    /// Limits of its instances, as far as they differ from the defaults: `memory_mb`.
    pub limits: BTreeMap<String, String>,
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
    /// Configuration of the target: timeouts, bulkhead and breaker of every link; `database` and
    /// `outbox` of a link to Postgres; `authorities` of a link to the HTTP client.
    pub properties: BTreeMap<String, String>,
}

/// A capability calls an export of a component.
#[derive(Clone, Debug, PartialEq)]
pub struct Trigger {
    pub capability: Capability,
    pub component: String,
    /// `interval_ms` and `at_once` of the scheduler; `group` and `topics` of Kafka.
    pub properties: BTreeMap<String, String>,
}

/// The package of links to Postgres.
pub const POSTGRES: &str = "eventhub:postgres";
/// Keys of a link to Postgres: the databases that its component uses, and the aggregates whose facts
/// it writes to the outbox of the first of them. Each is a list with commas.
pub const DATABASE: &str = "database";
pub const OUTBOX: &str = "outbox";
/// The key of a link to the HTTP client: the authorities that its component may call, with commas.
const AUTHORITIES: &str = "authorities";
/// A component's configuration has the limits of its instances when its name ends so.
const LIMITS_SUFFIX: &str = "-limits";

/// The application, or the part of it that one process runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Manifest {
    pub name: String,
    /// The file that it was read from.
    pub path: PathBuf,
    /// Every aggregate of the application whose facts are published, in whichever process.
    pub aggregates: BTreeSet<String>,
    pub components: Vec<Component>,
    pub links: Vec<Link>,
    pub triggers: Vec<Trigger>,
}

impl Manifest {
    /// Reads and validates a manifest. `file://` images are relative to the manifest's folder.
    ///
    /// # Errors
    /// [`ManifestError`]: the author's mistake, or a file that cannot be read.
    pub async fn load(path: &Path) -> Result<Self, ManifestError> {
        let text = std::fs::read_to_string(path).map_err(|cause| ManifestError::Read {
            path: path.into(),
            cause,
        })?;
        Self::parse(&text, path).await
    }

    async fn parse(text: &str, path: &Path) -> Result<Self, ManifestError> {
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
            path: path.into(),
            ..Manifest::default()
        };
        let folder = manifest.folder().to_path_buf();
        let capabilities = capabilities(&oam)?;
        for component in oam.components() {
            if let Properties::Component { properties } = &component.properties {
                let image = properties.image.clone().unwrap_or_default();
                let file = image.strip_prefix("file://").map(|file| folder.join(file));
                let file = file.ok_or_else(|| ManifestError::Image {
                    component: component.name.clone(),
                    image,
                })?;
                let (limits, environment): (Vec<_>, Vec<_>) = properties
                    .config
                    .iter()
                    .partition(|config| config.name.ends_with(LIMITS_SUFFIX));
                manifest.components.push(Component {
                    name: component.name.clone(),
                    file,
                    instances: instances(component.traits.as_deref()),
                    environment: merge_properties(environment),
                    limits: merge_properties(limits),
                });
            }
            for link in links(component.traits.as_deref()) {
                manifest.add_link(&component.name, link, &capabilities)?;
            }
        }
        manifest.refuse_dangling_links()?;
        let outboxes = manifest
            .postgres_links()
            .filter_map(|link| link.properties.get(OUTBOX));
        manifest.aggregates = outboxes
            .flat_map(|list| list_items(list))
            .map(String::from)
            .collect();
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
                    .map(|source| merge_properties(&source.config))
                    .unwrap_or_default(),
            }),
            (None, target) => {
                let properties = merge_properties(&link.target.config);
                let target = target.map_or_else(
                    || Target::Component(link.target.name.clone()),
                    |capability| Target::Capability(*capability),
                );
                if target == Target::Capability(Capability::HttpClient)
                    && properties.keys().any(|key| key != AUTHORITIES)
                {
                    return Err(refuse("the only property of such a link is `authorities`"));
                }
                if properties.contains_key(OUTBOX) && !properties.contains_key(DATABASE) {
                    return Err(refuse("it has an `outbox` but no `database`"));
                }
                self.links.push(Link {
                    source: source.into(),
                    target,
                    package: format!("{}:{}", link.namespace, link.package),
                    interfaces: link.interfaces.clone(),
                    properties,
                });
            }
        }
        Ok(())
    }

    /// The folder of the file, to which images and tools are relative.
    pub fn folder(&self) -> &Path {
        let parent = self.path.parent();
        parent
            .filter(|parent| !parent.as_os_str().is_empty())
            .unwrap_or(Path::new("."))
    }

    /// The component of that name.
    pub fn component(&self, name: &str) -> Option<&Component> {
        self.components
            .iter()
            .find(|component| component.name == name)
    }

    /// The services in the order of the file: components whose `routes` the entry is linked to. Any
    /// other component but the entry is a part of its callers.
    pub fn services(&self) -> impl Iterator<Item = &str> {
        let names = self
            .components
            .iter()
            .map(|component| component.name.as_str());
        names.filter(|name| self.is_service(name))
    }

    /// Whether it is one of [`Manifest::services`].
    pub fn is_service(&self, name: &str) -> bool {
        let Some(entry) = self.entry() else {
            return false;
        };
        self.links.iter().any(|link| {
            link.source == entry
                && component_target(&link.target) == Some(name)
                && link
                    .interfaces
                    .iter()
                    .any(|interface| interface == "routes")
        })
    }

    /// Every database that a component uses.
    pub fn databases(&self) -> BTreeSet<&str> {
        let databases = self
            .postgres_links()
            .filter_map(|link| link.properties.get(DATABASE));
        databases.flat_map(|list| list_items(list)).collect()
    }

    /// Every database with an outbox: the first of a link's whose component writes facts.
    pub fn outbox_databases(&self) -> BTreeSet<&str> {
        self.postgres_links()
            .filter(|link| link.properties.contains_key(OUTBOX))
            .filter_map(|link| list_items(link.properties.get(DATABASE)?).next())
            .collect()
    }

    /// The authorities that a component may call over HTTP.
    pub fn authorities(&self, component: &str) -> Vec<&str> {
        self.links
            .iter()
            .filter(|link| {
                link.source == component
                    && link.target == Target::Capability(Capability::HttpClient)
            })
            .filter_map(|link| link.properties.get(AUTHORITIES))
            .flat_map(|list| list_items(list))
            .collect()
    }

    fn postgres_links(&self) -> impl Iterator<Item = &Link> {
        self.links.iter().filter(|link| link.package == POSTGRES)
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

/// The component that a link leads to, unless it leads to a capability.
pub fn component_target(target: &Target) -> Option<&str> {
    match target {
        Target::Component(name) => Some(name),
        Target::Capability(_) => None,
    }
}

fn list_items(list: &str) -> impl Iterator<Item = &str> {
    list.split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
}

fn merge_properties<'a>(
    config: impl IntoIterator<Item = &'a ConfigProperty>,
) -> BTreeMap<String, String> {
    config
        .into_iter()
        .filter_map(|one| one.properties.clone())
        .flatten()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn parse(text: &str) -> Result<Manifest, ManifestError> {
        Manifest::parse(text, Path::new("/app/wadm.yaml")).await
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

    /// Build scripts, tools and tests read the manifest with a crate of their own.
    #[tokio::test]
    async fn the_small_reader_reads_the_same() {
        let path = Path::new("../wadm.yaml");
        let manifest = Manifest::load(path).await.unwrap();
        let small = eventhub_manifest::Manifest::read(path).unwrap();
        assert_eq!(Some(small.gateway()), manifest.entry());
        assert!(
            small
                .services()
                .iter()
                .map(|one| one.name.as_str())
                .eq(manifest.services())
        );
        assert_eq!(small.databases(), manifest.databases());
        assert!(small.aggregates().into_iter().eq(&manifest.aggregates));
        assert_eq!(small.components.len(), manifest.components.len());
        for component in &manifest.components {
            let same = small.component(&component.name).unwrap();
            assert_eq!(
                same.environment, component.environment,
                "{}",
                component.name
            );
            let links = manifest
                .links
                .iter()
                .filter(|link| link.source == component.name);
            for (link, same) in links.zip(&same.links) {
                assert_eq!(
                    (&same.package, &same.interfaces, &same.properties),
                    (&link.package, &link.interfaces, &link.properties)
                );
            }
        }
    }

    #[tokio::test]
    async fn databases_outboxes_and_authorities_are_those_of_links() {
        let manifest = Manifest::load(Path::new("../wadm.yaml")).await.unwrap();
        let all = BTreeSet::from(["booking_db", "event_db", "identity_db", "payment_db"]);
        assert_eq!(manifest.databases(), all);
        assert_eq!(manifest.outbox_databases(), all);
        let aggregates = ["booking", "event", "payment", "user"].map(String::from);
        assert_eq!(manifest.aggregates, aggregates.into());
        assert_eq!(manifest.authorities("payment-stripe"), ["api.stripe.com"]);
        assert!(manifest.authorities("payment").is_empty());
        let services: Vec<_> = manifest.services().collect();
        assert_eq!(
            (services[0], services[5], services.len()),
            ("identity", "payment", 6)
        );
        let layouts = manifest.component("venue-layout").unwrap();
        assert_eq!(layouts.limits["memory_mb"], "256");
        assert!(layouts.environment.is_empty());
    }

    #[tokio::test]
    async fn links_with_grants_of_another_kind_are_refused() {
        let link = |target: &str, package: &str, properties: &str| {
            format!(
                "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: {{name: x, annotations: {{version: v0.1.0}}}}\nspec:\n  components:\n    - {{name: {target}, type: capability, properties: {{image: 'x/y:1'}}}}\n    - name: a\n      type: component\n      properties: {{image: 'file://a.wasm'}}\n      traits:\n        - type: link\n          properties: {{target: {{name: {target}, config: [{{name: c, properties: {{{properties}}}}}]}}, {package}}}\n"
            )
        };
        let http = "namespace: wasi, package: http, interfaces: [outgoing-handler]";
        assert!(
            parse(&link("http-client", http, "authorities: a.example"))
                .await
                .is_ok()
        );
        let error = parse(&link("http-client", http, "authority: a.example"))
            .await
            .unwrap_err();
        assert!(error.to_string().contains("authorities"), "{error}");
        let sql = "namespace: eventhub, package: postgres, interfaces: [sql]";
        assert!(
            parse(&link("postgres", sql, "database: a_db, outbox: a"))
                .await
                .is_ok()
        );
        let error = parse(&link("postgres", sql, "outbox: a"))
            .await
            .unwrap_err();
        assert!(error.to_string().contains("database"), "{error}");
    }

    #[tokio::test]
    async fn unknown_capabilities_and_images_elsewhere_are_refused() {
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

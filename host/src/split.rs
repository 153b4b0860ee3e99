//! What of a manifest this process runs. A component that runs elsewhere is replaced by its client
//! shim, which exports the same and calls over HTTP; one that others call from elsewhere is served
//! by its own door. Links keep their timeout, bulkhead and breaker: to the manifest's eyes a shim
//! is the component.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use crate::adapters;
use crate::app::Door;
use crate::config::Config;
use crate::manifest::{Capability, Component, Link, Manifest, Target, Trigger};

/// The sidecar's only component: takes calls of capabilities.
const CAPABILITIES: &str = "capabilities";

/// Whose fault a refused split is: the operator's.
#[derive(Debug, thiserror::Error)]
pub enum SplitError {
    #[error("the manifest has no link from http-server to a component")]
    NoEntry,
    #[error("there is no service {name}; there are: {known}")]
    Unknown { name: String, known: String },
    #[error("services.token is empty: the processes would not know each other")]
    NoToken,
    #[error("services.urls says nothing of {service}, which runs in another process")]
    Nowhere { service: String },
}

/// What a process is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// All of the manifest.
    Whole,
    /// These services, and the components that are parts of them.
    Services(Vec<String>),
    /// No service: the capabilities, for components on a host that lacks them, and what
    /// capabilities call of their own accord (messages, timers, sockets).
    Sidecar,
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole => f.write_str("all services"),
            Self::Services(services) => f.write_str(&services.join(", ")),
            Self::Sidecar => f.write_str("capabilities"),
        }
    }
}

/// What one process runs.
#[derive(Debug)]
pub struct Part {
    pub manifest: Manifest,
    /// Where requests and calls come in.
    pub doors: Vec<(SocketAddr, Door)>,
}

/// The part of a manifest that a process of this role runs. The shims lie beside the components.
pub fn part(manifest: Manifest, role: &Role, config: &mut Config) -> Result<Part, SplitError> {
    match role {
        Role::Whole => {
            let entry = manifest.entry().ok_or(SplitError::NoEntry)?.to_string();
            Ok(Part {
                manifest,
                doors: vec![(config.http.listen, Door::Routes(entry))],
            })
        }
        Role::Services(services) => some(&manifest, services, config),
        Role::Sidecar => sidecar(&manifest, config),
    }
}

fn some(manifest: &Manifest, services: &[String], config: &mut Config) -> Result<Part, SplitError> {
    let known = || {
        let names = manifest
            .components
            .iter()
            .map(|component| component.name.clone());
        names.filter(|name| {
            manifest.entry() == Some(name) || config.services.urls.contains_key(name)
        })
    };
    if let Some(name) = services
        .iter()
        .find(|name| !known().any(|known| known == **name))
    {
        return Err(SplitError::Unknown {
            name: name.clone(),
            known: known().collect::<Vec<_>>().join(", "),
        });
    }
    let here = here(manifest, services, &config.services.urls);
    let mut part = Part::new(manifest, config)?;
    let is_here = |name: &str| here.contains(name);
    // A socket's process asks the component, wherever that is; all else calls what runs beside it.
    let serves_sockets = manifest.entry().is_some_and(is_here);
    let triggers = manifest
        .triggers
        .iter()
        .filter(|trigger| match trigger.capability {
            Capability::WebSocket => serves_sockets,
            _ => is_here(&trigger.component),
        });
    part.manifest.triggers = triggers.cloned().collect();
    part.manifest.links = manifest
        .links
        .iter()
        .filter(|link| is_here(&link.source))
        .cloned()
        .collect();
    for component in manifest
        .components
        .iter()
        .filter(|component| is_here(&component.name))
    {
        let mut component = component.clone();
        if let Some(listen) = config.services.listen.get(&component.name) {
            component
                .environment
                .insert("CALL_TOKEN".into(), config.services.token.clone());
            part.doors
                .push((*listen, Door::Calls(component.name.clone())));
        }
        part.manifest.components.push(component);
    }
    if let Some(entry) = part.manifest.entry() {
        part.doors
            .push((config.http.listen, Door::Routes(entry.into())));
    }
    let urls = config.services.urls.clone();
    part.add_clients(manifest, |service| urls.get(service).cloned(), config)?;
    Ok(part)
}

fn sidecar(manifest: &Manifest, config: &mut Config) -> Result<Part, SplitError> {
    let mut part = Part::new(manifest, config)?;
    let calls_by_itself = |trigger: &&Trigger| trigger.capability != Capability::HttpServer;
    part.manifest.triggers = manifest
        .triggers
        .iter()
        .filter(calls_by_itself)
        .cloned()
        .collect();
    let beside = manifest
        .components
        .first()
        .map(|component| component.file.clone())
        .unwrap_or_default();
    part.manifest.components.push(Component {
        name: CAPABILITIES.into(),
        file: adapters::file(&beside, "capabilities_server"),
        instances: config.sidecar.instances,
        environment: [("CALL_TOKEN".to_string(), config.services.token.clone())].into(),
    });
    for (capability, package) in [
        (Capability::Postgres, "eventhub:postgres"),
        (Capability::Redis, "eventhub:redis"),
        (Capability::Kafka, "eventhub:kafka"),
        (Capability::WebSocket, "eventhub:websocket"),
    ] {
        part.manifest.links.push(Link {
            source: CAPABILITIES.into(),
            target: Target::Capability(capability),
            package: package.into(),
            interfaces: vec![],
            properties: BTreeMap::new(),
        });
    }
    part.doors = vec![
        (config.sidecar.listen, Door::Calls(CAPABILITIES.into())),
        (config.http.listen, Door::Sockets),
    ];
    let (application, urls) = (
        config.sidecar.application.clone(),
        config.services.urls.clone(),
    );
    let url = |service: &str| {
        if application.is_empty() {
            urls.get(service).cloned()
        } else {
            Some(application.clone())
        }
    };
    part.add_clients(manifest, url, config)?;
    Ok(part)
}

fn component_of(target: &Target) -> Option<&str> {
    match target {
        Target::Component(name) => Some(name),
        Target::Capability(_) => None,
    }
}

/// The services, and the components that are no services of their own but parts of one of them,
/// such as a payment provider.
fn here<'a>(
    manifest: &'a Manifest,
    services: &'a [String],
    urls: &BTreeMap<String, String>,
) -> BTreeSet<&'a str> {
    let mut here: BTreeSet<&str> = services.iter().map(String::as_str).collect();
    loop {
        let parts = manifest
            .links
            .iter()
            .filter(|link| here.contains(link.source.as_str()))
            .filter_map(|link| component_of(&link.target));
        let parts: Vec<&str> = parts
            .filter(|name| !urls.contains_key(*name) && !here.contains(name))
            .collect();
        if parts.is_empty() {
            return here;
        }
        here.extend(parts);
    }
}

impl Part {
    /// Nothing yet.
    fn new(manifest: &Manifest, config: &Config) -> Result<Self, SplitError> {
        if config.services.token.is_empty() {
            return Err(SplitError::NoToken);
        }
        Ok(Self {
            manifest: Manifest {
                name: manifest.name.clone(),
                components: vec![],
                links: vec![],
                triggers: vec![],
            },
            doors: vec![],
        })
    }

    /// Whatever is called here and runs elsewhere.
    fn add_clients(
        &mut self,
        manifest: &Manifest,
        url: impl Fn(&str) -> Option<String>,
        config: &mut Config,
    ) -> Result<(), SplitError> {
        let linked = self
            .manifest
            .links
            .iter()
            .filter_map(|link| component_of(&link.target));
        let called: BTreeSet<String> = linked
            .chain(
                self.manifest
                    .triggers
                    .iter()
                    .map(|trigger| trigger.component.as_str()),
            )
            .map(String::from)
            .collect();
        for component in &manifest.components {
            let name = &component.name;
            if called.contains(name)
                && !self
                    .manifest
                    .components
                    .iter()
                    .any(|here| here.name == *name)
            {
                let url = url(name).ok_or_else(|| SplitError::Nowhere {
                    service: name.clone(),
                })?;
                self.add_client(component, url, config);
            }
        }
        Ok(())
    }

    fn add_client(&mut self, component: &Component, url: String, config: &mut Config) {
        let name = component.name.clone();
        let authority = url
            .split_once("://")
            .map_or(url.as_str(), |(_, authority)| authority)
            .trim_end_matches('/');
        // Other processes are most often in our own network.
        config
            .outgoing
            .insert(name.clone(), vec![format!("private {authority}")]);
        // What is the component's own, its secrets among them, stays with it.
        config.environment.remove(&name);
        let environment = [
            ("CALL_URL".to_string(), url.clone()),
            ("CALL_TOKEN".to_string(), config.services.token.clone()),
        ]
        .into();
        self.manifest.components.push(Component {
            file: adapters::client(&component.file, &name),
            environment,
            ..component.clone()
        });
        self.manifest.links.push(Link {
            source: name,
            target: Target::Capability(Capability::HttpClient),
            package: "wasi:http".into(),
            interfaces: vec!["outgoing-handler".into()],
            properties: BTreeMap::new(),
        });
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    async fn split(services: &[&str]) -> Result<(Part, Config), SplitError> {
        let manifest = Manifest::load(Path::new("../wadm.yaml")).await.unwrap();
        let mut config =
            Config::from_parts(Some("[services]\ntoken = \"t\""), "test", &BTreeMap::new())
                .unwrap();
        let role = if services.is_empty() {
            Role::Whole
        } else {
            Role::Services(services.iter().map(|name| name.to_string()).collect())
        };
        part(manifest, &role, &mut config).map(|part| (part, config))
    }

    fn files(part: &Part) -> BTreeMap<&str, String> {
        part.manifest
            .components
            .iter()
            .map(|component| {
                (
                    component.name.as_str(),
                    component
                        .file
                        .file_name()
                        .unwrap()
                        .to_string_lossy()
                        .into_owned(),
                )
            })
            .collect()
    }

    #[tokio::test]
    async fn a_service_runs_with_its_parts_and_clients_of_what_it_calls() {
        let (part, config) = split(&["payment"]).await.unwrap();
        let files = files(&part);
        assert_eq!(files["payment"], "payment.wasm");
        assert_eq!(
            files["payment-stripe"], "payment-stripe.wasm",
            "a provider is part of payment"
        );
        assert_eq!(files.len(), 2, "payment calls no service: {files:?}");
        assert_eq!(
            part.doors,
            [(
                "127.0.0.1:8086".parse().unwrap(),
                Door::Calls("payment".into())
            )]
        );
        assert_eq!(part.manifest.components[0].environment["CALL_TOKEN"], "t");
        assert_eq!(part.manifest.entry(), None);
        assert!(
            part.manifest
                .triggers
                .iter()
                .any(|trigger| trigger.capability == Capability::Scheduler)
        );
        assert_eq!(config.outgoing["payment-stripe"], ["api.stripe.com"]);
    }

    #[tokio::test]
    async fn the_gateway_calls_all_and_has_the_sockets() {
        let (part, config) = split(&["api-gateway"]).await.unwrap();
        let files = files(&part);
        assert_eq!(files["seat-inventory"], "seat_inventory_client.wasm");
        assert_eq!(part.manifest.entry(), Some("api-gateway"));
        assert!(
            part.manifest
                .triggers
                .iter()
                .any(|trigger| trigger.capability == Capability::WebSocket)
        );
        assert!(
            part.manifest
                .triggers
                .iter()
                .all(|trigger| trigger.capability != Capability::Scheduler)
        );
        assert_eq!(
            part.doors,
            [(config.http.listen, Door::Routes("api-gateway".into()))]
        );
        assert_eq!(config.outgoing["booking"], ["private 127.0.0.1:8085"]);
    }

    #[tokio::test]
    async fn all_is_all_and_what_is_not_known_is_refused() {
        let (part, _) = split(&[]).await.unwrap();
        assert_eq!(part.manifest.components.len(), 8);
        let error = split(&["bookings"]).await.unwrap_err().to_string();
        assert!(
            error.contains("bookings") && error.contains("seat-inventory"),
            "{error}"
        );
        assert!(
            matches!(
                split(&["payment-stripe"]).await,
                Err(SplitError::Unknown { .. })
            ),
            "a part of payment is no service"
        );
    }

    #[tokio::test]
    async fn the_sidecar_has_the_capabilities_and_calls_the_application() {
        let manifest = Manifest::load(Path::new("../wadm.yaml")).await.unwrap();
        let text = "[services]\ntoken = \"t\"\n[sidecar]\napplication = \"http://127.0.0.1:8000\"";
        let mut config = Config::from_parts(Some(text), "test", &BTreeMap::new()).unwrap();
        config.environment.insert(
            "booking".into(),
            [("TICKET_SIGNING_KEY".to_string(), "secret".to_string())].into(),
        );
        let part = part(manifest, &Role::Sidecar, &mut config).unwrap();
        let names: Vec<_> = files(&part).into_keys().collect();
        assert_eq!(
            names,
            [
                "booking",
                "capabilities",
                "identity",
                "payment",
                "seat-inventory"
            ]
        );
        assert_eq!(
            part.doors,
            [
                (config.sidecar.listen, Door::Calls("capabilities".into())),
                (config.http.listen, Door::Sockets)
            ]
        );
        assert_eq!(config.outgoing["booking"], ["private 127.0.0.1:8000"]);
        assert!(
            !config.environment.contains_key("booking"),
            "a client does not get the secrets of what it calls"
        );
    }
}

//! Plans the part of a manifest that this process runs. A client shim replaces a component that runs
//! elsewhere: it has the same exports, and calls over HTTP. A component that other processes call has
//! an endpoint of its own. Links keep their timeout, bulkhead and breaker, since to a link a shim is
//! the component.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use crate::adapters;
use crate::app::Endpoint;
use crate::config::Config;
use crate::manifest::{Capability, Component, Link, Manifest, Target, Trigger, component_target};

/// The sidecar's only component: takes calls of capabilities.
const CAPABILITIES: &str = "capabilities";

/// Whose fault a refused split is: the operator's.
#[derive(Debug, thiserror::Error)]
pub enum SplitError {
    #[error("the manifest has no link from http-server to a component")]
    NoEntry,
    #[error("there is no service {name}; there are: {known}")]
    Unknown { name: String, known: String },
    #[error("services.token is empty; the processes of an application need a secret in common")]
    NoToken,
    #[error(
        "{service} runs in another process and is no service; the gateway has to link to its routes"
    )]
    Nowhere { service: String },
}

/// What a process is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// All of the manifest.
    Whole,
    /// These services, and the components that are parts of them.
    Services(Vec<String>),
    /// No service: the capabilities, for components on a host that lacks them, and the calls that
    /// capabilities make by themselves (messages, timers, sockets).
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
pub struct ProcessPlan {
    pub manifest: Manifest,
    /// Where requests and calls come in.
    pub endpoints: Vec<(SocketAddr, Endpoint)>,
}

/// Plans a process of this role. The files of shims lie beside those of components.
///
/// # Errors
/// [`SplitError`].
pub fn plan_process(
    manifest: Manifest,
    role: &Role,
    config: &mut Config,
) -> Result<ProcessPlan, SplitError> {
    match role {
        Role::Whole => {
            let entry = manifest.entry().ok_or(SplitError::NoEntry)?.to_string();
            Ok(ProcessPlan {
                manifest,
                endpoints: vec![(config.http.listen, Endpoint::Routes(entry))],
            })
        }
        Role::Services(services) => for_services(&manifest, services, config),
        Role::Sidecar => sidecar(&manifest, config),
    }
}

fn for_services(
    manifest: &Manifest,
    services: &[String],
    config: &mut Config,
) -> Result<ProcessPlan, SplitError> {
    let known = || manifest.entry().into_iter().chain(manifest.services());
    if let Some(name) = services
        .iter()
        .find(|name| !known().any(|known| known == **name))
    {
        return Err(SplitError::Unknown {
            name: name.clone(),
            known: known().collect::<Vec<_>>().join(", "),
        });
    }
    let local = local(manifest, services);
    let mut plan = ProcessPlan::new(manifest, config)?;
    let is_local = |name: &str| local.contains(name);
    // The process of the sockets calls the component wherever that is. All other triggers run beside
    // their component.
    let serves_sockets = manifest.entry().is_some_and(is_local);
    let triggers = manifest
        .triggers
        .iter()
        .filter(|trigger| match trigger.capability {
            Capability::WebSocket => serves_sockets,
            _ => is_local(&trigger.component),
        });
    plan.manifest.triggers = triggers.cloned().collect();
    plan.manifest.links = manifest
        .links
        .iter()
        .filter(|link| is_local(&link.source))
        .cloned()
        .collect();
    for component in manifest
        .components
        .iter()
        .filter(|component| is_local(&component.name))
    {
        let mut component = component.clone();
        if let Some(listen) = config.services.listen.get(&component.name) {
            component
                .environment
                .insert("CALL_TOKEN".into(), config.services.token.clone());
            plan.endpoints
                .push((*listen, Endpoint::Rpc(component.name.clone())));
        }
        plan.manifest.components.push(component);
    }
    if let Some(entry) = plan.manifest.entry() {
        plan.endpoints
            .push((config.http.listen, Endpoint::Routes(entry.into())));
    }
    let urls = config.services.urls.clone();
    plan.add_clients(manifest, |service| urls.get(service).cloned(), config)?;
    Ok(plan)
}

fn sidecar(manifest: &Manifest, config: &mut Config) -> Result<ProcessPlan, SplitError> {
    let mut plan = ProcessPlan::new(manifest, config)?;
    let calls_by_itself = |trigger: &&Trigger| trigger.capability != Capability::HttpServer;
    plan.manifest.triggers = manifest
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
    plan.manifest.components.push(Component {
        name: CAPABILITIES.into(),
        file: adapters::shim_file(&beside, "capabilities_server"),
        instances: config.sidecar.instances,
        environment: [("CALL_TOKEN".to_string(), config.services.token.clone())].into(),
        limits: BTreeMap::new(),
    });
    for (capability, package) in [
        (Capability::Postgres, "eventhub:postgres"),
        (Capability::Redis, "eventhub:redis"),
        (Capability::Kafka, "eventhub:kafka"),
        (Capability::WebSocket, "eventhub:websocket"),
    ] {
        plan.manifest.links.push(Link {
            source: CAPABILITIES.into(),
            target: Target::Capability(capability),
            package: package.into(),
            interfaces: vec![],
            properties: BTreeMap::new(),
        });
    }
    plan.endpoints = vec![
        (config.sidecar.listen, Endpoint::Rpc(CAPABILITIES.into())),
        (config.http.listen, Endpoint::Sockets),
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
    plan.add_clients(manifest, url, config)?;
    Ok(plan)
}

/// The services, and the components that are no services of their own but parts of one of them,
/// such as a payment provider.
fn local<'a>(manifest: &'a Manifest, services: &'a [String]) -> BTreeSet<&'a str> {
    let mut local: BTreeSet<&str> = services.iter().map(String::as_str).collect();
    loop {
        let parts = manifest
            .links
            .iter()
            .filter(|link| local.contains(link.source.as_str()))
            .filter_map(|link| component_target(&link.target));
        let parts: Vec<&str> = parts
            .filter(|name| !manifest.is_service(name) && !local.contains(name))
            .collect();
        if parts.is_empty() {
            return local;
        }
        local.extend(parts);
    }
}

impl ProcessPlan {
    /// A plan without components.
    fn new(manifest: &Manifest, config: &Config) -> Result<Self, SplitError> {
        if config.services.token.is_empty() {
            return Err(SplitError::NoToken);
        }
        Ok(Self {
            manifest: Manifest {
                components: vec![],
                links: vec![],
                triggers: vec![],
                ..manifest.clone()
            },
            endpoints: vec![],
        })
    }

    /// Adds the client of every component that is called here and runs elsewhere.
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
            .filter_map(|link| component_target(&link.target));
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
                    .any(|local| local.name == *name)
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
        // Other processes are usually in a private network.
        config
            .outgoing
            .insert(name.clone(), vec![format!("private {authority}")]);
        // A client gets none of the component's own variables: they contain secrets.
        config.environment.remove(&name);
        let environment = [
            ("CALL_URL".to_string(), url.clone()),
            ("CALL_TOKEN".to_string(), config.services.token.clone()),
        ]
        .into();
        self.manifest.components.push(Component {
            file: adapters::client_file(&component.file, &name),
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

    async fn split(services: &[&str]) -> Result<(ProcessPlan, Config), SplitError> {
        let manifest = Manifest::load(Path::new("../wadm.yaml")).await.unwrap();
        let mut config = config_of(&manifest, "[services]\ntoken = \"t\"");
        let role = if services.is_empty() {
            Role::Whole
        } else {
            Role::Services(services.iter().map(|name| name.to_string()).collect())
        };
        plan_process(manifest, &role, &mut config).map(|plan| (plan, config))
    }

    fn config_of(manifest: &Manifest, text: &str) -> Config {
        Config::from_parts(manifest, Some(text), "test", &BTreeMap::new()).unwrap()
    }

    fn files(plan: &ProcessPlan) -> BTreeMap<&str, String> {
        plan.manifest
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
    async fn a_service_runs_with_its_parts_and_with_clients() {
        let (plan, config) = split(&["payment"]).await.unwrap();
        let files = files(&plan);
        assert_eq!(files["payment"], "payment.wasm");
        assert_eq!(
            files["payment-stripe"], "payment-stripe.wasm",
            "a provider is part of payment"
        );
        assert_eq!(files.len(), 2, "payment calls no service: {files:?}");
        assert_eq!(
            plan.endpoints,
            [(
                "127.0.0.1:8086".parse().unwrap(),
                Endpoint::Rpc("payment".into())
            )]
        );
        assert_eq!(plan.manifest.components[0].environment["CALL_TOKEN"], "t");
        assert_eq!(plan.manifest.entry(), None);
        assert!(
            plan.manifest
                .triggers
                .iter()
                .any(|trigger| trigger.capability == Capability::Scheduler)
        );
        assert_eq!(config.outgoing["payment-stripe"], ["api.stripe.com"]);
    }

    #[tokio::test]
    async fn the_gateway_calls_all_services_and_has_the_sockets() {
        let (plan, config) = split(&["api-gateway"]).await.unwrap();
        let files = files(&plan);
        assert_eq!(files["seat-inventory"], "seat_inventory_client.wasm");
        assert_eq!(plan.manifest.entry(), Some("api-gateway"));
        assert!(
            plan.manifest
                .triggers
                .iter()
                .any(|trigger| trigger.capability == Capability::WebSocket)
        );
        assert!(
            plan.manifest
                .triggers
                .iter()
                .all(|trigger| trigger.capability != Capability::Scheduler)
        );
        assert_eq!(
            plan.endpoints,
            [(config.http.listen, Endpoint::Routes("api-gateway".into()))]
        );
        assert_eq!(config.outgoing["booking"], ["private 127.0.0.1:8085"]);
    }

    #[tokio::test]
    async fn an_unknown_service_is_refused_and_no_service_means_all() {
        let (plan, _) = split(&[]).await.unwrap();
        assert_eq!(plan.manifest.components.len(), 8);
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
    async fn the_sidecar_runs_capabilities_and_calls_the_application() {
        let manifest = Manifest::load(Path::new("../wadm.yaml")).await.unwrap();
        let text = "[services]\ntoken = \"t\"\n[sidecar]\napplication = \"http://127.0.0.1:8000\"";
        let mut config = config_of(&manifest, text);
        config.environment.insert(
            "booking".into(),
            [("TICKET_SIGNING_KEY".to_string(), "secret".to_string())].into(),
        );
        let plan = plan_process(manifest, &Role::Sidecar, &mut config).unwrap();
        let names: Vec<_> = files(&plan).into_keys().collect();
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
            plan.endpoints,
            [
                (config.sidecar.listen, Endpoint::Rpc("capabilities".into())),
                (config.http.listen, Endpoint::Sockets)
            ]
        );
        assert_eq!(config.outgoing["booking"], ["private 127.0.0.1:8000"]);
        assert!(
            !config.environment.contains_key("booking"),
            "a client does not get the secrets of what it calls"
        );
    }
}

//! Some services of a manifest in this process, the others in others: a component that runs elsewhere is replaced by its client
//! shim, which exports the same and calls over HTTP; one that others call from elsewhere gets a server shim in front. Links keep
//! their timeout, bulkhead and breaker: to the manifest's eyes a shim is the component.

use crate::config::Config;
use crate::manifest::{Capability, Component, Link, Manifest, Target};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;

/// Whose fault a refused split is: the operator's.
#[derive(Debug, thiserror::Error)]
pub enum SplitError {
    #[error("there is no service {name}; there are: {known}")]
    Unknown { name: String, known: String },
    #[error("services.token is empty: the processes would not know each other")]
    NoToken,
    #[error("services.{table} says nothing of {service}, which runs in another process")]
    Nowhere { table: &'static str, service: String },
}

/// What one process runs.
#[derive(Debug)]
pub struct Part {
    pub manifest: Manifest,
    /// Where calls of other processes come in, and the server shim that takes them.
    pub listeners: Vec<(SocketAddr, String)>,
}

/// The part of a manifest that serves `services`; all of it when they are none. The shims lie beside the components.
pub fn part(manifest: Manifest, services: &[String], config: &mut Config) -> Result<Part, SplitError> {
    if services.is_empty() {
        return Ok(Part { manifest, listeners: vec![] });
    }
    let known = || {
        manifest.components.iter().map(|component| component.name.clone()).filter(|name| is_entry(&manifest, name) || config.services.urls.contains_key(name))
    };
    if let Some(name) = services.iter().find(|name| !known().any(|known| known == **name)) {
        return Err(SplitError::Unknown { name: name.clone(), known: known().collect::<Vec<_>>().join(", ") });
    }
    if config.services.token.is_empty() {
        return Err(SplitError::NoToken);
    }
    let here = here(&manifest, services, &config.services.urls);
    let mut part = Part { manifest: Manifest { name: manifest.name.clone(), components: vec![], links: vec![], triggers: vec![] }, listeners: vec![] };
    for trigger in &manifest.triggers {
        // A socket's process asks the component, wherever that is; all else calls what runs beside it.
        let serves_sockets = trigger.capability == Capability::WebSocket && manifest.entry().is_some_and(|entry| here.contains(entry));
        if serves_sockets || (here.contains(trigger.component.as_str()) && trigger.capability != Capability::WebSocket) {
            part.manifest.triggers.push(trigger.clone());
        }
    }
    part.manifest.links = manifest.links.iter().filter(|link| here.contains(link.source.as_str())).cloned().collect();
    let called: BTreeSet<&str> = part.manifest.links.iter().filter_map(|link| component_of(&link.target)).collect();
    let called: BTreeSet<&str> = called.into_iter().chain(part.manifest.triggers.iter().map(|trigger| trigger.component.as_str())).collect();
    let (mut clients, mut servers) = (vec![], vec![]);
    for component in &manifest.components {
        if here.contains(component.name.as_str()) {
            part.manifest.components.push(component.clone());
            if let Some(listen) = config.services.listen.get(&component.name) {
                servers.push((component.clone(), *listen));
            }
        } else if called.contains(component.name.as_str()) {
            clients.push(component.clone());
        }
    }
    for component in clients {
        part.add_client(&component, config)?;
    }
    for (component, listen) in servers {
        part.add_server(&component, listen, &config.services.token);
    }
    Ok(part)
}

fn component_of(target: &Target) -> Option<&str> {
    match target {
        Target::Component(name) => Some(name),
        Target::Capability(_) => None,
    }
}

fn is_entry(manifest: &Manifest, name: &str) -> bool {
    manifest.entry() == Some(name)
}

/// The services, and the components that are no services of their own but parts of one of them, such as a payment provider.
fn here<'a>(manifest: &'a Manifest, services: &'a [String], urls: &BTreeMap<String, String>) -> BTreeSet<&'a str> {
    let mut here: BTreeSet<&str> = services.iter().map(String::as_str).collect();
    loop {
        let parts = manifest.links.iter().filter(|link| here.contains(link.source.as_str())).filter_map(|link| component_of(&link.target));
        let parts: Vec<&str> = parts.filter(|name| !urls.contains_key(*name) && !here.contains(name)).collect();
        if parts.is_empty() {
            return here;
        }
        here.extend(parts);
    }
}

impl Part {
    fn add_client(&mut self, component: &Component, config: &mut Config) -> Result<(), SplitError> {
        let name = component.name.clone();
        let url = config.services.urls.get(&name).ok_or_else(|| SplitError::Nowhere { table: "urls", service: name.clone() })?;
        let authority = url.split_once("://").map_or(url.as_str(), |(_, authority)| authority).trim_end_matches('/');
        // Other processes are most often in our own network.
        config.outgoing.insert(name.clone(), vec![format!("private {authority}")]);
        // What is the component's own, its secrets among them, stays with it.
        config.environment.remove(&name);
        let environment = [("CALL_URL", url.clone()), ("CALL_TOKEN", config.services.token.clone())];
        let environment = environment.map(|(name, value)| (name.to_string(), value)).into();
        self.manifest.components.push(Component { file: shim(&component.file, &name, "client"), environment, ..component.clone() });
        self.manifest.links.push(Link {
            source: name,
            target: Target::Capability(Capability::HttpClient),
            package: "wasi:http".into(),
            interfaces: vec!["outgoing-handler".into()],
            properties: BTreeMap::new(),
        });
        Ok(())
    }

    fn add_server(&mut self, component: &Component, listen: SocketAddr, token: &str) {
        let name = format!("{}-server", component.name);
        self.manifest.components.push(Component {
            name: name.clone(),
            file: shim(&component.file, &component.name, "server"),
            instances: component.instances,
            environment: [("CALL_TOKEN".to_string(), token.to_string())].into(),
        });
        self.manifest.links.push(Link {
            source: name.clone(),
            target: Target::Component(component.name.clone()),
            package: format!("eventhub:{}", component.name),
            interfaces: vec![],
            // The caller's link has the limits; this one only must not be narrower.
            properties: [("timeout_ms".to_string(), "30000".to_string()), ("max_concurrent".to_string(), "1024".to_string())].into(),
        });
        self.listeners.push((listen, name));
    }
}

/// `target/components/booking.wasm` → `target/components/adapters/booking_client.wasm`.
fn shim(component: &Path, name: &str, side: &str) -> std::path::PathBuf {
    component.with_file_name("adapters").join(format!("{}_{side}.wasm", name.replace('-', "_")))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn split(services: &[&str]) -> Result<(Part, Config), SplitError> {
        let manifest = Manifest::load(Path::new("../wadm.yaml")).await.unwrap();
        let mut config = Config::from_parts(Some("[services]\ntoken = \"t\""), "test", &BTreeMap::new()).unwrap();
        let services: Vec<String> = services.iter().map(|name| name.to_string()).collect();
        part(manifest, &services, &mut config).map(|part| (part, config))
    }

    fn files(part: &Part) -> BTreeMap<&str, String> {
        part.manifest.components.iter().map(|component| (component.name.as_str(), component.file.file_name().unwrap().to_string_lossy().into_owned())).collect()
    }

    #[tokio::test]
    async fn a_service_runs_with_its_parts_and_clients_of_what_it_calls() {
        let (part, config) = split(&["payment"]).await.unwrap();
        let files = files(&part);
        assert_eq!(files["payment"], "payment.wasm");
        assert_eq!(files["payment-stripe"], "payment-stripe.wasm", "a provider is part of payment");
        assert_eq!(files["payment-server"], "payment_server.wasm");
        assert_eq!(files.len(), 3, "payment calls no service: {files:?}");
        assert_eq!(part.listeners, [("127.0.0.1:8086".parse().unwrap(), "payment-server".to_string())]);
        assert_eq!(part.manifest.entry(), None);
        assert!(part.manifest.triggers.iter().any(|trigger| trigger.capability == Capability::Scheduler));
        assert_eq!(config.outgoing["payment-stripe"], ["api.stripe.com"]);
    }

    #[tokio::test]
    async fn the_gateway_calls_all_and_has_the_sockets() {
        let (part, config) = split(&["api-gateway"]).await.unwrap();
        let files = files(&part);
        assert_eq!(files["seat-inventory"], "seat_inventory_client.wasm");
        assert_eq!(part.manifest.entry(), Some("api-gateway"));
        assert!(part.manifest.triggers.iter().any(|trigger| trigger.capability == Capability::WebSocket));
        assert!(part.manifest.triggers.iter().all(|trigger| trigger.capability != Capability::Scheduler));
        assert!(part.listeners.is_empty());
        assert_eq!(config.outgoing["booking"], ["private 127.0.0.1:8085"]);
    }

    #[tokio::test]
    async fn all_is_all_and_what_is_not_known_is_refused() {
        let (part, _) = split(&[]).await.unwrap();
        assert_eq!(part.manifest.components.len(), 8);
        let error = split(&["bookings"]).await.unwrap_err().to_string();
        assert!(error.contains("bookings") && error.contains("seat-inventory"), "{error}");
        assert!(matches!(split(&["payment-stripe"]).await, Err(SplitError::Unknown { .. })), "a part of payment is no service");
    }
}

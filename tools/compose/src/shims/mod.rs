//! The shims: components that carry the interfaces of the WIT over HTTP, for where a link cannot be
//! a function call. A *client* exports interfaces and sends each call. A *server* receives calls
//! and makes them on its imports. `adapters/` has the code that they share.
//!
//! The manifest says which there are:
//! - each service: a client, and a server that is composed into the service's file;
//! - each capability that a component links to: a client;
//! - `capabilities`: client and server of all capabilities, for hosts that lack them;
//! - `application`: a server of what capabilities call, which gives other requests to the gateway.

mod text;
mod types;

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail};
use eventhub_manifest::Link;
use wit_parser::InterfaceId;

use crate::project::Project;

/// A shim and its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shim {
    /// `seat_inventory_client`: the name of its file.
    pub name: String,
    /// Rust.
    pub source: String,
}

/// The name of a service's server shim: `seat-inventory` → `seat_inventory_server`.
#[must_use]
pub fn server_name(package: &str) -> String {
    format!("{}_server", package.replace('-', "_"))
}

/// The name of the client shim of a service or a capability.
#[must_use]
pub fn client_name(package: &str) -> String {
    format!("{}_client", package.replace('-', "_"))
}

/// All shims of a project, by name.
///
/// # Errors
/// A service has no WIT package with functions, or the manifest links to an interface that the WIT
/// lacks.
pub fn generate_shims(project: &Project) -> Result<Vec<Shim>> {
    let mut shims = Vec::new();
    let mut push = |name: String, source: String| shims.push(Shim { name, source });
    for service in project.manifest.services() {
        let interfaces = project.callable_interfaces(&service.name);
        if interfaces.is_empty() {
            bail!(
                "the WIT has no package eventhub:{} with functions",
                service.name
            );
        }
        let client = text::client_source(project, &interfaces)?;
        push(client_name(&service.name), client);
        let server = text::server_source(project, &interfaces, None)?;
        push(server_name(&service.name), server);
    }

    let used: BTreeSet<_> = component_links(project)
        .map(|link| link.target.as_str())
        .collect();
    let mut capabilities = Vec::new();
    for capability in &project.manifest.capabilities {
        let interfaces = project.callable_interfaces(&capability.name);
        if !interfaces.is_empty() && used.contains(capability.name.as_str()) {
            let client = text::client_source(project, &interfaces)?;
            push(client_name(&capability.name), client);
        }
        capabilities.extend(interfaces);
    }
    let client = text::client_source(project, &capabilities)?;
    push(client_name("capabilities"), client);
    let server = text::server_source(project, &capabilities, None)?;
    push(server_name("capabilities"), server);

    let gateway = project.manifest.gateway();
    let gateway = project.callable_interfaces(gateway).first().copied();
    let gateway = gateway.context("the WIT has no package for the gateway")?;
    let triggered = triggered_interfaces(project)?;
    let server = text::server_source(project, &triggered, Some(gateway))?;
    push(server_name("application"), server);

    shims.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(shims)
}

fn component_links(project: &Project) -> impl Iterator<Item = &Link> {
    let components = project.manifest.components.iter();
    components.flat_map(|component| &component.links)
}

/// The interfaces that capabilities call of their own accord: events, timers, live topics. HTTP is
/// not among them, for every host has its own server.
fn triggered_interfaces(project: &Project) -> Result<Vec<InterfaceId>> {
    let capabilities = project.manifest.capabilities.iter();
    let links = capabilities.flat_map(|capability| &capability.links);
    let mut interfaces = Vec::new();
    for link in links.filter(|link| project.manifest.component(&link.target).is_some()) {
        if link.package == "wasi:http" {
            continue;
        }
        for name in &link.interfaces {
            let id = project.interface(&link.package, name).with_context(|| {
                let Link {
                    target, package, ..
                } = link;
                format!("the manifest links to {target} by {package}/{name}, which the WIT lacks")
            })?;
            if !interfaces.contains(&id) {
                interfaces.push(id);
            }
        }
    }
    Ok(interfaces)
}

//! Which interfaces go into which shim.

use std::error::Error;

use wit_parser::{Interface, InterfaceId, Resolve};

/// Parts of a service, or not of the product: nobody calls them from elsewhere.
const NEVER: [&str; 4] = ["saga", "seat-lock", "payment-stripe", "bench"];
/// The host's own providers.
const CAPABILITIES: [&str; 4] = ["kafka", "postgres", "redis", "websocket"];
const SERVICES: [&str; 6] = [
    "booking",
    "event",
    "identity",
    "payment",
    "seat-inventory",
    "venue-layout",
];
/// The interfaces through which a host calls a service of its own accord, besides HTTP.
const TRIGGERED: [&str; 3] = ["events", "timers", "live"];
const GATEWAY: &str = "api-gateway";

/// A pair of shims.
pub struct Group {
    /// In snake_case: `seat_inventory`.
    pub name: String,
    pub interfaces: Vec<InterfaceId>,
}

/// One group for each service, one for each capability, one for all capabilities together, and the
/// application: what a host calls of the whole.
pub fn groups(resolve: &Resolve) -> Result<Vec<Group>, Box<dyn Error>> {
    let mut groups = vec![
        Group {
            name: "capabilities".into(),
            interfaces: vec![],
        },
        Group {
            name: "application".into(),
            interfaces: vec![],
        },
    ];
    for name in CAPABILITIES.iter().chain(&SERVICES) {
        let interfaces = interfaces(resolve, name);
        if interfaces.is_empty() {
            return Err(format!("the WIT has no package eventhub:{name} with functions").into());
        }
        if CAPABILITIES.contains(name) {
            groups[0].interfaces.extend(&interfaces);
        } else {
            let is_triggered = |id: &&InterfaceId| {
                resolve.interfaces[**id]
                    .name
                    .as_deref()
                    .is_some_and(|name| TRIGGERED.contains(&name))
            };
            groups[1]
                .interfaces
                .extend(interfaces.iter().filter(is_triggered));
        }
        groups.push(Group {
            name: name.replace('-', "_"),
            interfaces,
        });
    }
    // A new package is either listed above or never called from elsewhere: it is not forgotten.
    let callable = resolve
        .packages
        .iter()
        .map(|(_, package)| package.name.name.as_str())
        .filter(|name| !interfaces(resolve, name).is_empty());
    let unknown = |name: &&str| {
        !CAPABILITIES.contains(name)
            && !SERVICES.contains(name)
            && !NEVER.contains(name)
            && *name != GATEWAY
    };
    match callable.into_iter().find(unknown) {
        Some(name) => Err(format!(
            "package eventhub:{name} is in no list of adapters/build/package.rs"
        )
        .into()),
        None => Ok(groups),
    }
}

/// `eventhub:api-gateway/routes@0.1.0`.
pub fn gateway(resolve: &Resolve) -> Result<InterfaceId, Box<dyn Error>> {
    interfaces(resolve, GATEWAY)
        .first()
        .copied()
        .ok_or_else(|| "the WIT has no gateway".into())
}

fn interfaces(resolve: &Resolve, package: &str) -> Vec<InterfaceId> {
    let has_functions =
        |interface: &&InterfaceId| !resolve.interfaces[**interface].functions.is_empty();
    let of = resolve
        .packages
        .iter()
        .filter(|(_, known)| known.name.namespace == "eventhub" && known.name.name == package);
    of.flat_map(|(_, known)| {
        known
            .interfaces
            .values()
            .filter(has_functions)
            .copied()
            .collect::<Vec<_>>()
    })
    .collect()
}

/// `eventhub:seat-inventory/holds@0.1.0`.
pub fn full_name(resolve: &Resolve, id: InterfaceId) -> Result<String, Box<dyn Error>> {
    resolve
        .id_of(id)
        .ok_or_else(|| "an interface without a name".into())
}

/// Where wit-bindgen puts an interface: `eventhub::seat_inventory::holds`.
pub fn module(resolve: &Resolve, id: InterfaceId) -> Result<String, Box<dyn Error>> {
    let interface: &Interface = &resolve.interfaces[id];
    let (Some(name), Some(package)) = (&interface.name, interface.package) else {
        return Err("an interface without a name".into());
    };
    let package = &resolve.packages[package].name;
    let snake = |name: &str| name.replace('-', "_");
    Ok(format!(
        "{}::{}::{}",
        snake(&package.namespace),
        snake(&package.name),
        snake(name)
    ))
}

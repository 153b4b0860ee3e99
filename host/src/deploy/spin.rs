//! The manifest as Spin's `spin.toml`. The gateway is public; services call each other by service
//! chaining through the client shims of their interfaces, which are their dependencies;
//! capabilities are the sidecar's, or, with [`Through::Spin`], Postgres and Redis are reached
//! through Spin's own interfaces. What the sidecar calls of its own accord has exact routes, which
//! only the token opens.
//!
//! A dependency satisfies one interface: an entry for a whole package would have to satisfy its
//! types-only interfaces as well, and Spin takes one entry a package.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result};

use crate::adapters;
use crate::manifest::{Capability, Component, Link, Manifest, Target};

const HEAD: &str = r#"# Made by `make spin.toml` from wadm.yaml. `make spin` runs it, with the servers and the sidecar.
# By hand: `EVENTHUB_SIDECAR_APPLICATION=http://127.0.0.1:3000 eventhub sidecar`, then `spin up --env CALL_URL=http://127.0.0.1:8091
# --env CALL_TOKEN=…`, and each component's own variables likewise (eventhub.default.toml, [environment]).
spin_manifest_version = 2

[application]
name = "eventhub"
version = "0.1.0"
description = "Events, venues, seats, bookings, payments"

[variables]
# Where the capabilities are, and the payment provider: whom components may call.
sidecar = { default = "http://127.0.0.1:8091" }
stripe = { default = "https://api.stripe.com" }
"#;

const SPINS_OWN: &str = r#"# Servers that Spin connects to: POSTGRES_URL_EVENT_DB and its like and REDIS_URL, variables of the components, lead there.
postgres = { default = "postgres://127.0.0.1:5432" }
redis = { default = "redis://127.0.0.1:6379" }
"#;

/// What Postgres and Redis are reached through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Through {
    Sidecar,
    /// `spin:postgres` and `fermyon:spin/redis`, by the adapters spin-postgres and spin-redis.
    Spin,
}

/// Variables of components, by the components' names.
pub type Environment = BTreeMap<String, BTreeMap<String, String>>;

/// The header in which Spin tells who asks: after whatever the client itself wrote there.
const PEER_HEADER: &str = "spin-client-addr";

/// The text of `spin.toml`, for a manifest whose components lie below `root`. What is in
/// `environment` is in it, secrets too.
pub fn toml(
    manifest: &Manifest,
    root: &Path,
    through: Through,
    environment: &Environment,
) -> Result<String> {
    let mut text = HEAD.to_string();
    if through == Through::Spin {
        text.push_str(SPINS_OWN);
    }
    let entry = manifest
        .entry()
        .context("the manifest has no link from http-server to a component")?;
    for component in manifest
        .components
        .iter()
        .filter(|component| is_service(manifest, &component.name))
    {
        for route in routes(manifest, &component.name, entry) {
            write!(
                text,
                "\n[[trigger.http]]\nroute = {route}\ncomponent = \"{}\"\n",
                component.name
            )?;
        }
        text.push_str(&section(manifest, component, root, through, environment)?);
    }
    Ok(text)
}

/// Not a part of another, such as a payment provider.
fn is_service(manifest: &Manifest, name: &str) -> bool {
    manifest.entry() == Some(name)
        || manifest.links.iter().any(|link| {
            manifest.entry() == Some(&link.source) && link.target == Target::Component(name.into())
        })
}

fn routes(manifest: &Manifest, component: &str, entry: &str) -> Vec<String> {
    if component == entry {
        return vec![r#""/...""#.into()];
    }
    let called = |function: &str| format!("\"/call/{component}/{function}\"");
    let triggers = manifest
        .triggers
        .iter()
        .filter(|trigger| trigger.component == component);
    let routes: Vec<String> = triggers
        .flat_map(|trigger| match trigger.capability {
            Capability::Kafka => vec![called("events/handle")],
            Capability::Scheduler => vec![called("timers/tick")],
            Capability::WebSocket => vec![called("live/open"), called("live/read")],
            _ => vec![],
        })
        .collect();
    if routes.is_empty() {
        vec!["{ private = true }".into()]
    } else {
        routes
    }
}

fn section(
    manifest: &Manifest,
    component: &Component,
    root: &Path,
    through: Through,
    environment: &Environment,
) -> Result<String> {
    let links: Vec<&Link> = manifest
        .links
        .iter()
        .filter(|link| link.source == component.name && link.package.starts_with("eventhub:"))
        .collect();
    let mut hosts = BTreeSet::new();
    let of = |name: &str| environment.get(name).cloned().unwrap_or_default();
    let (mut variables, mut dependencies) = (of(&component.name), String::new());
    if manifest.entry() == Some(&component.name) {
        variables.insert("PEER_HEADER".into(), PEER_HEADER.into());
    }
    for link in &links {
        let (file, host) = match &link.target {
            Target::Component(name) if is_service(manifest, name) => {
                let chained = format!("http://{name}.spin.internal");
                variables.insert(adapters::url_variable(name), chained.clone());
                (adapters::client(&component.file, name), chained)
            }
            // A part goes with its user, and calls the provider with its user's rights.
            Target::Component(name) => {
                variables.extend(of(name));
                (file(manifest, name)?, "{{ stripe }}".to_string())
            }
            Target::Capability(Capability::Postgres) if through == Through::Spin => (
                adapters::file(&component.file, "spin_postgres"),
                "{{ postgres }}".to_string(),
            ),
            Target::Capability(Capability::Redis) if through == Through::Spin => (
                adapters::file(&component.file, "spin_redis"),
                "{{ redis }}".to_string(),
            ),
            Target::Capability(_) => (
                adapters::client(
                    &component.file,
                    link.package.trim_start_matches("eventhub:"),
                ),
                "{{ sidecar }}".to_string(),
            ),
        };
        hosts.insert(host);
        let file = file
            .strip_prefix(root)
            .unwrap_or(&file)
            .display()
            .to_string();
        for interface in &link.interfaces {
            writeln!(
                dependencies,
                "\"{}/{interface}@0.1.0\" = {{ path = \"{file}\" }}",
                link.package
            )?;
        }
    }
    let source = component
        .file
        .strip_prefix(root)
        .unwrap_or(&component.file)
        .display()
        .to_string();
    let hosts: Vec<String> = hosts.iter().map(|host| format!("\"{host}\"")).collect();
    let name = &component.name;
    let mut text = format!(
        "\n[component.{name}]\nsource = \"{source}\"\nallowed_outbound_hosts = [{}]\n",
        hosts.join(", ")
    );
    // Without it a dependency may call nobody.
    text.push_str("dependencies_inherit_configuration = true\n");
    if !variables.is_empty() {
        write!(
            text,
            "\n[component.{name}.environment]\n{}",
            toml::to_string(&variables)?
        )?;
    }
    write!(text, "\n[component.{name}.dependencies]\n{dependencies}")?;
    Ok(text)
}

fn file(manifest: &Manifest, name: &str) -> Result<std::path::PathBuf> {
    let component = manifest
        .components
        .iter()
        .find(|component| component.name == name);
    Ok(component
        .with_context(|| format!("the manifest has no component {name}"))?
        .file
        .clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_file_in_the_checkout_is_what_the_manifest_makes() {
        let manifest = Manifest::load(Path::new("../wadm.yaml")).await.unwrap();
        let made = toml(
            &manifest,
            Path::new(".."),
            Through::Sidecar,
            &Environment::new(),
        )
        .unwrap();
        assert!(
            made == include_str!("../../../spin.toml"),
            "spin.toml is stale; run `make spin.toml`:\n{made}"
        );
    }

    #[tokio::test]
    async fn only_the_gateway_is_public_and_what_the_sidecar_calls() {
        let manifest = Manifest::load(Path::new("../wadm.yaml")).await.unwrap();
        let made: toml::Table = toml(
            &manifest,
            Path::new(".."),
            Through::Sidecar,
            &Environment::new(),
        )
        .unwrap()
        .parse()
        .unwrap();
        let triggers = made["trigger"]["http"].as_array().unwrap();
        let mut public: Vec<_> = triggers
            .iter()
            .filter_map(|trigger| {
                Some((trigger["component"].as_str()?, trigger["route"].as_str()?))
            })
            .collect();
        public.sort_unstable();
        let expected = [
            ("api-gateway", "/..."),
            ("booking", "/call/booking/events/handle"),
            ("booking", "/call/booking/timers/tick"),
            ("identity", "/call/identity/timers/tick"),
            ("payment", "/call/payment/timers/tick"),
            ("seat-inventory", "/call/seat-inventory/live/open"),
            ("seat-inventory", "/call/seat-inventory/live/read"),
        ];
        assert_eq!(public, expected);
        assert_eq!(
            made["component"].as_table().unwrap().len(),
            7,
            "payment-stripe is a part of payment"
        );
        for (name, component) in made["component"].as_table().unwrap() {
            let packages: Vec<_> = component["dependencies"]
                .as_table()
                .unwrap()
                .keys()
                .map(|key| key.split('/').next().unwrap())
                .collect();
            let unique: BTreeSet<_> = packages.iter().collect();
            assert_eq!(
                unique.len(),
                packages.len(),
                "{name}: Spin takes one entry a package"
            );
        }
    }

    #[tokio::test]
    async fn through_spins_own_interfaces_the_sidecar_is_called_only_for_what_spin_lacks() {
        let manifest = Manifest::load(Path::new("../wadm.yaml")).await.unwrap();
        let made: toml::Table = toml(
            &manifest,
            Path::new(".."),
            Through::Spin,
            &Environment::new(),
        )
        .unwrap()
        .parse()
        .unwrap();
        let may_call = |component: &str, host: &str| {
            made["component"][component]["allowed_outbound_hosts"]
                .as_array()
                .unwrap()
                .contains(&host.into())
        };
        for component in [
            "identity",
            "event",
            "venue-layout",
            "booking",
            "payment",
            "api-gateway",
        ] {
            assert!(!may_call(component, "{{ sidecar }}"), "{component}");
        }
        assert!(
            may_call("seat-inventory", "{{ sidecar }}"),
            "Spin has no WebSockets"
        );
        assert!(
            may_call("seat-inventory", "{{ postgres }}")
                && may_call("seat-inventory", "{{ redis }}")
        );
        assert!(
            may_call("api-gateway", "{{ redis }}") && !may_call("api-gateway", "{{ postgres }}")
        );
        let dependencies = made["component"]["booking"]["dependencies"]
            .as_table()
            .unwrap();
        assert_eq!(
            dependencies["eventhub:postgres/sql@0.1.0"]["path"].as_str(),
            Some("target/components/adapters/spin_postgres.wasm")
        );
    }

    #[tokio::test]
    async fn a_component_has_its_own_variables_and_those_of_its_parts_only() {
        let manifest = Manifest::load(Path::new("../wadm.yaml")).await.unwrap();
        let secret = |name: &str| {
            (
                name.to_string(),
                [("SECRET".to_string(), format!("of \"{name}\""))].into(),
            )
        };
        let environment = ["payment-stripe", "booking"].map(secret).into();
        let made: toml::Table = toml(&manifest, Path::new(".."), Through::Sidecar, &environment)
            .unwrap()
            .parse()
            .unwrap();
        let seen = |component: &str| {
            made["component"][component]
                .get("environment")
                .and_then(|variables| variables.get("SECRET")?.as_str())
        };
        assert_eq!(
            (seen("payment"), seen("booking"), seen("api-gateway")),
            (Some("of \"payment-stripe\""), Some("of \"booking\""), None)
        );
    }
}

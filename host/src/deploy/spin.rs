//! The manifest as Spin's `spin.toml`. The gateway is public. Services call each other by service
//! chaining, through the client shims of their interfaces, which are their dependencies. Capabilities
//! are the sidecar's; with [`Through::Spin`], Spin's own interfaces lead to Postgres and Redis. The
//! exports that the sidecar calls have exact routes, which only the token opens.
//!
//! Spin takes one entry a package. It names an interface where the component imports one. Where it
//! imports several, the entry names the package, and the dependency has to export each import of that
//! package, interfaces without functions included.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::adapters;
use crate::manifest::{Capability, Component, Link, Manifest, Target};

const HEAD: &str = r#"# Generated from wadm.yaml by `eventhub deploy spin --dry-run`. `make spin` runs it, with the servers and the sidecar.
# By hand: `EVENTHUB_SIDECAR_APPLICATION=http://127.0.0.1:3000 eventhub sidecar`, then `spin up --env CALL_URL=http://127.0.0.1:8091
# --env CALL_TOKEN=…`, and each component's own variables likewise (wadm.yaml).
spin_manifest_version = 2

[application]
name = "eventhub"
version = "0.1.0"
description = "Events, venues, seats, bookings, payments"

[variables]
# The addresses that components may call: the capabilities, and other parties such as payment providers.
sidecar = { default = "http://127.0.0.1:8091" }
"#;

const SPINS_OWN: &str = r#"# The servers that Spin connects to. Variables of the components lead there: POSTGRES_URL_EVENT_DB and the like, REDIS_URL.
postgres = { default = "postgres://127.0.0.1:5432" }
redis = { default = "redis://127.0.0.1:6379" }
"#;

/// The way to Postgres and Redis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Through {
    Sidecar,
    /// `spin:postgres` and `fermyon:spin/redis`, by the adapters spin-postgres and spin-redis.
    Spin,
}

/// Authorities that components may call, by the components' names.
pub type Outgoing = BTreeMap<String, Vec<String>>;

/// Variables of components, by the components' names.
pub type Environment = BTreeMap<String, BTreeMap<String, String>>;

/// The header in which Spin gives the client's address, after whatever the client itself wrote there.
const PEER_HEADER: &str = "spin-client-addr";

/// The text of `spin.toml`, for a manifest whose components lie below `root`. It contains
/// `environment`, with any secrets in it.
pub fn toml(
    manifest: &Manifest,
    root: &Path,
    through: Through,
    outgoing: &Outgoing,
    environment: &Environment,
) -> Result<String> {
    let mut text = HEAD.to_string();
    for (variable, url) in outgoing_variables(outgoing) {
        writeln!(text, "{variable} = {{ default = \"{url}\" }}")?;
    }
    if through == Through::Spin {
        text.push_str(SPINS_OWN);
    }
    let entry = manifest
        .entry()
        .context("the manifest has no link from http-server to a component")?;
    for component in manifest
        .components
        .iter()
        .filter(|component| component.name == entry || manifest.is_service(&component.name))
    {
        for route in routes(manifest, &component.name, entry) {
            write!(
                text,
                "\n[[trigger.http]]\nroute = {route}\ncomponent = \"{}\"\n",
                component.name
            )?;
        }
        text.push_str(&section(
            manifest,
            component,
            root,
            through,
            outgoing,
            environment,
        )?);
    }
    Ok(text)
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
            Capability::Scheduler => vec![called("timers/run")],
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
    outgoing: &Outgoing,
    environment: &Environment,
) -> Result<String> {
    let links: Vec<&Link> = manifest
        .links
        .iter()
        .filter(|link| link.source == component.name && link.package.starts_with("eventhub:"))
        .collect();
    let mut hosts: BTreeSet<String> = outgoing_hosts(outgoing, &component.name).collect();
    let variables_of = |name: &str| environment.get(name).cloned().unwrap_or_default();
    let (mut variables, mut dependencies) = (variables_of(&component.name), String::new());
    if manifest.entry() == Some(&component.name) {
        variables.insert("PEER_HEADER".into(), PEER_HEADER.into());
    }
    for link in &links {
        let (file, host) = match &link.target {
            Target::Component(name) if manifest.is_service(name) => {
                let chained = format!("http://{name}.spin.internal");
                variables.insert(adapters::url_variable(name), chained.clone());
                (adapters::client_file(&component.file, name), Some(chained))
            }
            // A part goes with its caller, and calls others with its caller's rights.
            Target::Component(name) => {
                variables.extend(variables_of(name));
                hosts.extend(outgoing_hosts(outgoing, name));
                (component_file(manifest, name)?, None)
            }
            Target::Capability(Capability::Postgres) if through == Through::Spin => (
                adapters::shim_file(&component.file, "spin_postgres"),
                Some("{{ postgres }}".to_string()),
            ),
            Target::Capability(Capability::Redis) if through == Through::Spin => (
                adapters::shim_file(&component.file, "spin_redis"),
                Some("{{ redis }}".to_string()),
            ),
            Target::Capability(_) => (
                adapters::client_file(
                    &component.file,
                    link.package.trim_start_matches("eventhub:"),
                ),
                Some("{{ sidecar }}".to_string()),
            ),
        };
        hosts.extend(host);
        let file = file
            .strip_prefix(root)
            .unwrap_or(&file)
            .display()
            .to_string();
        writeln!(
            dependencies,
            "\"{}\" = {{ path = \"{file}\" }}",
            dependency_name(link)
        )?;
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
    // Without it a dependency may call no host.
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

/// `eventhub:postgres/sql@0.1.0`, or `eventhub:venue-layout@0.1.0` for several of its interfaces.
fn dependency_name(link: &Link) -> String {
    match link.interfaces.as_slice() {
        [interface] => format!("{}/{interface}@0.1.0", link.package),
        _ => format!("{}@0.1.0", link.package),
    }
}

/// The variables of `spin.toml` for authorities that components may call, with their values:
/// `payment_stripe` is `https://api.stripe.com`. Only a private authority is called without TLS.
pub fn outgoing_variables(outgoing: &Outgoing) -> impl Iterator<Item = (String, String)> {
    outgoing.iter().flat_map(|(component, authorities)| {
        authorities.iter().enumerate().map(move |(nth, authority)| {
            let url = match authority.strip_prefix("private ") {
                Some(private) => format!("http://{}", private.trim()),
                None => format!("https://{authority}"),
            };
            (outgoing_variable(component, nth), url)
        })
    })
}

fn outgoing_variable(component: &str, nth: usize) -> String {
    let name = component.replace('-', "_");
    match nth {
        0 => name,
        _ => format!("{name}_{}", nth + 1),
    }
}

/// The entries of `allowed_outbound_hosts` for the authorities of a component.
fn outgoing_hosts(outgoing: &Outgoing, component: &str) -> impl Iterator<Item = String> {
    let number = outgoing.get(component).map_or(0, Vec::len);
    (0..number).map(move |nth| format!("{{{{ {} }}}}", outgoing_variable(component, nth)))
}

fn component_file(manifest: &Manifest, name: &str) -> Result<PathBuf> {
    Ok(manifest
        .component(name)
        .with_context(|| format!("the manifest has no component {name}"))?
        .file
        .clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outgoing() -> Outgoing {
        [(
            "payment-stripe".to_string(),
            vec!["api.stripe.com".to_string()],
        )]
        .into()
    }

    #[tokio::test]
    async fn a_part_calls_its_authorities_through_its_service() {
        let manifest = Manifest::load(Path::new("../wadm.yaml")).await.unwrap();
        let mut outgoing = outgoing();
        outgoing.insert(
            "payment-stripe".into(),
            ["a.example", "private b:1"].map(String::from).into(),
        );
        let made: toml::Table = toml(
            &manifest,
            Path::new(".."),
            Through::Sidecar,
            &outgoing,
            &Environment::new(),
        )
        .unwrap()
        .parse()
        .unwrap();
        let default = |name: &str| made["variables"][name]["default"].as_str();
        assert_eq!(default("payment_stripe"), Some("https://a.example"));
        assert_eq!(default("payment_stripe_2"), Some("http://b:1"));
        let hosts = |name: &str| made["component"][name]["allowed_outbound_hosts"].to_string();
        assert!(hosts("payment").contains("{{ payment_stripe }}"));
        assert!(hosts("payment").contains("{{ payment_stripe_2 }}"));
        assert!(
            !hosts("booking").contains("payment_stripe"),
            "{}",
            hosts("booking")
        );
    }

    #[tokio::test]
    async fn every_link_of_a_service_is_a_dependency() {
        let manifest = Manifest::load(Path::new("../wadm.yaml")).await.unwrap();
        let made: toml::Table = toml(
            &manifest,
            Path::new(".."),
            Through::Sidecar,
            &outgoing(),
            &Environment::new(),
        )
        .unwrap()
        .parse()
        .unwrap();
        let sections = made["component"].as_table().unwrap();
        for link in manifest.links.iter().filter(|link| {
            sections.contains_key(&link.source) && link.package.starts_with("eventhub:")
        }) {
            let dependencies = &sections[&link.source]["dependencies"];
            let path = dependencies[dependency_name(link)]["path"].as_str();
            let target = match &link.target {
                Target::Component(name) => name,
                Target::Capability(_) => link.package.trim_start_matches("eventhub:"),
            };
            let client = format!(
                "target/components/adapters/{}_client.wasm",
                target.replace('-', "_")
            );
            let part = format!("target/components/{target}.wasm");
            assert!(
                path == Some(&client) || path == Some(&part) && !manifest.is_service(target),
                "{link:?}: {path:?}"
            );
        }
        for name in manifest.services().chain(manifest.entry()) {
            assert_eq!(
                sections[name]["source"].as_str(),
                Some(format!("target/components/{name}.wasm").as_str())
            );
        }
    }

    #[tokio::test]
    async fn the_sidecars_routes_are_functions_of_the_wit() {
        let manifest = Manifest::load(Path::new("../wadm.yaml")).await.unwrap();
        let mut checked = 0;
        for service in manifest.services() {
            for route in routes(&manifest, service, "api-gateway") {
                let Some(called) = route.trim_matches('"').strip_prefix("/call/") else {
                    continue;
                };
                let (interface, function) = called.rsplit_once('/').unwrap();
                let file = format!("../wit/deps/{interface}.wit");
                let wit = std::fs::read_to_string(&file).unwrap();
                assert!(
                    wit.contains(&format!(" {function}: func(")),
                    "{file} has no function {function}"
                );
                checked += 1;
            }
        }
        assert!(checked > 0);
    }

    #[tokio::test]
    async fn only_the_gateway_and_calls_of_the_sidecar_are_public() {
        let manifest = Manifest::load(Path::new("../wadm.yaml")).await.unwrap();
        let made: toml::Table = toml(
            &manifest,
            Path::new(".."),
            Through::Sidecar,
            &outgoing(),
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
            ("booking", "/call/booking/timers/run"),
            ("identity", "/call/identity/timers/run"),
            ("payment", "/call/payment/timers/run"),
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
                .map(|key| key.split(['/', '@']).next().unwrap())
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
    async fn with_spins_own_interfaces_only_websockets_need_the_sidecar() {
        let manifest = Manifest::load(Path::new("../wadm.yaml")).await.unwrap();
        let made: toml::Table = toml(
            &manifest,
            Path::new(".."),
            Through::Spin,
            &outgoing(),
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
    async fn a_component_has_variables_of_itself_and_its_parts_only() {
        let manifest = Manifest::load(Path::new("../wadm.yaml")).await.unwrap();
        let secret = |name: &str| {
            (
                name.to_string(),
                [("SECRET".to_string(), format!("of \"{name}\""))].into(),
            )
        };
        let environment = ["payment-stripe", "booking"].map(secret).into();
        let made: toml::Table = toml(
            &manifest,
            Path::new(".."),
            Through::Sidecar,
            &outgoing(),
            &environment,
        )
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

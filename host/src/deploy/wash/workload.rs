//! A manifest as a workload of wasmCloud 2: its components, their order, their variables, and the
//! authorities that each may call. This module only computes; it calls nobody.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::adapters;
use crate::config::{Config, Wash};
use crate::manifest::{Capability, Component, Manifest, Target};

/// The most warm instances that a foreign host is asked for. It makes others when needed.
const MAX_POOL: usize = 16;

/// One component of the workload.
#[derive(Debug, Clone)]
pub struct Part {
    pub name: String,
    pub file: PathBuf,
    /// In hex.
    pub sha256: String,
    pub variables: BTreeMap<String, String>,
    /// Authorities that it may call over HTTP.
    pub allowed_hosts: Vec<String>,
    pub pool: usize,
}

impl Part {
    /// `registry/eventhub/booking:0123456789ab`: unless the configuration has a tag for all, each file
    /// has its own, so that a host never runs another file.
    pub fn image(&self, config: &Wash) -> String {
        format!("{}/{}:{}", config.registry, self.name, self.tag(config))
    }

    pub fn tag<'a>(&'a self, config: &'a Wash) -> &'a str {
        if config.tag.is_empty() {
            &self.sha256[..12]
        } else {
            &config.tag
        }
    }

    /// The names of variables that are secrets.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.variables
            .keys()
            .map(String::as_str)
            .filter(|name| is_secret(name))
    }
}

fn is_secret(name: &str) -> bool {
    let words: Vec<&str> = name.split('_').collect();
    words
        .iter()
        .any(|word| word.starts_with("SECRET") || *word == "TOKEN")
        || words.ends_with(&["SIGNING", "KEY"])
}

/// What is deployed.
#[derive(Debug, Clone)]
pub struct Workload {
    pub name: String,
    /// The one that answers HTTP comes first: a host serves the first that can.
    pub parts: Vec<Part>,
    pub config: Wash,
}

impl Workload {
    /// Reads the components' files.
    pub fn of(manifest: &Manifest, config: &Config) -> Result<Self> {
        if config.services.token.is_empty() {
            bail!(
                "services.token is empty; the components and the sidecar need a secret in common"
            );
        }
        if config.wash.hosts.is_empty() {
            bail!("wash.hosts is empty; name the hosts under which clients reach the application");
        }
        let first = manifest
            .components
            .first()
            .context("the manifest has no component")?;
        let sidecar = authority(&config.wash.sidecar)
            .with_context(|| format!("wash.sidecar: {} is no http(s) URL", config.wash.sidecar))?;
        let token = ("CALL_TOKEN".to_string(), config.services.token.clone());

        let mut parts = vec![part(
            "application-server",
            &adapters::shim_file(&first.file, "application_server"),
            [token.clone()].into(),
            vec![],
            MAX_POOL,
        )?];
        for component in &manifest.components {
            parts.push(part(
                &component.name,
                &component.file,
                config.variables(component),
                allowed_hosts(manifest, component, config),
                component.instances,
            )?);
        }
        let client = [("CALL_URL".to_string(), config.wash.sidecar.clone()), token].into();
        parts.push(part(
            "capabilities-client",
            &adapters::client_file(&first.file, "capabilities"),
            client,
            vec![sidecar.to_string()],
            MAX_POOL,
        )?);
        Ok(Self {
            name: manifest.name.clone(),
            parts,
            config: config.wash.clone(),
        })
    }

    /// Changes with every part of the deployment.
    pub fn revision(&self) -> String {
        hex::encode(&Sha256::digest(self.definition().to_string())[..6])
    }

    /// The id of the workload on a host.
    pub fn id(&self) -> String {
        format!("{}-{}", self.name, self.revision())
    }

    /// The name under which a host serves this revision and no other. Several revisions may be served
    /// under the application's names.
    pub fn own_host(&self) -> String {
        format!("{}.revision.internal", self.id())
    }

    /// The request to a host that starts it (`runtime.host.<id>.workload.start`).
    pub fn request(&self) -> Value {
        let mut workload = self.definition();
        let hosts: Vec<String> = self
            .config
            .hosts
            .iter()
            .cloned()
            .chain([self.own_host()])
            .collect();
        workload["witWorld"]["hostInterfaces"] = host_interfaces(&hosts);
        json!({ "workloadId": self.id(), "workload": workload })
    }

    fn definition(&self) -> Value {
        let components: Vec<Value> = self
            .parts
            .iter()
            .map(|part| {
                json!({
                    "name": part.name, "image": part.image(&self.config), "poolSize": part.pool,
                    "localResources": { "environment": part.variables, "allowedHosts": part.allowed_hosts },
                })
            })
            .collect();
        json!({
            "namespace": "default", "name": self.name, "annotations": {},
            "witWorld": { "components": components, "hostInterfaces": host_interfaces(&self.config.hosts) },
        })
    }
}

/// The interfaces of the host: HTTP, under these names. The workload contains everything else.
pub fn host_interfaces(hosts: &[String]) -> Value {
    let (host, aliases) = hosts
        .split_first()
        .map(|(host, aliases)| (host.as_str(), aliases.join(",")))
        .unwrap_or_default();
    let mut config = json!({ "host": host });
    if !aliases.is_empty() {
        config["host-aliases"] = aliases.into();
    }
    json!([{ "namespace": "wasi", "package": "http", "interfaces": ["incoming-handler", "outgoing-handler"], "config": config }])
}

fn part(
    name: &str,
    file: &Path,
    variables: BTreeMap<String, String>,
    allowed_hosts: Vec<String>,
    instances: usize,
) -> Result<Part> {
    let wasm = std::fs::read(file).with_context(|| {
        format!(
            "component {name}: cannot read {}; is it built? (make build)",
            file.display()
        )
    })?;
    Ok(Part {
        name: name.into(),
        file: file.into(),
        sha256: hex::encode(Sha256::digest(&wasm)),
        variables,
        allowed_hosts,
        pool: instances.min(MAX_POOL),
    })
}

/// The authorities of the configuration, for components that are linked to `http-client`.
fn allowed_hosts(manifest: &Manifest, component: &Component, config: &Config) -> Vec<String> {
    let is_linked = |link: &crate::manifest::Link| {
        link.source == component.name && link.target == Target::Capability(Capability::HttpClient)
    };
    if !manifest.links.iter().any(is_linked) {
        return vec![];
    }
    let authorities = config.outgoing.get(&component.name).into_iter().flatten();
    authorities
        .map(|authority| {
            authority
                .strip_prefix("private ")
                .unwrap_or(authority)
                .to_string()
        })
        .collect()
}

fn authority(url: &str) -> Option<&str> {
    let (scheme, authority) = url.split_once("://")?;
    matches!(scheme, "http" | "https").then(|| authority.trim_end_matches('/'))
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// The project's own manifest, with files that exist wherever tests run.
    pub async fn workload() -> (Workload, Config) {
        let text =
            "[services]\ntoken = \"t0ken\"\n[environment.booking]\nTICKET_SIGNING_KEY = \"seed\"";
        let mut manifest = Manifest::load(Path::new("../wadm.yaml")).await.unwrap();
        let config = Config::from_parts(&manifest, Some(text), "test", &BTreeMap::new()).unwrap();
        let folder = std::env::temp_dir().join(format!("eventhub-workload-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("adapters")).unwrap();
        for component in &mut manifest.components {
            component.file = folder.join(component.file.file_name().unwrap());
            std::fs::write(&component.file, &component.name).unwrap();
        }
        for name in ["application_server", "capabilities_client"] {
            std::fs::write(folder.join("adapters").join(format!("{name}.wasm")), name).unwrap();
        }
        (Workload::of(&manifest, &config).unwrap(), config)
    }

    #[tokio::test]
    async fn the_application_server_is_first_and_variables_are_apart() {
        let (workload, config) = workload().await;
        assert_eq!(
            workload.parts[0].name, "application-server",
            "a host serves the first that speaks HTTP"
        );
        let part = |name: &str| {
            workload
                .parts
                .iter()
                .find(|part| part.name == name)
                .unwrap()
        };
        assert_eq!(part("booking").variables["TICKET_SIGNING_KEY"], "seed");
        for other in workload.parts.iter().filter(|part| part.name != "booking") {
            assert!(
                !other.variables.contains_key("TICKET_SIGNING_KEY"),
                "{}",
                other.name
            );
        }
        assert_eq!(part("payment-stripe").allowed_hosts, ["api.stripe.com"]);
        assert!(part("booking").allowed_hosts.is_empty());
        assert_eq!(
            part("capabilities-client").allowed_hosts,
            [config.wash.sidecar.trim_start_matches("http://")]
        );
        assert_eq!(
            part("booking").secrets().collect::<Vec<_>>(),
            ["TICKET_SIGNING_KEY"]
        );
        let stripe: Vec<_> = part("payment-stripe").secrets().collect();
        assert_eq!(stripe, ["STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRETS"]);
    }

    #[tokio::test]
    async fn any_change_makes_another_revision() {
        let (workload, _) = workload().await;
        let mut other = workload.clone();
        assert_eq!(workload.id(), other.id());
        other.parts[3]
            .variables
            .insert("PUBLIC_URL".into(), "https://tickets.example".into());
        assert_ne!(workload.id(), other.id());
        let mut other = workload.clone();
        other.parts[1].sha256 = "f".repeat(64);
        assert_ne!(workload.id(), other.id());
    }
}

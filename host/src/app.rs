//! From manifest and configuration to running components: makes the clients of the servers, and links
//! everything.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use eventhub_bindings::http::{Request, Response};
use eventhub_runtime::{
    AppBuilder, CallContext, Code, ComponentSource, EngineConfig, LinkSpec, problem,
};

use crate::config::{Config, Runtime};
use crate::manifest::{Capability, Link, Manifest, Target};

/// What answers the requests of a listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A component's `routes`: the gateway, for everybody.
    Routes(String),
    /// A component's `wasi:http/incoming-handler`: calls from components elsewhere.
    Rpc(String),
    /// Nothing but WebSockets.
    Sockets,
}

/// The components and the servers that they use.
pub struct App {
    pub components: eventhub_runtime::App,
    pub kafka: Option<eventhub_kafka::Client>,
    pub topics: eventhub_websocket::Hub,
    postgres: Option<eventhub_postgres::Client>,
    redis: Option<eventhub_redis::Client>,
    relays: parking_lot::Mutex<Vec<eventhub_cdc::Handle>>,
}

impl App {
    /// Compiles the components, or takes them from the cache, and links them.
    ///
    /// # Errors
    /// Names every component, link or key of the configuration that does not fit.
    pub async fn build(config: &Config, manifest: &Manifest) -> Result<Self> {
        let used: BTreeSet<Capability> = manifest
            .links
            .iter()
            .filter_map(|link| match link.target {
                Target::Capability(capability) => Some(capability),
                Target::Component(_) => None,
            })
            .chain(manifest.triggers.iter().map(|trigger| trigger.capability))
            .collect();

        let postgres = used
            .contains(&Capability::Postgres)
            .then(|| eventhub_postgres::Client::new(config.postgres.clone()))
            .transpose()?;
        let redis = used
            .contains(&Capability::Redis)
            .then(|| eventhub_redis::Client::new(config.redis.clone()))
            .transpose()?;
        let kafka = used
            .contains(&Capability::Kafka)
            .then(|| eventhub_kafka::Client::new(config.kafka.clone()))
            .transpose()?;
        let topics = eventhub_websocket::Hub::new(config.websocket.clone());

        let Runtime {
            total_instances,
            perf_map,
            ..
        } = config.runtime;
        let engine = EngineConfig {
            max_instances: total_instances,
            cache_dir: Some(cache_folder(config)),
            perf_map,
        };
        let runtime = eventhub_runtime::Runtime::new(engine)
            .map_err(|error| anyhow::anyhow!("the WebAssembly engine cannot start: {error:#}"))?;
        let mut builder = AppBuilder::new(&runtime);
        if let Some(client) = postgres.clone() {
            builder.capability(
                "eventhub:postgres",
                Box::new(move |linker, _, link| {
                    eventhub_postgres::add_to_linker(linker, client.clone(), link)
                }),
            );
        }
        if let Some(client) = redis.clone() {
            builder.capability(
                "eventhub:redis",
                Box::new(move |linker, _, link| {
                    eventhub_redis::add_to_linker(linker, client.clone(), link)
                }),
            );
        }
        if let Some(client) = kafka.clone() {
            builder.capability(
                "eventhub:kafka",
                Box::new(move |linker, _, link| {
                    eventhub_kafka::add_to_linker(linker, client.clone(), link)
                }),
            );
        }
        let hub = topics.clone();
        builder.capability(
            "eventhub:websocket",
            Box::new(move |linker, _, _| eventhub_websocket::add_to_linker(linker, hub.clone())),
        );
        if used.contains(&Capability::HttpClient) {
            builder.outgoing_http(Arc::new(crate::outgoing::Outgoing::new(config)?));
        }

        for component in &manifest.components {
            let wasm = std::fs::read(&component.file).with_context(|| {
                format!(
                    "component {}: cannot read {}; is it built? (make build)",
                    component.name,
                    component.file.display()
                )
            })?;
            let mut environment = config.variables(component);
            // Components refuse the negative control of tests unless this is set for the whole host.
            if let Ok(value) = std::env::var("EVENTHUB_TEST") {
                environment.insert("EVENTHUB_TEST".into(), value);
            }
            builder.component(ComponentSource {
                name: component.name.clone(),
                wasm,
                pool: config.pool(component)?,
                env: environment.into_iter().collect(),
            });
        }
        for link in manifest
            .links
            .iter()
            .filter(|link| !link.package.starts_with("wasi:"))
        {
            builder.link(link_spec(config, link)?);
        }
        // Compiling takes seconds of both cores when the cache is cold.
        let components = tokio::task::block_in_place(|| builder.build())
            .context("the manifest does not fit the components")?;
        for trigger in &manifest.triggers {
            if !components
                .components()
                .any(|name| name == trigger.component)
            {
                bail!(
                    "a capability calls component {}, which the manifest does not have",
                    trigger.component
                );
            }
        }
        components
            .warm()
            .await
            .context("a component does not start")?;
        Ok(Self {
            components,
            kafka,
            topics,
            postgres,
            redis,
            relays: parking_lot::Mutex::default(),
        })
    }

    /// Answers a request that came in at an endpoint.
    pub async fn handle(&self, endpoint: &Endpoint, request: Request) -> Response {
        match endpoint {
            Endpoint::Routes(component) => {
                self.components
                    .handle(component, &request, CallContext::of(&request))
                    .await
            }
            Endpoint::Rpc(component) => {
                self.components
                    .over_http(component, &request, CallContext::of(&request))
                    .await
            }
            Endpoint::Sockets => problem(Code::NotFound, &request.request_id),
        }
    }

    /// Adds a relay; `/readyz` reports its state.
    pub fn watch(&self, relay: eventhub_cdc::Handle) {
        self.relays.lock().push(relay);
    }

    /// Every server and relay that is not ready: its name and why.
    pub async fn failures(&self) -> BTreeMap<String, String> {
        let mut failures = BTreeMap::new();
        let (postgres, redis, kafka) = tokio::join!(
            async {
                match &self.postgres {
                    Some(client) => client.ready().await,
                    None => Ok(()),
                }
            },
            async {
                match &self.redis {
                    Some(client) => client.ready().await,
                    None => Ok(()),
                }
            },
            async {
                match &self.kafka {
                    Some(client) => client.ready().await,
                    None => Ok(()),
                }
            },
        );
        failures.extend(
            postgres
                .err()
                .into_iter()
                .flatten()
                .map(|(database, why)| (format!("postgres.{database}"), why)),
        );
        failures.extend(redis.err().map(|why| ("redis".to_string(), why)));
        failures.extend(kafka.err().map(|why| ("kafka".to_string(), why)));
        let relays: Vec<_> = self.relays.lock().clone();
        failures.extend(
            relays.iter().filter_map(|relay| {
                Some((format!("cdc.{}", relay.database()), relay.ready().err()?))
            }),
        );
        failures
    }

    /// Gauges that are read off rather than counted: instances and their memory.
    pub fn record_gauges(&self) {
        for stats in self.components.stats() {
            let component = stats.component.to_string();
            metrics::gauge!("eventhub_component_instances", "component" => component.clone(), "state" => "busy").set(stats.busy as f64);
            metrics::gauge!("eventhub_component_instances", "component" => component.clone(), "state" => "idle").set(stats.idle as f64);
            metrics::gauge!("eventhub_component_queued", "component" => component.clone())
                .set(stats.queued as f64);
            metrics::gauge!("eventhub_component_idle_memory_bytes", "component" => component)
                .set(stats.idle_memory as f64);
        }
    }
}

fn link_spec(config: &Config, link: &Link) -> Result<LinkSpec> {
    let target = match &link.target {
        Target::Component(name) => name.clone(),
        Target::Capability(_) => link.package.clone(),
    };
    Ok(LinkSpec {
        source: link.source.clone(),
        target,
        package: link.package.clone(),
        config: config.link(link)?,
    })
}

fn cache_folder(config: &Config) -> PathBuf {
    if !config.runtime.cache_dir.is_empty() {
        return PathBuf::from(&config.runtime.cache_dir);
    }
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_else(|| "/var/cache".into()));
    cache
        .unwrap_or_else(|| home().join(".cache"))
        .join("eventhub/aot")
}

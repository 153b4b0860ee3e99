//! The configuration: `eventhub.default.toml` with what the manifest says of its components, then
//! the file given with `--config`, then environment variables. Unknown keys are refused with the
//! nearest known one.
//!
//! Each capability's crate has its own section; the sections here are the host's own.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use eventhub_edge::address::Network;
use eventhub_link::LinkConfig;
use eventhub_runtime::PoolConfig;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::manifest::{self, Component, Link, Manifest};

/// Every key with its default and a comment.
pub const DEFAULT: &str = include_str!("../../eventhub.default.toml");

/// Whose fault a refused configuration is: always the operator's, or that of the manifest's author.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read configuration {path}: {cause}")]
    Read {
        path: PathBuf,
        cause: std::io::Error,
    },
    #[error("configuration {origin} is not TOML: {cause}")]
    Syntax {
        origin: String,
        cause: toml::de::Error,
    },
    #[error("configuration {origin}: unknown key `{key}`{hint}")]
    UnknownKey {
        origin: String,
        key: String,
        hint: String,
    },
    #[error("configuration {origin}: `{key}` must be {expected}")]
    WrongType {
        origin: String,
        key: String,
        expected: &'static str,
    },
    #[error("configuration: {0}")]
    Invalid(#[from] toml::de::Error),
    #[error("configuration: {0}")]
    Defaults(#[from] toml::ser::Error),
}

/// The whole configuration, complete: what depends on the manifest is filled in.
#[derive(Deserialize, Serialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub http: Http,
    pub admin: Admin,
    pub log: Log,
    pub runtime: Runtime,
    pub component_defaults: PoolConfig,
    /// Limits by component; keys as in `component_defaults`.
    pub components: BTreeMap<String, Table>,
    pub links: LinkConfig,
    pub postgres: eventhub_postgres::Config,
    pub redis: eventhub_redis::Config,
    pub kafka: eventhub_kafka::Config,
    pub cdc: eventhub_cdc::Config,
    pub websocket: eventhub_websocket::Config,
    pub http_client: eventhub_http_out::Config,
    pub services: Services,
    pub sidecar: Sidecar,
    pub wash: Wash,
    /// Component → authorities that it may call.
    pub outgoing: BTreeMap<String, Vec<String>>,
    /// Component → its environment variables.
    pub environment: BTreeMap<String, BTreeMap<String, String>>,
}

/// The public listener.
#[derive(Deserialize, Serialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct Http {
    pub listen: SocketAddr,
    pub public_url: String,
    #[serde(with = "networks")]
    pub trusted_proxies: Vec<Network>,
    pub max_body_bytes: usize,
    pub header_timeout_ms: u64,
    pub body_timeout_ms: u64,
    pub max_header_bytes: usize,
    pub drain_ms: u64,
}

/// The operators' listener.
#[derive(Deserialize, Serialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct Admin {
    pub listen: SocketAddr,
}

/// The host's log.
#[derive(Deserialize, Serialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct Log {
    pub format: LogFormat,
    pub level: String,
}

/// The form of log lines.
#[derive(Deserialize, Serialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Human,
    Json,
}

/// The WebAssembly engine.
#[derive(Deserialize, Serialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct Runtime {
    pub cache_dir: String,
    pub total_instances: u32,
    pub perf_map: bool,
}

/// Addresses and CIDR blocks as texts.
mod networks {
    use serde::de::Error;
    use serde::{Deserializer, Serializer};

    use super::{Deserialize, Network};

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Network>, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        texts
            .iter()
            .map(|text| text.parse().map_err(D::Error::custom))
            .collect()
    }

    pub fn serialize<S: Serializer>(
        networks: &[Network],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(networks.iter().map(Network::to_string))
    }
}

/// Services in processes of their own; see `split`.
#[derive(Deserialize, Serialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct Services {
    /// The secret that the processes share.
    pub token: String,
    /// The address of every service that `listen` and `urls` do not name.
    pub host: IpAddr,
    /// The port of the manifest's first service; each further one has the next.
    pub first_port: u16,
    /// Service → where its process listens for calls of the others.
    pub listen: BTreeMap<String, SocketAddr>,
    /// Service → where the others find it.
    pub urls: BTreeMap<String, String>,
}

/// Capabilities for components on a host that lacks them.
#[derive(Deserialize, Serialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct Sidecar {
    /// Where calls of capabilities come in.
    pub listen: SocketAddr,
    /// Where the sidecar calls the components, with messages, timers and sockets; empty: each at
    /// its `services.urls`.
    pub application: String,
    /// The most calls at once.
    pub instances: usize,
}

/// Where `eventhub deploy` finds a wasmCloud 2 lattice.
#[derive(Deserialize, Serialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct Wash {
    pub nats: String,
    /// Registry and repository.
    pub registry: String,
    /// The tag of all images; empty: each has the hash of its file.
    pub tag: String,
    pub insecure_registry: bool,
    /// The program.
    pub command: String,
    /// Names under which hosts serve the application.
    pub hosts: Vec<String>,
    /// Where its components find the sidecar.
    pub sidecar: String,
    pub patience_ms: u64,
    /// 0: on every host.
    pub replicas: usize,
}

impl Config {
    /// The defaults, overridden by a file and by the process environment.
    ///
    /// # Errors
    /// [`ConfigError`]: a key or a value that nothing here has.
    pub fn load(manifest: &Manifest, file: Option<&Path>) -> Result<Self, ConfigError> {
        let text = file.map(|path| {
            std::fs::read_to_string(path).map_err(|cause| ConfigError::Read {
                path: path.into(),
                cause,
            })
        });
        let origin = file
            .map(|path| path.display().to_string())
            .unwrap_or_default();
        // Nobody sets a variable that is not Unicode on purpose.
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self::from_parts(
            manifest,
            text.transpose()?.as_deref(),
            &origin,
            &environment,
        )
    }

    /// The same from given parts, for tests.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn from_parts(
        manifest: &Manifest,
        file: Option<&str>,
        origin: &str,
        environment: &BTreeMap<String, String>,
    ) -> Result<Self, ConfigError> {
        let mut config = defaults(manifest)?;
        if let Some(text) = file {
            merge(&mut config, parse_table(text, origin)?, origin, "")?;
        }
        override_from_environment(&mut config, "", environment)?;
        if let Some(Value::Table(components)) = config.get_mut("environment") {
            add_from_environment(components, environment);
        }
        fill_services(&mut config, manifest)?;
        let mut config: Self = Value::Table(config).try_into()?;
        config.postgres.fill_addresses();
        if config.cdc.databases.is_empty() {
            config.cdc.databases = manifest
                .outbox_databases()
                .into_iter()
                .map(String::from)
                .collect();
        }
        Ok(config)
    }

    /// The environment of a component: the manifest's, the file's on top, and where clients find
    /// the API.
    pub fn variables(&self, component: &Component) -> BTreeMap<String, String> {
        let mut variables = component.environment.clone();
        variables.extend(
            self.environment
                .get(&component.name)
                .cloned()
                .unwrap_or_default(),
        );
        variables
            .entry("PUBLIC_URL".into())
            .or_insert_with(|| self.http.public_url.clone());
        variables
    }

    /// The limits of one component's instances; their number is the manifest's.
    ///
    /// # Errors
    /// An override with an unknown key or of the wrong type.
    pub fn pool(&self, component: &Component) -> Result<PoolConfig, ConfigError> {
        let mut table = Table::try_from(&self.component_defaults)?;
        if let Some(overrides) = self.components.get(&component.name) {
            let origin = format!("[components.{}]", component.name);
            merge(&mut table, overrides.clone(), &origin, "")?;
        }
        let pool: PoolConfig = Value::Table(table).try_into()?;
        Ok(PoolConfig {
            max_instances: u32::try_from(component.instances).unwrap_or(u32::MAX),
            ..pool
        })
    }

    /// A link's limits: the defaults with what the manifest says of it.
    ///
    /// # Errors
    /// A property that no link of this kind has, or one of the wrong type.
    pub fn link(&self, link: &Link) -> Result<LinkConfig, ConfigError> {
        let mut limits = Table::try_from(&self.links)?;
        let (package, source) = (&link.package, &link.source);
        for (key, text) in &link.properties {
            let is_grant = [manifest::DATABASE, manifest::OUTBOX].contains(&key.as_str());
            if package == manifest::POSTGRES && is_grant {
                continue;
            }
            set_from_text(
                &mut limits,
                key,
                text,
                &format!("of the link {source} → {package}"),
            )?;
        }
        Ok(Value::Table(limits).try_into()?)
    }
}

fn parse_table(text: &str, origin: &str) -> Result<Table, ConfigError> {
    text.parse().map_err(|cause| ConfigError::Syntax {
        origin: origin.into(),
        cause,
    })
}

/// The default file with an entry for everything that the manifest has. So a file and the process
/// environment can override these entries, and no others. An empty address is filled in at the end.
fn defaults(manifest: &Manifest) -> Result<Table, ConfigError> {
    let mut config = parse_table(DEFAULT, "eventhub.default.toml")?;
    let known_limits = config["component_defaults"].as_table().cloned();
    for component in &manifest.components {
        let mut limits = Table::new();
        for (key, text) in &component.limits {
            let mut known = known_limits.clone().unwrap_or_default();
            let origin = format!("of component {} in the manifest", component.name);
            set_from_text(&mut known, key, text, &origin)?;
            limits.extend(known.remove_entry(key));
        }
        let name = &component.name;
        insert_entry(&mut config, &["components"], name, limits.into());
        let variables = Table::try_from(&component.environment)?;
        insert_entry(&mut config, &["environment"], name, variables.into());
        insert_entry(
            &mut config,
            &["outgoing"],
            name,
            manifest.authorities(name).into(),
        );
    }
    for database in manifest.databases() {
        insert_entry(&mut config, &["postgres", "databases"], database, "".into());
    }
    for service in manifest.services() {
        insert_entry(&mut config, &["services", "listen"], service, "".into());
        insert_entry(&mut config, &["services", "urls"], service, "".into());
    }
    Ok(config)
}

fn table_at<'a>(table: &'a mut Table, path: &[&str]) -> Option<&'a mut Table> {
    path.iter()
        .try_fold(table, |table, key| table.get_mut(*key)?.as_table_mut())
}

fn insert_entry(config: &mut Table, path: &[&str], key: &str, value: Value) {
    if let Some(table) = table_at(config, path) {
        table.insert(key.into(), value);
    }
}

/// Gives each service that has no address of its own the next port.
fn fill_services(config: &mut Table, manifest: &Manifest) -> Result<(), ConfigError> {
    let wrong = |key: &str, expected| ConfigError::WrongType {
        origin: "of services".into(),
        key: key.into(),
        expected,
    };
    let services = &config["services"];
    let host: IpAddr = services["host"]
        .as_str()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| wrong("services.host", "an IP address"))?;
    let first = services["first_port"].as_integer();
    for (nth, service) in (0..).zip(manifest.services()) {
        let port = first
            .and_then(|first| u16::try_from(first + nth).ok())
            .ok_or_else(|| {
                wrong(
                    "services.first_port",
                    "a port with one after it per service",
                )
            })?;
        let address = SocketAddr::new(host, port);
        for (table, value) in [
            ("listen", address.to_string()),
            ("urls", format!("http://{address}")),
        ] {
            let entry = table_at(config, &["services", table])
                .and_then(|table| table.get_mut(service))
                .filter(|entry| entry.as_str() == Some(""));
            if let Some(entry) = entry {
                *entry = value.into();
            }
        }
    }
    Ok(())
}

/// Tables whose keys are not ours: limits and variables of a component, properties of librdkafka.
fn is_open(path: &str) -> bool {
    path == "kafka.properties"
        || path.starts_with("environment.")
        || path.starts_with("components.")
}

fn merge(into: &mut Table, from: Table, origin: &str, path: &str) -> Result<(), ConfigError> {
    for (key, value) in from {
        let full = join_path(path, &key);
        match (into.get_mut(&key), value) {
            (Some(Value::Table(known)), Value::Table(table)) => merge(known, table, origin, &full)?,
            (Some(known), value) if known.same_type(&value) => *known = value,
            // 1 is as good as 1.0 where a fraction is possible.
            (Some(known @ Value::Float(_)), Value::Integer(whole)) => {
                *known = Value::Float(whole as f64)
            }
            (Some(known), _) => {
                return Err(ConfigError::WrongType {
                    origin: origin.into(),
                    key: full,
                    expected: type_name(known),
                });
            }
            (None, value) if is_open(path) => {
                into.insert(key, value);
            }
            (None, _) => {
                let hint = nearest(&key, into.keys().map(String::as_str));
                return Err(ConfigError::UnknownKey {
                    origin: origin.into(),
                    key: full,
                    hint,
                });
            }
        }
    }
    Ok(())
}

fn join_path(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.into()
    } else {
        format!("{path}.{key}")
    }
}

fn override_from_environment(
    table: &mut Table,
    path: &str,
    environment: &BTreeMap<String, String>,
) -> Result<(), ConfigError> {
    for (key, value) in table.iter_mut() {
        let full = join_path(path, key);
        if let Value::Table(inner) = value {
            override_from_environment(inner, &full, environment)?;
            continue;
        }
        let name = format!("EVENTHUB_{}", full.to_uppercase().replace(['.', '-'], "_"));
        if let Some(text) = environment.get(&name) {
            *value = parse_like(value, text).ok_or_else(|| ConfigError::WrongType {
                origin: name,
                key: full,
                expected: type_name(value),
            })?;
        }
    }
    Ok(())
}

/// A text as a value of the same type; none where it cannot be one.
fn parse_like(known: &Value, text: &str) -> Option<Value> {
    Some(match known {
        Value::Integer(_) => Value::Integer(text.replace('_', "").parse().ok()?),
        Value::Float(_) => Value::Float(text.parse().ok()?),
        Value::Boolean(_) => Value::Boolean(text.parse().ok()?),
        Value::Array(items) => {
            let texts = text.split(',').filter(|part| !part.is_empty());
            let like = items.first().cloned().unwrap_or_else(|| "".into());
            let items = texts.map(|part| parse_like(&like, part.trim()));
            Value::Array(items.collect::<Option<_>>()?)
        }
        Value::Table(_) => return None,
        _ => Value::String(text.into()),
    })
}

/// Sets the value at a path such as `breaker.open_ms` from the manifest's text.
fn set_from_text(
    table: &mut Table,
    path: &str,
    text: &str,
    origin: &str,
) -> Result<(), ConfigError> {
    let known = leaf_paths(table, "");
    let (parents, key) = path.rsplit_once('.').unwrap_or(("", path));
    let parents: Vec<&str> = parents.split('.').filter(|key| !key.is_empty()).collect();
    let value = table_at(table, &parents)
        .and_then(|table| table.get_mut(key))
        .filter(|value| !value.is_table());
    let Some(value) = value else {
        return Err(ConfigError::UnknownKey {
            origin: origin.into(),
            key: path.into(),
            hint: nearest(path, known.iter().map(String::as_str)),
        });
    };
    *value = parse_like(value, text).ok_or_else(|| ConfigError::WrongType {
        origin: origin.into(),
        key: path.into(),
        expected: type_name(value),
    })?;
    Ok(())
}

fn leaf_paths(table: &Table, path: &str) -> Vec<String> {
    let paths = table.iter().map(|(key, value)| match value {
        Value::Table(inner) => leaf_paths(inner, &join_path(path, key)),
        _ => vec![join_path(path, key)],
    });
    paths.flatten().collect()
}

/// Adds variables of components that the manifest does not list: `EVENTHUB_ENVIRONMENT_`, then the
/// component's name in capitals, the longest that fits; the rest is the variable's name.
fn add_from_environment(components: &mut Table, environment: &BTreeMap<String, String>) {
    for (name, value) in environment {
        let Some(rest) = name.strip_prefix("EVENTHUB_ENVIRONMENT_") else {
            continue;
        };
        let variable_of = |component: &str| {
            rest.strip_prefix(&format!("{}_", component.to_uppercase().replace('-', "_")))
                .map(str::to_string)
        };
        let fitting = components.iter_mut().filter_map(|(component, table)| {
            Some((component.len(), variable_of(component)?, table))
        });
        if let Some((_, variable, Value::Table(table))) = fitting.max_by_key(|(length, ..)| *length)
        {
            table.insert(variable, Value::String(value.clone()));
        }
    }
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Integer(_) => "a whole number",
        Value::Float(_) => "a number",
        Value::Boolean(_) => "true or false",
        Value::Array(_) => "a list",
        Value::Table(_) => "a table",
        _ => "a text",
    }
}

fn nearest<'a>(key: &str, known: impl Iterator<Item = &'a str>) -> String {
    let best = known
        .map(|name| (strsim::jaro_winkler(key, name), name))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    best.filter(|(likeness, _)| *likeness > 0.7)
        .map(|(_, name)| format!("; did you mean `{name}`?"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    fn project() -> Manifest {
        let manifest = Manifest::load(Path::new("../wadm.yaml"));
        manifest.now_or_never().unwrap().unwrap()
    }

    fn load(file: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        load_with(&project(), file, variables)
    }

    fn load_with(
        manifest: &Manifest,
        file: &str,
        variables: &[(&str, &str)],
    ) -> Result<Config, ConfigError> {
        let variables = variables
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect();
        Config::from_parts(manifest, Some(file), "test.toml", &variables)
    }

    fn limits(config: &Config, component: &str) -> PoolConfig {
        config
            .pool(project().component(component).unwrap())
            .unwrap()
    }

    #[test]
    fn the_default_file_is_a_whole_configuration() {
        let config = load("", &[]).unwrap();
        assert_eq!(config.http.listen.port(), 8080);
        assert_eq!(limits(&config, "venue-layout").memory_mb, 256);
        assert_eq!(
            limits(&config, "booking").memory_mb,
            config.component_defaults.memory_mb
        );
    }

    #[test]
    fn the_default_file_has_every_key_and_no_other() {
        let file: Table = DEFAULT.parse().unwrap();
        // A key of a struct that the file lacks has the struct's own default here.
        let config = Config::from_parts(&Manifest::default(), None, "", &BTreeMap::new()).unwrap();
        assert_eq!(Table::try_from(&config).unwrap(), file);
    }

    #[test]
    fn a_key_has_the_same_default_in_its_crate_and_in_the_file() {
        let file: Table = DEFAULT.parse().unwrap();
        let same = |section: &str, default: Result<Table, toml::ser::Error>| {
            assert_eq!(
                Some(&default.unwrap()),
                file[section].as_table(),
                "{section}"
            );
        };
        same("component_defaults", Table::try_from(PoolConfig::default()));
        same("links", Table::try_from(LinkConfig::default()));
        same(
            "postgres",
            Table::try_from(eventhub_postgres::Config::default()),
        );
        same("redis", Table::try_from(eventhub_redis::Config::default()));
        same("kafka", Table::try_from(eventhub_kafka::Config::default()));
        same("cdc", Table::try_from(eventhub_cdc::Config::default()));
        same(
            "websocket",
            Table::try_from(eventhub_websocket::Config::default()),
        );
        same(
            "http_client",
            Table::try_from(eventhub_http_out::Config::default()),
        );
    }

    #[test]
    fn the_manifest_fills_in_what_the_file_leaves_empty() {
        let config = load("", &[]).unwrap();
        let url = |name: &str| format!("postgres://eventhub@127.0.0.1:5432/{name}");
        let databases = ["booking_db", "event_db", "identity_db", "payment_db"];
        assert!(config.postgres.databases.keys().eq(databases.iter()));
        assert!(
            databases
                .iter()
                .all(|name| config.postgres.databases[*name] == url(name))
        );
        assert_eq!(config.cdc.databases, databases);
        assert_eq!(config.outgoing["payment-stripe"], ["api.stripe.com"]);
        assert!(config.outgoing["booking"].is_empty());
        assert_eq!(config.environment["booking"]["PAYMENT_TTL_SECONDS"], "600");
        // In the order of the manifest.
        for (nth, service) in project().services().enumerate() {
            let address = SocketAddr::from(([127, 0, 0, 1], 8081 + nth as u16));
            assert_eq!(config.services.listen[service], address);
            assert_eq!(config.services.urls[service], format!("http://{address}"));
        }
        assert_eq!(config.services.listen["identity"].port(), 8081);
        assert_eq!(config.services.listen["payment"].port(), 8086);
    }

    #[test]
    fn file_and_environment_override_the_manifest_by_name() {
        let file = r#"
            [components.venue-layout]
            memory_mb = 512
            [postgres]
            url = "postgres://me@db/{database}"
            [services]
            host = "10.0.0.1"
            first_port = 9001
            [services.listen]
            booking = "0.0.0.0:7000"
            [services.urls]
            booking = "http://booking:7000"
            [outgoing]
            payment-stripe = ["elsewhere.example"]
            [environment.booking]
            PAYMENT_TTL_SECONDS = "60"
            [cdc]
            databases = ["event_db"]
        "#;
        let variables = [
            (
                "EVENTHUB_POSTGRES_DATABASES_EVENT_DB",
                "postgres://elsewhere/e",
            ),
            ("EVENTHUB_SERVICES_URLS_PAYMENT", "http://payment"),
            ("EVENTHUB_COMPONENTS_VENUE_LAYOUT_RECYCLE_MEMORY_MB", "9"),
            ("EVENTHUB_KAFKA_CONSUMER_BACKOFF_MS", "1,2_000"),
        ];
        let config = load(file, &variables).unwrap();
        let layout = limits(&config, "venue-layout");
        assert_eq!((layout.memory_mb, layout.recycle_memory_mb), (512, 9));
        assert_eq!(
            config.postgres.databases["event_db"],
            "postgres://elsewhere/e"
        );
        assert_eq!(
            config.postgres.databases["payment_db"],
            "postgres://me@db/payment_db"
        );
        assert_eq!(
            config.services.listen["identity"],
            "10.0.0.1:9001".parse().unwrap()
        );
        assert_eq!(
            config.services.listen["booking"],
            "0.0.0.0:7000".parse().unwrap()
        );
        assert_eq!(config.services.urls["booking"], "http://booking:7000");
        assert_eq!(config.services.urls["payment"], "http://payment");
        assert_eq!(config.outgoing["payment-stripe"], ["elsewhere.example"]);
        assert_eq!(config.environment["booking"]["PAYMENT_TTL_SECONDS"], "60");
        assert_eq!(config.cdc.databases, ["event_db"]);
        assert_eq!(config.kafka.consumer.backoff_ms, [1, 2_000]);
        let error = load("[postgres.databases]\nevnt_db = \"\"", &[])
            .unwrap_err()
            .to_string();
        assert!(error.contains("did you mean `event_db`"), "{error}");
        assert!(load("[services]\nfirst_port = 65533", &[]).is_err());
        assert!(load("[services]\nhost = \"here\"", &[]).is_err());
    }

    #[test]
    fn the_manifest_may_say_only_what_there_is() {
        let mut manifest = project();
        manifest.components[0].limits = [("memry_mb".to_string(), "1".to_string())].into();
        let error = load_with(&manifest, "", &[]).unwrap_err().to_string();
        assert!(
            error.contains("api-gateway") && error.contains("did you mean `memory_mb`"),
            "{error}"
        );
        manifest.components[0].limits = [("memory_mb".to_string(), "much".to_string())].into();
        assert!(matches!(
            load_with(&manifest, "", &[]),
            Err(ConfigError::WrongType { .. })
        ));
    }

    #[test]
    fn a_links_properties_are_limits_or_grants() {
        let config = load("", &[]).unwrap();
        let link = |package: &str, properties: &[(&str, &str)]| {
            config.link(&Link {
                source: "booking".into(),
                target: manifest::Target::Component("payment".into()),
                package: package.into(),
                interfaces: vec![],
                properties: properties
                    .iter()
                    .map(|(key, value)| (key.to_string(), value.to_string()))
                    .collect(),
            })
        };
        let limits = link(
            "eventhub:payment",
            &[("timeout_ms", "7"), ("breaker.failure_rate", "1")],
        )
        .unwrap();
        assert_eq!((limits.timeout_ms, limits.breaker.failure_rate), (7, 1.0));
        assert_eq!(limits.max_queued, config.links.max_queued);
        let grants = [("database", "booking_db"), ("outbox", "booking")];
        assert_eq!(link(manifest::POSTGRES, &grants).unwrap(), config.links);
        assert!(
            link("eventhub:payment", &grants).is_err(),
            "a service has no database"
        );
        let error = link("eventhub:payment", &[("breaker.open", "7")])
            .unwrap_err()
            .to_string();
        assert!(error.contains("did you mean `breaker.open_ms`"), "{error}");
        assert!(link("eventhub:payment", &[("breaker", "7")]).is_err());
        assert!(link("eventhub:payment", &[("timeout_ms", "soon")]).is_err());
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest_known_one() {
        let error = load("[http]\nlistn = \"0.0.0.0:1\"", &[])
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("http.listn") && error.contains("did you mean `listen`"),
            "{error}"
        );
        assert!(
            load("[htp]\nx = 1", &[])
                .unwrap_err()
                .to_string()
                .contains("did you mean `http`")
        );
        assert!(
            load("[components.booking]\nmemry_mb = 1", &[])
                .unwrap()
                .pool(project().component("booking").unwrap())
                .is_err()
        );
    }

    #[test]
    fn an_unknown_component_is_refused_with_the_nearest_known_one() {
        let mut manifest = project();
        manifest.components[0].name = "bench".into();
        let check = |file: &str| load_with(&manifest, file, &[]);
        assert!(
            check("[environment.bench]\nJWKS = \"{}\"\n[components.identity]\nmemory_mb = 9")
                .is_ok()
        );
        let error = check("[environment.bookng]\nX = \"1\"")
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("environment.bookng") && error.contains("did you mean `booking`"),
            "{error}"
        );
        assert!(check("[components.bokking]\nmemory_mb = 1").is_err());
        assert!(check("[outgoing]\npayment-strip = []").is_err());
    }

    #[test]
    fn a_value_of_another_type_is_refused() {
        assert!(matches!(
            load("[http]\nlisten = 8080", &[]),
            Err(ConfigError::WrongType { .. })
        ));
        assert!(load("[http]\nlisten = \"nowhere\"", &[]).is_err());
    }

    #[test]
    fn a_proxy_that_is_no_network_is_refused_by_name() {
        let proxies = |text: &str| load("", &[("EVENTHUB_HTTP_TRUSTED_PROXIES", text)]);
        let error = proxies("10.0.0.0/8,10.0.0").unwrap_err().to_string();
        assert!(
            error.contains("http.trusted_proxies") && error.contains("`10.0.0` is neither"),
            "{error}"
        );
        assert!(load("[http]\ntrusted_proxies = [\"::1/129\"]", &[]).is_err());
        let config = proxies("10.0.0.0/8, ::1").unwrap();
        assert_eq!(
            config.http.trusted_proxies,
            ["10.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()]
        );
        // As for processes of their own.
        let written = toml::to_string(&Table::try_from(&config).unwrap()).unwrap();
        assert_eq!(
            load(&written, &[]).unwrap().http.trusted_proxies,
            config.http.trusted_proxies
        );
        assert!(load("", &[]).unwrap().http.trusted_proxies.is_empty());
    }

    #[test]
    fn every_key_has_an_environment_variable_that_wins() {
        let config = load(
            "[http]\npublic_url = \"http://file\"",
            &[
                ("EVENTHUB_HTTP_PUBLIC_URL", "http://variable"),
                (
                    "EVENTHUB_POSTGRES_DATABASES_EVENT_DB",
                    "postgres://elsewhere/event_db",
                ),
                ("EVENTHUB_ENVIRONMENT_BOOKING_TICKET_SIGNING_KEY", "k"),
                (
                    "EVENTHUB_ENVIRONMENT_PAYMENT_STRIPE_STRIPE_URL",
                    "https://elsewhere",
                ),
                ("EVENTHUB_ENVIRONMENT_IDENTITY_JWT_ISSUER", "https://issuer"),
                ("EVENTHUB_LINKS_BREAKER_FAILURE_RATE", "0.9"),
            ],
        )
        .unwrap();
        assert_eq!(config.http.public_url, "http://variable");
        assert_eq!(
            config.postgres.databases["event_db"],
            "postgres://elsewhere/event_db"
        );
        assert_eq!(config.environment["booking"]["TICKET_SIGNING_KEY"], "k");
        assert_eq!(
            config.environment["payment-stripe"]["STRIPE_URL"],
            "https://elsewhere"
        );
        assert!(config.environment["payment"].is_empty());
        // The default file does not list it; the component has a default of its own.
        assert_eq!(
            config.environment["identity"]["JWT_ISSUER"],
            "https://issuer"
        );
        assert_eq!(config.links.breaker.failure_rate, 0.9);
        assert!(load("", &[("EVENTHUB_HTTP_MAX_BODY_BYTES", "many")]).is_err());
    }
}

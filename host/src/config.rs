//! The configuration: `eventhub.default.toml`, then the file given with `--config`, then
//! environment variables. Unknown keys are refused with the nearest known one.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use eventhub_edge::address::Network;
use eventhub_link::{BreakerConfig, LinkConfig};
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

/// Every key with its default and a word on it.
pub const DEFAULT: &str = include_str!("../../eventhub.default.toml");

/// Whose fault a refused configuration is: always the operator's.
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

#[derive(Deserialize, Serialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub http: Http,
    pub admin: Admin,
    pub log: Log,
    pub runtime: Runtime,
    pub component_defaults: Component,
    /// Overrides by component name; keys as in `component_defaults`.
    pub components: BTreeMap<String, Table>,
    pub links: Links,
    pub postgres: Postgres,
    pub redis: Redis,
    pub kafka: Kafka,
    pub cdc: Cdc,
    pub websocket: WebSocket,
    pub services: Services,
    pub sidecar: Sidecar,
    pub wash: Wash,
    /// Component → authorities that it may call.
    pub outgoing: BTreeMap<String, Vec<String>>,
    /// Component → its environment variables.
    pub environment: BTreeMap<String, BTreeMap<String, String>>,
}

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

#[derive(Deserialize, Serialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct Admin {
    pub listen: SocketAddr,
}

#[derive(Deserialize, Serialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct Log {
    pub format: LogFormat,
    pub level: String,
}

#[derive(Deserialize, Serialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Human,
    Json,
}

#[derive(Deserialize, Serialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct Runtime {
    pub cache_dir: String,
    pub total_instances: u32,
    pub perf_map: bool,
}

/// Limits of one component's instances.
#[derive(Deserialize, Serialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct Component {
    pub deadline_ms: u64,
    pub memory_mb: usize,
    pub eager_instances: usize,
    pub grow_after_ms: u64,
    pub max_queued: usize,
    pub recycle_after: u64,
    pub recycle_memory_mb: usize,
}

#[derive(Deserialize, Serialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct Links {
    pub timeout_ms: u64,
    pub max_concurrent: usize,
    pub max_queued: usize,
    pub breaker: BreakerConfig,
}

#[derive(Deserialize, Serialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct Postgres {
    pub pool_size: usize,
    pub acquire_timeout_ms: u64,
    pub statement_timeout_ms: u64,
    /// Name → URL.
    pub databases: BTreeMap<String, String>,
}

#[derive(Deserialize, Serialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct Redis {
    pub url: String,
    pub response_timeout_ms: u64,
}

#[derive(Deserialize, Serialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct Kafka {
    pub brokers: String,
    pub partitions: i32,
    pub replication: i32,
    pub max_batch: usize,
    pub max_attempts: u32,
    /// Of librdkafka.
    pub properties: BTreeMap<String, String>,
}

#[derive(Deserialize, Serialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct Cdc {
    pub enabled: bool,
    pub databases: Vec<String>,
    pub keep_minutes: u64,
}

#[derive(Deserialize, Serialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct WebSocket {
    pub max_sockets: usize,
    pub max_sockets_per_address: usize,
    pub ping_seconds: u64,
    pub max_pending_frames: usize,
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

/// Where services are that run in processes of their own; see `split`.
#[derive(Deserialize, Serialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct Services {
    /// What the processes know each other by.
    pub token: String,
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
    /// Where the components are called with messages, timers and sockets; empty: each at its
    /// `services.urls`.
    pub application: String,
    /// At most so many calls at once.
    pub instances: usize,
}

/// Where `eventhub deploy` finds a wasmCloud 2 lattice.
#[derive(Deserialize, Serialize, Clone, Debug)]
#[serde(deny_unknown_fields)]
pub struct Wash {
    pub nats: String,
    /// Registry and repository.
    pub registry: String,
    /// Of all images; empty: each has the hash of its file.
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
    /// The environment of a component: the manifest's, the file's on top, and where clients find
    /// us.
    pub fn variables(&self, component: &crate::manifest::Component) -> BTreeMap<String, String> {
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

    /// The defaults, overridden by a file and by the process environment.
    pub fn load(file: Option<&Path>) -> Result<Self, ConfigError> {
        let text = file.map(|path| {
            std::fs::read_to_string(path).map_err(|cause| ConfigError::Read {
                path: path.into(),
                cause,
            })
        });
        let origin = file
            .map(|path| path.display().to_string())
            .unwrap_or_default();
        // A variable that is no Unicode cannot be meant.
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Self::from_parts(text.transpose()?.as_deref(), &origin, &environment)
    }

    /// The same from given parts, for tests and for `eventhub up`.
    pub fn from_parts(
        file: Option<&str>,
        origin: &str,
        environment: &BTreeMap<String, String>,
    ) -> Result<Self, ConfigError> {
        let mut config: Table = DEFAULT.parse().map_err(|cause| ConfigError::Syntax {
            origin: "eventhub.default.toml".into(),
            cause,
        })?;
        if let Some(text) = file {
            let table: Table = text.parse().map_err(|cause| ConfigError::Syntax {
                origin: origin.into(),
                cause,
            })?;
            merge(&mut config, table, origin, "")?;
        }
        override_from_environment(&mut config, "", environment)?;
        if let Some(Value::Table(components)) = config.get_mut("environment") {
            add_from_environment(components, environment);
        }
        Ok(Value::Table(config).try_into()?)
    }

    /// Whether what is configured by component is configured for components that there are: of the
    /// manifest, or in the default file, which is for the whole application.
    pub fn check_components<'a>(
        &self,
        manifest: impl Iterator<Item = &'a str>,
    ) -> Result<(), ConfigError> {
        let whole = Self::from_parts(None, "", &BTreeMap::new())?;
        let known: BTreeSet<String> = manifest
            .map(str::to_owned)
            .chain(whole.environment.into_keys())
            .collect();
        let tables = [
            ("components", self.components.keys().collect::<Vec<_>>()),
            ("environment", self.environment.keys().collect()),
        ];
        for (table, names) in tables
            .into_iter()
            .chain([("outgoing", self.outgoing.keys().collect())])
        {
            if let Some(name) = names
                .into_iter()
                .find(|name| !known.contains(name.as_str()))
            {
                let hint = nearest(name, known.iter().map(String::as_str));
                return Err(ConfigError::UnknownKey {
                    origin: "of components".into(),
                    key: format!("{table}.{name}"),
                    hint,
                });
            }
        }
        Ok(())
    }

    /// The limits of one component.
    pub fn component(&self, name: &str) -> Result<Component, ConfigError> {
        let Some(overrides) = self.components.get(name) else {
            return Ok(self.component_defaults.clone());
        };
        let origin = format!("[components.{name}]");
        let defaults = &self.component_defaults;
        let mut table = Table::try_from(defaults)?;
        merge(&mut table, overrides.clone(), &origin, "")?;
        Ok(Value::Table(table).try_into()?)
    }

    /// A link's configuration: the defaults with what the manifest says of it.
    pub fn link(
        &self,
        properties: &BTreeMap<String, String>,
        origin: &str,
    ) -> Result<LinkConfig, ConfigError> {
        let mut link = LinkConfig {
            timeout_ms: self.links.timeout_ms,
            max_concurrent: self.links.max_concurrent,
            max_queued: self.links.max_queued,
            breaker: self.links.breaker.clone(),
        };
        for (key, value) in properties {
            let wrong = |expected| ConfigError::WrongType {
                origin: origin.into(),
                key: key.clone(),
                expected,
            };
            match key.as_str() {
                "timeout_ms" => {
                    link.timeout_ms = value
                        .parse()
                        .map_err(|_| wrong("a number of milliseconds"))?
                }
                "max_concurrent" => {
                    link.max_concurrent = value.parse().map_err(|_| wrong("a number"))?
                }
                "max_queued" => link.max_queued = value.parse().map_err(|_| wrong("a number"))?,
                "breaker.failure_rate" => {
                    link.breaker.failure_rate =
                        value.parse().map_err(|_| wrong("a number from 0 to 1"))?
                }
                "breaker.window" => {
                    link.breaker.window = value.parse().map_err(|_| wrong("a number"))?
                }
                "breaker.min_calls" => {
                    link.breaker.min_calls = value.parse().map_err(|_| wrong("a number"))?
                }
                "breaker.open_ms" => {
                    link.breaker.open_ms = value
                        .parse()
                        .map_err(|_| wrong("a number of milliseconds"))?
                }
                "breaker.half_open_probes" => {
                    link.breaker.half_open_probes = value.parse().map_err(|_| wrong("a number"))?
                }
                _ => {
                    let known = [
                        "timeout_ms",
                        "max_concurrent",
                        "max_queued",
                        "breaker.failure_rate",
                        "breaker.window",
                        "breaker.min_calls",
                        "breaker.open_ms",
                        "breaker.half_open_probes",
                    ];
                    return Err(ConfigError::UnknownKey {
                        origin: origin.into(),
                        key: key.clone(),
                        hint: nearest(key, known.into_iter()),
                    });
                }
            }
        }
        Ok(link)
    }
}

// Tables whose keys are not ours: names of components, databases and variables, properties of a
// library.
fn is_open(path: &str) -> bool {
    matches!(
        path,
        "components" | "postgres.databases" | "outgoing" | "environment" | "kafka.properties"
    ) || path.starts_with("environment.")
        || path.starts_with("components.")
}

fn merge(into: &mut Table, from: Table, origin: &str, path: &str) -> Result<(), ConfigError> {
    for (key, value) in from {
        let full = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
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

fn override_from_environment(
    table: &mut Table,
    path: &str,
    environment: &BTreeMap<String, String>,
) -> Result<(), ConfigError> {
    for (key, value) in table.iter_mut() {
        let full = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        if let Value::Table(inner) = value {
            override_from_environment(inner, &full, environment)?;
            continue;
        }
        let name = format!("EVENTHUB_{}", full.to_uppercase().replace(['.', '-'], "_"));
        let Some(text) = environment.get(&name) else {
            continue;
        };
        let wrong = |expected| ConfigError::WrongType {
            origin: name.clone(),
            key: full.clone(),
            expected,
        };
        *value = match value {
            Value::Integer(_) => Value::Integer(
                text.replace('_', "")
                    .parse()
                    .map_err(|_| wrong("a whole number"))?,
            ),
            Value::Float(_) => Value::Float(text.parse().map_err(|_| wrong("a number"))?),
            Value::Boolean(_) => Value::Boolean(text.parse().map_err(|_| wrong("true or false"))?),
            Value::Array(_) => Value::Array(
                text.split(',')
                    .filter(|part| !part.is_empty())
                    .map(|part| Value::String(part.trim().into()))
                    .collect(),
            ),
            _ => Value::String(text.clone()),
        };
    }
    Ok(())
}

/// Variables of components that the default file does not list: `EVENTHUB_ENVIRONMENT_` and the
/// component's name, the longest that fits, in capitals; the rest is the variable's name.
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
    use super::*;

    fn load(file: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let variables = variables
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect();
        Config::from_parts(Some(file), "test.toml", &variables)
    }

    #[test]
    fn the_default_file_is_a_whole_configuration() {
        let config = load("", &[]).unwrap();
        assert_eq!(config.http.listen.port(), 8080);
        assert_eq!(config.component("venue-layout").unwrap().memory_mb, 256);
        assert_eq!(
            config.component("booking").unwrap().memory_mb,
            config.component_defaults.memory_mb
        );
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
                .component("booking")
                .is_err()
        );
    }

    #[test]
    fn a_component_that_there_is_none_of_is_refused_with_the_nearest_known_one() {
        let check = |file: &str| {
            load(file, &[])
                .unwrap()
                .check_components(["bench", "booking"].into_iter())
        };
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
    fn a_proxy_that_is_no_network_is_refused_by_name_and_others_are_written_out_again() {
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

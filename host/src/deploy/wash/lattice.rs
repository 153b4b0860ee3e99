//! The hosts of a wasmCloud 2 lattice, over NATS: JSON requests to `runtime.host.<id>.workload.*`,
//! heartbeats as the only discovery. A bucket of the lattice records what was deployed where, for the
//! next deployment.

use std::collections::BTreeMap;
use std::time::Duration;

use async_nats::jetstream;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A host sends a heartbeat every 15 seconds; one may be late, or lost.
const HEARTBEAT: Duration = Duration::from_secs(31);
const CONNECT: Duration = Duration::from_secs(5);
/// The first start on a host pulls and compiles.
const REQUEST: Duration = Duration::from_secs(180);
/// How often a deployment checks that a host which has a request still runs.
const LOOK: Duration = Duration::from_secs(2);
const BUCKET: &str = "eventhub-deployments";

/// Why a request to the lattice failed.
#[derive(Debug, thiserror::Error)]
pub enum LatticeError {
    #[error("NATS at {url} does not answer: {cause}")]
    Nats { url: String, cause: String },
    #[error(
        "cannot read or write the record of deployments in NATS, which needs JetStream (`nats-server -js`): {0}"
    )]
    Record(String),
    #[error("host {host} does not answer: {cause}")]
    Host { host: String, cause: String },
    #[error("host {host} refused: {cause}")]
    Refused { host: String, cause: String },
}

/// A host that answers.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Host {
    pub id: String,
    pub hostname: String,
    #[serde(default)]
    pub system_cpu_usage: f64,
    /// The port of its HTTP listener; 0 when it does not report one.
    #[serde(default)]
    pub http_port: u16,
}

/// Host → the workloads that were started on it.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub struct Record {
    pub workloads: BTreeMap<String, Vec<String>>,
}

pub struct Lattice {
    client: async_nats::Client,
    url: String,
}

impl Lattice {
    pub async fn connect(url: &str) -> Result<Self, LatticeError> {
        let refused = |cause: String| LatticeError::Nats {
            url: url.into(),
            cause,
        };
        let options = async_nats::ConnectOptions::new()
            .request_timeout(Some(REQUEST))
            .max_reconnects(3);
        let client = tokio::time::timeout(CONNECT, options.connect(url))
            .await
            .map_err(|_| refused("no answer in time".into()))?;
        Ok(Self {
            client: client.map_err(|error| refused(error.to_string()))?,
            url: url.into(),
        })
    }

    /// All hosts that answer, or the first `enough`. It takes as long as two heartbeats, since there is
    /// no list of hosts.
    pub async fn hosts(&self, enough: Option<usize>) -> Result<Vec<Host>, LatticeError> {
        use futures::StreamExt;
        let lost = |cause: String| LatticeError::Nats {
            url: self.url.clone(),
            cause,
        };
        let mut heartbeats = self
            .client
            .subscribe("runtime.operator.heartbeat.*")
            .await
            .map_err(|error| lost(error.to_string()))?;
        let mut hosts: BTreeMap<String, Host> = BTreeMap::new();
        let end = tokio::time::Instant::now() + HEARTBEAT;
        while let Ok(Some(message)) = tokio::time::timeout_at(end, heartbeats.next()).await {
            match serde_json::from_slice::<Host>(&message.payload) {
                Ok(host) => _ = hosts.insert(host.id.clone(), host),
                Err(error) => tracing::warn!(error.cause = %error, "cannot read a heartbeat"),
            }
            if enough.is_some_and(|enough| hosts.len() >= enough) {
                break;
            }
        }
        Ok(hosts.into_values().collect())
    }

    pub async fn start(&self, host: &Host, request: &Value) -> Result<(), LatticeError> {
        match self.ask(host, "start", request).await? {
            (state, _) if state == "WORKLOAD_STATE_RUNNING" => Ok(()),
            (_, message) => Err(LatticeError::Refused {
                host: host.to_string(),
                cause: message,
            }),
        }
    }

    /// Whether that workload runs there.
    pub async fn is_running(&self, host: &Host, workload: &str) -> Result<bool, LatticeError> {
        let (state, _) = self
            .ask(host, "status", &json!({ "workloadId": workload }))
            .await?;
        Ok(state == "WORKLOAD_STATE_RUNNING")
    }

    /// Stops a workload; none of that name is no error.
    pub async fn stop(&self, host: &Host, workload: &str) -> Result<(), LatticeError> {
        self.ask(host, "stop", &json!({ "workloadId": workload }))
            .await
            .map(drop)
    }

    /// State and message.
    async fn ask(
        &self,
        host: &Host,
        what: &str,
        request: &Value,
    ) -> Result<(String, String), LatticeError> {
        let unanswered = |cause: String| LatticeError::Host {
            host: host.to_string(),
            cause,
        };
        let subject = format!("runtime.host.{}.workload.{what}", host.id);
        let answer = tokio::select! {
            answer = self.client.request(subject, request.to_string().into()) => answer.map_err(|error| unanswered(error.to_string()))?,
            () = self.gone(host) => return Err(unanswered("it stopped before it answered".into())),
        };
        let answer: Value = serde_json::from_slice(&answer.payload)
            .map_err(|error| unanswered(format!("its answer is no JSON: {error}")))?;
        let text = |name: &str| {
            answer["workloadStatus"][name]
                .as_str()
                .unwrap_or_default()
                .to_string()
        };
        if answer["workloadStatus"].is_null() {
            return Err(LatticeError::Refused {
                host: host.to_string(),
                cause: answer.to_string(),
            });
        }
        Ok((text("workloadState"), text("message")))
    }

    /// Completes when the host no longer listens to requests.
    async fn gone(&self, host: &Host) {
        let subject = format!("runtime.host.{}.workload.status", host.id);
        loop {
            tokio::time::sleep(LOOK).await;
            let nothing = json!({ "workloadId": "" }).to_string();
            if let Err(error) = self.client.request(subject.clone(), nothing.into()).await
                && error.kind() == async_nats::RequestErrorKind::NoResponders
            {
                return;
            }
        }
    }

    /// What was deployed under that name.
    pub async fn record(&self, name: &str) -> Result<Record, LatticeError> {
        let entry = self
            .bucket()
            .await?
            .get(name)
            .await
            .map_err(|error| LatticeError::Record(error.to_string()))?;
        let record = entry
            .map(|bytes| serde_json::from_slice(&bytes))
            .transpose()
            .map_err(|error| LatticeError::Record(error.to_string()))?;
        Ok(record.unwrap_or_default())
    }

    /// Records the deployment, before it starts.
    pub async fn write(&self, name: &str, record: &Record) -> Result<(), LatticeError> {
        let failed = |error: String| LatticeError::Record(error);
        let text = serde_json::to_vec(record).map_err(|error| failed(error.to_string()))?;
        self.bucket()
            .await?
            .put(name, text.into())
            .await
            .map(drop)
            .map_err(|error| failed(error.to_string()))
    }

    async fn bucket(&self) -> Result<jetstream::kv::Store, LatticeError> {
        let jetstream = jetstream::new(self.client.clone());
        let config = jetstream::kv::Config {
            bucket: BUCKET.into(),
            history: 5,
            ..Default::default()
        };
        jetstream
            .create_key_value(config)
            .await
            .map_err(|error| LatticeError::Record(error.to_string()))
    }
}

impl std::fmt::Display for Host {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.hostname, self.id)
    }
}

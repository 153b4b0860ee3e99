//! What a stand-in is started with, and why it may not start.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::books::now;
use crate::journal::JournalError;
use crate::objects::Endpoint;

/// How to start; `Options::default()` listens on a free port of the loopback address.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; port 0 for any free one.
    pub listen: SocketAddr,
    /// `sk_test_…`; the only secret key that is accepted.
    pub secret_key: String,
    /// `pk_test_…`; the only publishable key that is accepted.
    pub publishable_key: String,
    /// Who is told of events from the start. More can be added through `POST
    /// /v1/webhook_endpoints`.
    pub webhook_endpoints: Vec<WebhookEndpoint>,
    /// Where intents, charges, refunds, events and idempotency keys survive a restart; in memory
    /// only when missing.
    pub state_file: Option<PathBuf>,
    /// What links to the authentication page start with, when browsers reach this at another
    /// address than `listen`.
    pub public_url: Option<String>,
    /// Pauses between attempts to deliver an event; the last one repeats. 1, 2, 5, 10, 20, 30 s by
    /// default.
    pub retry_schedule: Vec<Duration>,
    /// How often an event is offered to an endpoint: 200 times by default, one hour and a half.
    pub max_attempts: u32,
    /// How long an endpoint may take to answer: 10 s by default.
    pub delivery_timeout: Duration,
    /// How many of the latest events are remembered: 100,000 by default.
    pub max_events: usize,
}

/// Who is told of events.
#[derive(Debug, Clone)]
pub struct WebhookEndpoint {
    /// `http://…`.
    pub url: String,
    /// `whsec_…`, with which deliveries are signed.
    pub secret: String,
    /// Kinds of events; `["*"]` for all. Naming only those that are handled saves the receiver
    /// most of the work.
    pub enabled_events: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            secret_key: "sk_test_simulator".to_owned(),
            publishable_key: "pk_test_simulator".to_owned(),
            webhook_endpoints: Vec::new(),
            state_file: None,
            public_url: None,
            retry_schedule: [1, 2, 5, 10, 20, 30].map(Duration::from_secs).to_vec(),
            max_attempts: 200,
            delivery_timeout: Duration::from_secs(10),
            max_events: 100_000,
        }
    }
}

/// Why it did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The caller's: a key that is not a test key. Real keys have no business in a stand-in's
    /// configuration.
    #[error("the {0} key must start with {1}")]
    Key(&'static str, &'static str),
    /// The caller's: deliveries go over plain HTTP.
    #[error("webhook endpoint {0}: the address must start with http://")]
    Endpoint(String),
    /// The machine's, or the caller's: the address is taken or not ours.
    #[error("cannot listen on {0}: {1}")]
    Listen(SocketAddr, std::io::Error),
    /// See [`JournalError`].
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The machine's.
    #[error("cannot make an HTTP client: {0}")]
    Client(#[from] reqwest::Error),
}

impl Options {
    pub(crate) fn check(&self) -> Result<(), StartError> {
        if !self.secret_key.starts_with("sk_test_") {
            return Err(StartError::Key("secret", "sk_test_"));
        }
        if !self.publishable_key.starts_with("pk_test_") {
            return Err(StartError::Key("publishable", "pk_test_"));
        }
        match self
            .webhook_endpoints
            .iter()
            .find(|endpoint| !endpoint.url.starts_with("http://"))
        {
            Some(endpoint) => Err(StartError::Endpoint(endpoint.url.clone())),
            None => Ok(()),
        }
    }

    /// The configured endpoints; an id is made from the address, so that what is owed to it
    /// survives a restart.
    pub(crate) fn endpoints(&self) -> impl Iterator<Item = Arc<Endpoint>> {
        self.webhook_endpoints.iter().map(|endpoint| {
            let digest = hex::encode(Sha256::digest(endpoint.url.as_bytes()));
            Arc::new(Endpoint {
                id: format!("we_1{}", &digest[..23]),
                created: now(),
                url: endpoint.url.clone(),
                secret: endpoint.secret.clone(),
                enabled_events: endpoint.enabled_events.clone(),
                description: None,
                metadata: Default::default(),
                disabled: false,
                configured: true,
            })
        })
    }
}

//! The client for outgoing requests, one per process. It does not follow redirects: the component
//! decides about them.

use std::collections::{BTreeMap, HashMap};
use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use eventhub_link::Link;
use http::{Request, Response, Uri};
use hyper::body::{Body, Incoming};
use hyper_util::client::legacy::{Client as Pool, Error as PoolError};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use parking_lot::Mutex;

use crate::Config;
use crate::allow::{Allowed, Authority, ParseError};
use crate::connect::{Connector, Private, tls};

/// The answer's head, and its body as it comes.
pub type Answer = Response<Incoming>;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The component's fault: it is not allowed to talk to this authority, or over plain HTTP.
    #[error("{component} may not talk to {authority}")]
    Denied {
        component: String,
        authority: String,
    },
    /// The name's fault: it resolves to an address of our own network.
    #[error("{0} has a private address")]
    Private(String),
    /// The other side's fault, or the network's.
    #[error("{0}")]
    Failed(String),
    /// The link refused the request: it is overloaded, or the other side keeps failing.
    #[error("{0}")]
    Unavailable(String),
    #[error("no answer within {} ms", .0.as_millis())]
    Timeout(Duration),
}

/// Cheap to clone; connections are kept and shared. `B` is the body of requests.
pub struct Client<B> {
    shared: Arc<Shared<B>>,
}

impl<B> Clone for Client<B> {
    fn clone(&self) -> Self {
        Self {
            shared: self.shared.clone(),
        }
    }
}

struct Shared<B> {
    config: Config,
    allow: HashMap<String, Vec<Authority>>,
    public: Pool<Connector, B>,
    private: Pool<Connector, B>,
    links: Mutex<HashMap<(String, String), Arc<Link>>>,
}

impl<B> Client<B>
where
    B: Body + Send + Unpin + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// `allow` holds the authorities of each component: `api.stripe.com`, `*.example.com`,
    /// `localhost:4242`; an authority after `private ` may have a private address.
    ///
    /// # Errors
    /// An entry of the allow-list that cannot be read.
    pub fn new(config: Config, allow: &BTreeMap<String, Vec<String>>) -> Result<Self, ParseError> {
        let parse = |entries: &Vec<String>| {
            entries
                .iter()
                .map(|entry| Authority::parse(entry))
                .collect::<Result<Vec<_>, _>>()
        };
        let allow = allow
            .iter()
            .map(|(component, entries)| Ok((component.clone(), parse(entries)?)))
            .collect::<Result<_, ParseError>>()?;
        let (tls, timeout) = (tls(), Duration::from_millis(config.connect_timeout_ms));
        let pool = |private| {
            Pool::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(Duration::from_secs(30))
                .build(Connector {
                    private,
                    timeout,
                    tls: tls.clone(),
                })
        };
        let (public, private) = (pool(false), pool(true));
        Ok(Self {
            shared: Arc::new(Shared {
                config,
                allow,
                public,
                private,
                links: Mutex::default(),
            }),
        })
    }

    /// Sends a request with an absolute URI for a component.
    ///
    /// # Errors
    /// See [`Refusal`]. Whether a request that timed out had an effect is unknown.
    pub async fn send(
        &self,
        component: &str,
        request: Request<B>,
        first_byte: Option<Duration>,
    ) -> Result<Answer, Refusal> {
        let shared = &self.shared;
        let authority = request
            .uri()
            .authority()
            .map(ToString::to_string)
            .unwrap_or_default();
        let Some(allowed) = shared.allowed(component, request.uri()) else {
            return Err(Refusal::Denied {
                component: component.to_owned(),
                authority,
            });
        };
        let limit = Duration::from_millis(shared.config.first_byte_timeout_ms);
        let limit = first_byte.map_or(limit, |asked| asked.min(limit));
        let pool = if allowed.private {
            &shared.private
        } else {
            &shared.public
        };
        let sent = async {
            match tokio::time::timeout(limit, pool.request(request)).await {
                Ok(answer) => answer.map_err(|error| refusal(&error, &authority)),
                Err(_) => Err(Refusal::Timeout(limit)),
            }
        };
        // A failure of the other side counts against it; our own refusal to talk to it does not.
        let failed = |result: &Result<Answer, Refusal>| match result {
            Ok(answer) => answer.status().is_server_error(),
            Err(refusal) => !matches!(refusal, Refusal::Private(_)),
        };
        match shared.link(component, &authority).call(failed, sent).await {
            Ok(result) => result,
            Err(error) => Err(Refusal::Unavailable(error.to_string())),
        }
    }
}

impl<B> Shared<B> {
    fn allowed(&self, component: &str, uri: &Uri) -> Option<Allowed> {
        self.allow
            .get(component)?
            .iter()
            .find_map(|entry| entry.allows(uri))
    }

    fn link(&self, component: &str, authority: &str) -> Arc<Link> {
        let mut links = self.links.lock();
        // The map stays small: only allowed authorities get here.
        let key = (component.to_owned(), authority.to_owned());
        links
            .entry(key)
            .or_insert_with(|| Link::new(component, authority, self.config.link.clone()))
            .clone()
    }
}

fn refusal(error: &PoolError, authority: &str) -> Refusal {
    let (mut cause, mut detail) = (error.source(), None);
    while let Some(source) = cause {
        detail = Some(source.to_string());
        let private = source
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref)
            .is_some_and(|inner| inner.is::<Private>());
        if private || source.is::<Private>() {
            return Refusal::Private(authority.to_owned());
        }
        cause = source.source();
    }
    Refusal::Failed(detail.map_or_else(|| error.to_string(), |detail| format!("{error}: {detail}")))
}

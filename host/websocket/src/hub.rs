//! All sockets and topics of the process.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::addresses::{Addresses, Share};
use crate::meters::Meters;
use crate::topic::{Membership, Topic, TopicReader};
use crate::{Config, Subscription, Upgrade, socket};

/// All sockets and topics of the process. Cheap to clone.
#[derive(Clone)]
pub struct Hub {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub config: Config,
    pub meters: Meters,
    pub shutdown: CancellationToken,
    topics: Mutex<HashMap<String, Arc<Topic>>>,
    sockets: Arc<Semaphore>,
    addresses: Arc<Addresses>,
    tasks: TaskTracker,
}

impl Hub {
    /// A hub without sockets and topics. Install the metrics recorder first: the hub keeps the
    /// recorder it finds.
    pub fn new(config: Config) -> Self {
        let sockets = Arc::new(Semaphore::new(
            config.max_sockets.min(Semaphore::MAX_PERMITS),
        ));
        let addresses = Addresses::new(config.max_sockets_per_address);
        let shared = Shared {
            config,
            meters: Meters::new(),
            shutdown: CancellationToken::new(),
            topics: Mutex::default(),
            sockets,
            addresses,
            tasks: TaskTracker::new(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Says that a topic has new frames. Never waits, and ignores a topic without listeners.
    pub fn notify(&self, topic: &str) {
        if let Some(topic) = self.shared.topics.lock().get(topic) {
            topic.notify();
        }
    }

    /// A permit for one more socket of this client. Ask for it before the request is upgraded.
    ///
    /// # Errors
    /// Why the client gets none.
    pub fn admit(&self, client: IpAddr) -> Result<Permit, AdmitError> {
        let Shared {
            addresses,
            sockets,
            shutdown,
            meters,
            ..
        } = &*self.shared;
        // The address first: a client with too many sockets learns that, even when all are in use.
        let Some(share) = addresses.take(client) else {
            meters.address_full.increment(1);
            return Err(AdmitError::AddressFull);
        };
        let Some(socket) = sockets
            .clone()
            .try_acquire_owned()
            .ok()
            .filter(|_| !shutdown.is_cancelled())
        else {
            meters.full.increment(1);
            return Err(AdmitError::Full);
        };
        Ok(Permit {
            shared: self.shared.clone(),
            shares: (socket, share),
        })
    }

    /// How many sockets are open.
    pub fn open(&self) -> usize {
        self.shared.config.max_sockets.min(Semaphore::MAX_PERMITS)
            - self.shared.sockets.available_permits()
    }

    /// Closes every socket with 1001 and waits until they are gone, at most `timeout`.
    pub async fn shutdown(&self, timeout: Duration) {
        self.shared.shutdown.cancel();
        self.shared.tasks.close();
        let _ = tokio::time::timeout(timeout, self.shared.tasks.wait()).await;
    }
}

/// Why a client may not open one more socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AdmitError {
    /// Nobody's fault. Answer with 503.
    #[error("all sockets are in use, or the hub is shutting down")]
    Full,
    /// The client's fault. Answer with 429.
    #[error("the address has as many sockets as one may have")]
    AddressFull,
}

/// The right to open one socket. Dropping it gives it back.
pub struct Permit {
    shared: Arc<Shared>,
    /// One of all sockets, and one of the address's.
    shares: (OwnedSemaphorePermit, Share),
}

impl Permit {
    /// Sends the subscription's frames and then those of its topic, until either side closes.
    /// Returns at once: a task of its own serves the socket.
    pub fn serve(self, upgrade: Upgrade, subscription: Subscription, reader: Arc<dyn TopicReader>) {
        let Self { shared, shares } = self;
        let tasks = shared.tasks.clone();
        tasks.spawn(async move {
            let Ok(socket) = upgrade.accept(&shared.config).await else {
                return;
            };
            shared.meters.sockets.increment(1.0);
            socket::serve_socket(&shared, socket, subscription, reader).await;
            shared.meters.sockets.decrement(1.0);
            drop(shares);
        });
    }

    /// Opens the socket only to close it with this code and reason, since browsers show no HTTP
    /// status of a failed upgrade.
    pub fn refuse(self, upgrade: Upgrade, code: u16, reason: String) {
        let Self { shared, shares } = self;
        let tasks = shared.tasks.clone();
        tasks.spawn(async move {
            if let Ok(socket) = upgrade.accept(&shared.config).await {
                socket::close(socket, code, &reason, shared.config.close()).await;
            }
            drop(shares);
        });
    }
}

impl Shared {
    /// Joins the topic. The first listener starts it.
    pub async fn join(
        self: &Arc<Self>,
        name: &str,
        seq: u64,
        reader: Arc<dyn TopicReader>,
    ) -> Membership {
        let read_timeout = Duration::from_millis(self.config.read_timeout_ms);
        loop {
            let topic = self.topic(name, seq, &reader);
            if let Some(membership) = topic.join(seq, read_timeout).await {
                return membership;
            }
        }
    }

    fn topic(self: &Arc<Self>, name: &str, seq: u64, reader: &Arc<dyn TopicReader>) -> Arc<Topic> {
        let mut topics = self.topics.lock();
        if let Some(topic) = topics.get(name) {
            return topic.clone();
        }
        let topic = Topic::new(name, seq, reader.clone(), self.config.recent_frames);
        topics.insert(name.to_owned(), topic.clone());
        self.meters.topics.set(topics.len() as f64);
        tokio::spawn(topic.clone().run(Arc::downgrade(self)));
        topic
    }

    /// Ends the topic when nobody listens to it. True when it has ended.
    pub fn end_topic_if_unused(&self, name: &str, topic: &Arc<Topic>) -> bool {
        let mut topics = self.topics.lock();
        if !topic.end_if_unused() {
            return false;
        }
        if topics
            .get(name)
            .is_some_and(|current| Arc::ptr_eq(current, topic))
        {
            topics.remove(name);
        }
        self.meters.topics.set(topics.len() as f64);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_by_the_full_hub_uses_no_share_of_the_address() {
        let hub = Hub::new(Config {
            max_sockets: 1,
            max_sockets_per_address: 1,
            ..Config::default()
        });
        let [one, other] = [IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2])];
        let permit = hub.admit(one).ok();
        assert!(permit.is_some());
        assert_eq!(
            [hub.admit(one).err(), hub.admit(other).err()],
            [Some(AdmitError::AddressFull), Some(AdmitError::Full)]
        );
        drop(permit);
        assert!(hub.admit(other).is_ok());
        assert_eq!(hub.open(), 0);
    }
}

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
    places: Arc<Semaphore>,
    addresses: Arc<Addresses>,
    tasks: TaskTracker,
}

impl Hub {
    /// Without sockets and topics. Its metrics go to the recorder that is installed by now.
    pub fn new(config: Config) -> Self {
        let places = Arc::new(Semaphore::new(
            config.max_sockets.min(Semaphore::MAX_PERMITS),
        ));
        let addresses = Addresses::new(config.max_sockets_per_address);
        let shared = Shared {
            config,
            meters: Meters::new(),
            shutdown: CancellationToken::new(),
            topics: Mutex::default(),
            places,
            addresses,
            tasks: TaskTracker::new(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// A topic has something new. Never waits; does nothing for a topic without listeners.
    pub fn notify(&self, topic: &str) {
        if let Some(topic) = self.shared.topics.lock().get(topic) {
            topic.notify();
        }
    }

    /// A place for one more socket of this client, to be had before the request is upgraded.
    ///
    /// # Errors
    /// Why there is none.
    pub fn admit(&self, client: IpAddr) -> Result<Seat, NoPlace> {
        let Shared {
            addresses,
            places,
            shutdown,
            meters,
            ..
        } = &*self.shared;
        // First its own: who has too many is told so, even where there is no place at all.
        let Some(share) = addresses.take(client) else {
            meters.address_full.increment(1);
            return Err(NoPlace::AddressFull);
        };
        let Some(place) = places
            .clone()
            .try_acquire_owned()
            .ok()
            .filter(|_| !shutdown.is_cancelled())
        else {
            meters.full.increment(1);
            return Err(NoPlace::Full);
        };
        Ok(Seat {
            shared: self.shared.clone(),
            place: (place, share),
        })
    }

    /// How many sockets are open.
    pub fn open(&self) -> usize {
        self.shared.config.max_sockets.min(Semaphore::MAX_PERMITS)
            - self.shared.places.available_permits()
    }

    /// Closes every socket with 1001 and waits until they are gone, at most `timeout`.
    pub async fn shutdown(&self, timeout: Duration) {
        self.shared.shutdown.cancel();
        self.shared.tasks.close();
        let _ = tokio::time::timeout(timeout, self.shared.tasks.wait()).await;
    }
}

/// Why there is no place for one more socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoPlace {
    /// Nobody's fault. To be answered with 503.
    #[error("all sockets are in use, or the hub is shutting down")]
    Full,
    /// The client's fault. To be answered with 429.
    #[error("the address has as many sockets as one may have")]
    AddressFull,
}

/// A place for a socket. Dropping it gives it back.
pub struct Seat {
    shared: Arc<Shared>,
    /// One of all, and one of the address's.
    place: (OwnedSemaphorePermit, Share),
}

impl Seat {
    /// Sends the subscription's frames and then those of its topic, until either side closes.
    /// Returns at once; the socket lives on in a task of its own.
    pub fn serve(self, upgrade: Upgrade, subscription: Subscription, reader: Arc<dyn TopicReader>) {
        let Self { shared, place } = self;
        let tasks = shared.tasks.clone();
        tasks.spawn(async move {
            let Ok(socket) = upgrade.accept(&shared.config).await else {
                return;
            };
            shared.meters.sockets.increment(1.0);
            socket::follow(&shared, socket, subscription, reader).await;
            shared.meters.sockets.decrement(1.0);
            drop(place);
        });
    }

    /// Opens the socket only to close it with this code and reason, since browsers show no HTTP
    /// status of a failed upgrade.
    pub fn refuse(self, upgrade: Upgrade, code: u16, reason: String) {
        let Self { shared, place } = self;
        let tasks = shared.tasks.clone();
        tasks.spawn(async move {
            if let Ok(socket) = upgrade.accept(&shared.config).await {
                socket::close(socket, code, &reason, shared.config.close()).await;
            }
            drop(place);
        });
    }
}

impl Shared {
    /// Joins the topic, which begins when nobody listened to it yet.
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

    /// Ends the topic when nobody listens to it; true when it has ended.
    pub fn leave_if_alone(&self, name: &str, topic: &Arc<Topic>) -> bool {
        let mut topics = self.topics.lock();
        if !topic.end_if_alone() {
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
    fn who_is_refused_since_all_is_full_has_used_up_nothing_of_its_own() {
        let hub = Hub::new(Config {
            max_sockets: 1,
            max_sockets_per_address: 1,
            ..Config::default()
        });
        let [one, other] = [IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2])];
        let seat = hub.admit(one).ok();
        assert!(seat.is_some());
        assert_eq!(
            [hub.admit(one).err(), hub.admit(other).err()],
            [Some(NoPlace::AddressFull), Some(NoPlace::Full)]
        );
        drop(seat);
        assert!(hub.admit(other).is_ok());
        assert_eq!(hub.open(), 0);
    }
}

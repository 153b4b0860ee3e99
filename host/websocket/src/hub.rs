//! All sockets and topics of the process.

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Config, Subscription, Upgrade,
    meters::Meters,
    socket,
    topic::{Membership, Topic, TopicReader},
};

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
    tasks: TaskTracker,
}

impl Hub {
    /// Without sockets and topics. Its metrics go to the recorder that is installed by now.
    pub fn new(config: Config) -> Self {
        let places = Arc::new(Semaphore::new(config.max_sockets.min(Semaphore::MAX_PERMITS)));
        let shared = Shared { config, meters: Meters::new(), shutdown: CancellationToken::new(), topics: Mutex::default(), places, tasks: TaskTracker::new() };
        Self { shared: Arc::new(shared) }
    }

    /// A topic has something new. Never waits; does nothing for a topic without listeners.
    pub fn notify(&self, topic: &str) {
        if let Some(topic) = self.shared.topics.lock().get(topic) {
            topic.notify();
        }
    }

    /// A place for one more socket, to be had before the request is upgraded. `None` when all are taken, or when the hub is
    /// shutting down: to be answered with 503.
    pub fn admit(&self) -> Option<Seat> {
        let place = self.shared.places.clone().try_acquire_owned().ok().filter(|_| !self.shared.shutdown.is_cancelled());
        if place.is_none() {
            self.shared.meters.refused.increment(1);
        }
        Some(Seat { shared: self.shared.clone(), place: place? })
    }

    /// How many sockets are open.
    pub fn open(&self) -> usize {
        self.shared.config.max_sockets.min(Semaphore::MAX_PERMITS) - self.shared.places.available_permits()
    }

    /// Closes every socket with 1001 and waits until they are gone, at most `timeout`.
    pub async fn shutdown(&self, timeout: Duration) {
        self.shared.shutdown.cancel();
        self.shared.tasks.close();
        let _ = tokio::time::timeout(timeout, self.shared.tasks.wait()).await;
    }
}

/// A place for a socket. Dropping it gives it back.
pub struct Seat {
    shared: Arc<Shared>,
    place: OwnedSemaphorePermit,
}

impl Seat {
    /// Sends the subscription's frames and then those of its topic, until either side closes. Returns at once; the socket lives on
    /// in a task of its own.
    pub fn serve(self, upgrade: Upgrade, subscription: Subscription, reader: Arc<dyn TopicReader>) {
        let Self { shared, place } = self;
        let tasks = shared.tasks.clone();
        tasks.spawn(async move {
            let Ok(socket) = upgrade.accept(&shared.config).await else { return };
            shared.meters.sockets.increment(1.0);
            socket::follow(&shared, socket, subscription, reader).await;
            shared.meters.sockets.decrement(1.0);
            drop(place);
        });
    }

    /// Opens the socket only to close it with this code and reason, since browsers show no HTTP status of a failed upgrade.
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
    pub async fn join(self: &Arc<Self>, name: &str, seq: u64, reader: Arc<dyn TopicReader>) -> Membership {
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
        if topics.get(name).is_some_and(|current| Arc::ptr_eq(current, topic)) {
            topics.remove(name);
        }
        self.meters.topics.set(topics.len() as f64);
        true
    }
}

//! One topic with listeners: the task that reads it, and the sockets that join and leave.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use crate::Page;
use crate::hub::Shared;
use crate::log::{Batch, Log, News};

/// Reads the frames of a topic, as the service keeps them.
pub trait TopicReader: Send + Sync + 'static {
    /// Reads the frames after `seq`, in order; the page is empty when there are none. The error is
    /// for the log: the sockets stay open, and the topic is read again.
    fn read<'a>(&'a self, topic: &'a str, seq: u64) -> BoxFuture<'a, Result<Page, String>>;
}

/// A topic with listeners.
pub(crate) struct Topic {
    name: String,
    reader: Arc<dyn TopicReader>,
    wake: Notify,
    state: Mutex<State>,
}

struct State {
    log: Log,
    listeners: HashMap<u64, Listener>,
    next_id: u64,
    /// The task has ended. A socket that joins now needs a new topic.
    ended: bool,
}

/// The topic's side of a socket.
struct Listener {
    /// The number of the last frame queued for the socket.
    last: u64,
    queue: mpsc::UnboundedSender<Arc<Batch>>,
    pending: Arc<AtomicUsize>,
    slow: CancellationToken,
}

/// The socket's side of a topic. Dropping it leaves the topic.
pub(crate) struct Membership {
    pub queue: mpsc::UnboundedReceiver<Arc<Batch>>,
    /// Frames queued and not yet sent; the socket counts down.
    pub pending: Arc<AtomicUsize>,
    /// Cancelled when the socket is too slow and has to close.
    pub slow: CancellationToken,
    topic: Arc<Topic>,
    id: u64,
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.topic.state.lock().listeners.remove(&self.id);
    }
}

/// How often a joining socket reads the topic for itself, when the frames it lacks are no longer
/// kept.
const CATCH_UP: usize = 5;

impl Topic {
    pub fn new(
        name: &str,
        seq: u64,
        reader: Arc<dyn TopicReader>,
        recent_frames: usize,
    ) -> Arc<Self> {
        let state = State {
            log: Log::new(seq, recent_frames),
            listeners: HashMap::new(),
            next_id: 0,
            ended: false,
        };
        Arc::new(Self {
            name: name.to_owned(),
            reader,
            wake: Notify::new(),
            state: Mutex::new(state),
        })
    }

    pub fn notify(&self) {
        self.wake.notify_one();
    }

    /// Joins a socket that has, or is about to get, all frames up to `seq`. Its queue continues
    /// right after `seq`. `None` when the topic has ended.
    pub async fn join(
        self: &Arc<Self>,
        mut seq: u64,
        read_timeout: Duration,
    ) -> Option<Membership> {
        let mut caught_up = Vec::new();
        for attempt in 0..=CATCH_UP {
            if let Some(outcome) = self.try_join(seq, &mut caught_up, attempt == CATCH_UP) {
                return outcome;
            }
            match timeout(read_timeout, self.reader.read(&self.name, seq)).await {
                Ok(Ok(page)) => {
                    let batch = Batch::from(page);
                    if let Some(last) = batch.last() {
                        seq = last;
                        caught_up.push(Arc::new(batch));
                    }
                }
                Ok(Err(error)) => {
                    tracing::warn!(topic = self.name, "a topic could not be read: {error}")
                }
                Err(_) => tracing::warn!(topic = self.name, "a topic was not read in time"),
            }
        }
        None
    }

    /// `None` when the frames after `seq` are no longer kept. With `anyway`, the socket joins
    /// without them: the service's numbers seem to have restarted, and the next read brings a
    /// snapshot.
    fn try_join(
        self: &Arc<Self>,
        seq: u64,
        caught_up: &mut Vec<Arc<Batch>>,
        anyway: bool,
    ) -> Option<Option<Membership>> {
        let mut state = self.state.lock();
        if state.ended {
            return Some(None);
        }
        let missing = match state.log.after(seq) {
            Some(missing) => missing,
            None if anyway => Batch {
                frames: Vec::new(),
                reset: false,
            },
            None => return None,
        };
        let (sender, queue) = mpsc::unbounded_channel();
        let pending = Arc::new(AtomicUsize::new(0));
        let last = missing.last().unwrap_or(seq);
        for batch in caught_up
            .drain(..)
            .chain((!missing.frames.is_empty()).then(|| Arc::new(missing)))
        {
            pending.fetch_add(batch.frames.len(), Ordering::Relaxed);
            // It cannot fail: the receiver still exists.
            let _ = sender.send(batch);
        }
        let (id, slow) = (state.next_id, CancellationToken::new());
        state.next_id += 1;
        let listener = Listener {
            last,
            queue: sender,
            pending: pending.clone(),
            slow: slow.clone(),
        };
        state.listeners.insert(id, listener);
        if last != state.log.cursor() {
            self.wake.notify_one();
        }
        drop(state);
        Some(Some(Membership {
            queue,
            pending,
            slow,
            topic: self.clone(),
            id,
        }))
    }

    /// Reads the topic until nobody listens any more.
    pub async fn run(self: Arc<Self>, hub: Weak<Shared>) {
        let Some(config) = hub.upgrade().map(|hub| hub.config.clone()) else {
            return;
        };
        let (pause, poll) = (
            Duration::from_millis(config.read_interval_ms),
            Duration::from_millis(config.poll_interval_ms.max(1)),
        );
        let read_timeout = Duration::from_millis(config.read_timeout_ms);
        let mut read_at = Instant::now();
        let mut failing = false;
        loop {
            tokio::select! {
                () = self.wake.notified() => sleep_until(read_at + pause).await,
                () = sleep_until(read_at + poll) => {}
            }
            let Some(shared) = hub.upgrade() else { return };
            if shared.end_topic_if_unused(&self.name, &self) {
                return;
            }
            drop(shared);
            read_at = Instant::now();
            let cursor = self.state.lock().log.cursor();
            let read = match timeout(read_timeout, self.reader.read(&self.name, cursor)).await {
                Ok(read) => read,
                Err(_) => Err(format!("not read within {} ms", read_timeout.as_millis())),
            };
            let Some(shared) = hub.upgrade() else { return };
            match read {
                Ok(page) => {
                    failing = false;
                    shared.meters.reads.increment(1);
                    self.distribute(page, config.max_pending_frames, &shared);
                }
                Err(error) => {
                    shared.meters.failed_reads.increment(1);
                    if !std::mem::replace(&mut failing, true) {
                        tracing::warn!(
                            topic = self.name,
                            "a topic cannot be read; its sockets wait: {error}"
                        );
                    }
                }
            }
        }
    }

    /// Queues the new frames for every listener, and drops the listeners that have not sent their
    /// earlier frames.
    fn distribute(&self, page: Page, max_pending: usize, shared: &Shared) {
        let mut state = self.state.lock();
        let state = &mut *state;
        let batch = match state.log.take(page) {
            News::Nothing => return,
            News::Frames(batch) => batch,
            News::Gap => {
                tracing::error!(
                    topic = self.name,
                    after = state.log.cursor(),
                    "frames are missing; the sockets have to reconnect"
                );
                state
                    .listeners
                    .drain()
                    .for_each(|(_, listener)| listener.slow.cancel());
                state.log = Log::new(state.log.cursor(), 0);
                return;
            }
        };
        state.listeners.retain(|_, listener| {
            let stays = listener.offer(&batch, max_pending);
            if !stays {
                shared.meters.slow.increment(1);
                listener.slow.cancel();
            }
            stays
        });
    }

    /// Ends the topic when nobody listens. True when it has ended.
    pub fn end_if_unused(&self) -> bool {
        let mut state = self.state.lock();
        state.ended = state.listeners.is_empty();
        state.ended
    }
}

impl Listener {
    fn offer(&mut self, batch: &Arc<Batch>, max_pending: usize) -> bool {
        let Some(batch) = batch.after(self.last) else {
            return true;
        };
        let follows = batch.reset
            || batch
                .frames
                .first()
                .is_none_or(|(first, _)| *first == self.last + 1);
        let waiting = self.pending.load(Ordering::Relaxed);
        // A listener that has sent everything accepts a page of any length.
        if !follows || (waiting > 0 && waiting + batch.frames.len() > max_pending) {
            return false;
        }
        self.last = batch.last().unwrap_or(self.last);
        self.pending
            .fetch_add(batch.frames.len(), Ordering::Relaxed);
        // A socket that has just closed removes itself.
        let _ = self.queue.send(batch);
        true
    }
}

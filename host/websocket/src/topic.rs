//! One topic with listeners: the task that reads it, and the hand-over to sockets that join and
//! leave.

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
    /// The frames after `seq`, in order; none when there are none. The error is for the log: the
    /// sockets stay, and the topic is read again.
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
    /// The task has gone; who comes now needs a new topic.
    ended: bool,
}

/// The topic's side of a socket.
struct Listener {
    /// The last frame that was queued for it.
    last: u64,
    queue: mpsc::UnboundedSender<Arc<Batch>>,
    pending: Arc<AtomicUsize>,
    slow: CancellationToken,
}

/// The socket's side of a topic. Dropping it leaves the topic.
pub(crate) struct Membership {
    pub queue: mpsc::UnboundedReceiver<Arc<Batch>>,
    /// Frames queued and not sent yet; the socket counts down.
    pub pending: Arc<AtomicUsize>,
    /// Cancelled when the socket has fallen behind and is given up.
    pub slow: CancellationToken,
    topic: Arc<Topic>,
    id: u64,
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.topic.state.lock().listeners.remove(&self.id);
    }
}

/// How often a socket that joins reads for itself what the topic's task has read and does not keep
/// any more.
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

    /// Joins a socket that has, or is about to be sent, everything up to `seq`: the queue goes on
    /// right after that. `None` when the topic has ended.
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
                    tracing::warn!(topic = self.name, "the topic cannot be read: {error}")
                }
                Err(_) => tracing::warn!(topic = self.name, "the topic was not read in time"),
            }
        }
        None
    }

    /// `None` when frames between `seq` and the topic's are not at hand. As a last resort
    /// (`anyway`: the service's numbers seem to have started anew, so that the next read will
    /// bring a snapshot) it joins without them.
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
            // The receiver is right here.
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

    /// Reads until nobody listens any more.
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
            if shared.leave_if_alone(&self.name, &self) {
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
                    self.spread(page, config.max_pending_frames, &shared);
                }
                Err(error) => {
                    shared.meters.failed_reads.increment(1);
                    if !std::mem::replace(&mut failing, true) {
                        tracing::warn!(
                            topic = self.name,
                            "the topic cannot be read, its sockets wait: {error}"
                        );
                    }
                }
            }
        }
    }

    /// Queues what is new for every listener; gives up those who have not taken what they were sent
    /// before.
    fn spread(&self, page: Page, max_pending: usize, shared: &Shared) {
        let mut state = self.state.lock();
        let state = &mut *state;
        let batch = match state.log.take(page) {
            News::Nothing => return,
            News::Frames(batch) => batch,
            News::Gap => {
                tracing::error!(
                    topic = self.name,
                    after = state.log.cursor(),
                    "frames are missing; the sockets have to begin anew"
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

    /// Ends the topic when nobody listens.
    pub fn end_if_alone(&self) -> bool {
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
        // Whoever has taken all may be sent a page of any length.
        if !follows || (waiting > 0 && waiting + batch.frames.len() > max_pending) {
            return false;
        }
        self.last = batch.last().unwrap_or(self.last);
        self.pending
            .fetch_add(batch.frames.len(), Ordering::Relaxed);
        // A socket that has just gone removes itself.
        let _ = self.queue.send(batch);
        true
    }
}

//! One link: it lets one caller call one callee, within limits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

use crate::breaker::{Breaker, Change, Pass};
use crate::meters::Meters;
use crate::{LinkConfig, LinkError};

/// A link between two named ends, shared by all calls between them.
///
/// Install the metrics recorder before you make a link: a link keeps the recorder it finds.
pub struct Link {
    from: Arc<str>,
    to: Arc<str>,
    timeout: Duration,
    max_queued: usize,
    queued: AtomicUsize,
    permits: Semaphore,
    breaker: Mutex<Breaker>,
    meters: Meters,
}

impl Link {
    /// A link with its breaker closed and all of its permits free.
    pub fn new(from: &str, to: &str, config: LinkConfig) -> Arc<Self> {
        Arc::new(Self {
            from: from.into(),
            to: to.into(),
            timeout: config.timeout(),
            max_queued: config.max_queued,
            queued: AtomicUsize::new(0),
            permits: Semaphore::new(config.max_concurrent.clamp(1, Semaphore::MAX_PERMITS)),
            breaker: Mutex::new(Breaker::new(config.breaker)),
            meters: Meters::new(from, to),
        })
    }

    /// The caller's name.
    pub fn from(&self) -> &str {
        &self.from
    }

    /// The callee's name.
    pub fn to(&self) -> &str {
        &self.to
    }

    /// The longest a call may take.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Makes one call. `failed` says whether a result counts as a failure of the callee: a lost
    /// connection does, a refusal by a business rule does not. When the call takes longer than the
    /// link's timeout, `fut` is dropped.
    ///
    /// # Errors
    /// [`LinkError`] when the callee was not called or did not answer in time. The inner result is
    /// the callee's answer.
    pub async fn call<T, E>(
        &self,
        failed: impl Fn(&Result<T, E>) -> bool,
        fut: impl Future<Output = Result<T, E>>,
    ) -> Result<Result<T, E>, LinkError> {
        let started = Instant::now();
        let mut admitted = self.admit(started)?;
        let deadline = started + self.timeout;
        let (_permit, queued) = match self.acquire_permit(deadline).await {
            Ok(acquired) => acquired,
            Err(overloaded) => {
                admitted.counted = true;
                return Err(overloaded);
            }
        };

        self.meters.in_flight.increment(1.0);
        let _in_flight = OnDrop(|| self.meters.in_flight.decrement(1.0));
        let asked = if queued { Instant::now() } else { started };
        let result = timeout_at(deadline, fut).await;

        let now = Instant::now();
        self.meters.seconds.record((now - started).as_secs_f64());
        let Ok(result) = result else {
            // A call that queued for most of its time says nothing about the callee.
            if (now - asked) * 2 >= self.timeout {
                admitted.record(true, now);
            } else {
                admitted.counted = true;
            }
            self.meters.timeout.increment(1);
            return Err(LinkError::Timeout {
                from: self.from.clone(),
                to: self.to.clone(),
                after: self.timeout,
            });
        };
        let failed = failed(&result);
        admitted.record(failed, now);
        if failed {
            self.meters.failed.increment(1)
        } else {
            self.meters.ok.increment(1)
        }
        Ok(result)
    }

    fn admit(&self, now: Instant) -> Result<Admitted<'_>, LinkError> {
        match self.breaker.lock().admit(now) {
            Ok(pass) => Ok(Admitted {
                link: self,
                pass: Some(pass),
                counted: false,
            }),
            Err(retry_after) => {
                self.meters.refused.increment(1);
                Err(LinkError::Open {
                    from: self.from.clone(),
                    to: self.to.clone(),
                    retry_after,
                })
            }
        }
    }

    /// A permit of the bulkhead, and whether the call queued for it.
    async fn acquire_permit(
        &self,
        deadline: Instant,
    ) -> Result<(SemaphorePermit<'_>, bool), LinkError> {
        if let Ok(permit) = self.permits.try_acquire() {
            return Ok((permit, false));
        }
        let overloaded = || {
            self.meters.overloaded.increment(1);
            LinkError::Overloaded {
                from: self.from.clone(),
                to: self.to.clone(),
            }
        };
        let ahead = self.queued.fetch_add(1, Ordering::Relaxed);
        self.meters.queued.increment(1.0);
        let _queued = OnDrop(|| {
            self.queued.fetch_sub(1, Ordering::Relaxed);
            self.meters.queued.decrement(1.0);
        });
        if ahead >= self.max_queued {
            return Err(overloaded());
        }
        // A timeout in the queue says nothing about the callee: it was not called.
        match timeout_at(deadline, self.permits.acquire()).await {
            Ok(Ok(permit)) => Ok((permit, true)),
            Ok(Err(_)) | Err(_) => Err(overloaded()),
        }
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Link({} → {})", self.from, self.to)
    }
}

/// A call that the breaker admitted. The breaker learns how it ended, even when its future is
/// dropped.
struct Admitted<'a> {
    link: &'a Link,
    pass: Option<Pass>,
    /// Another counter has counted it already, so it does not count as cancelled.
    counted: bool,
}

impl Admitted<'_> {
    fn record(&mut self, failed: bool, now: Instant) {
        let Some(pass) = self.pass.take() else { return };
        match self.link.breaker.lock().record(pass, failed, now) {
            Change::None => {}
            Change::Opened => {
                self.link.meters.open.set(1.0);
                tracing::warn!(
                    link.from = self.link.from(),
                    link.to = self.link.to(),
                    "link opened: the callee keeps failing"
                );
            }
            Change::Closed => {
                self.link.meters.open.set(0.0);
                tracing::info!(
                    link.from = self.link.from(),
                    link.to = self.link.to(),
                    "link closed: the callee answers again"
                );
            }
        }
    }
}

impl Drop for Admitted<'_> {
    fn drop(&mut self) {
        if let Some(pass) = self.pass.take() {
            self.link.breaker.lock().forget(pass);
            if !self.counted {
                self.link.meters.cancelled.increment(1);
            }
        }
    }
}

struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

//! The permits of a pool: how many calls it serves at once.
//!
//! A pool starts with few permits. It adds one when a call has waited for a while: calls that wait
//! for I/O must not block calls that could compute. It adds none while its instances keep all
//! processors busy: more instances would then only be slower, because each has to warm up and
//! caches what the others have cached already. (The first requests for a large hall each read its
//! layout; sixty of them at a time would all be late.) In quiet times the pool shrinks again.

use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep_until};

use crate::computing::Computing;

/// The shortest time between two additions: a burst of waiting calls is one reason to grow, not
/// many.
const STEP: Duration = Duration::from_millis(5);
/// An added permit is removed when no permit was added for this long.
const QUIET: Duration = Duration::from_secs(30);

pub(super) struct Permits {
    free: Semaphore,
    eager: u32,
    /// Permits added to the `eager` ones.
    grown: AtomicU32,
    most_grown: u32,
    grow_after: Duration,
    last_grown: Mutex<Instant>,
    pub computing: Computing,
}

impl Permits {
    /// `eager` permits at first and at most `most`; one more when a call has waited for
    /// `grow_after`.
    pub fn new(eager: u32, most: u32, grow_after: Duration) -> Self {
        let most = most.max(1);
        let eager = eager.clamp(1, most);
        Self {
            free: Semaphore::new(eager as usize),
            eager,
            grown: AtomicU32::new(0),
            most_grown: most - eager,
            grow_after,
            last_grown: Mutex::new(Instant::now()),
            computing: Computing::default(),
        }
    }

    /// A permit that is free now.
    pub fn try_acquire(&self) -> Option<SemaphorePermit<'_>> {
        self.free.try_acquire().ok()
    }

    /// Waits in turn for a permit. None when the deadline passes first.
    pub async fn acquire(&self, deadline: Instant) -> Option<SemaphorePermit<'_>> {
        let mut turn = pin!(self.free.acquire());
        let mut patience = Instant::now() + self.grow_after;
        loop {
            tokio::select! {
                biased;
                permit = &mut turn => return permit.ok(),
                () = sleep_until(patience.min(deadline)) => {}
            }
            let now = Instant::now();
            if now >= deadline {
                return None;
            }
            self.grow(now);
            patience = now + STEP;
        }
    }

    /// Takes a permit back. False when the pool shrinks by it: one idle instance has to go as well.
    pub fn give_back(&self, permit: SemaphorePermit<'_>) -> bool {
        if self.grown.load(Ordering::Relaxed) == 0 || self.last_grown.lock().elapsed() < QUIET {
            return true;
        }
        let fewer = |grown: u32| grown.checked_sub(1);
        let shrinks = self
            .grown
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer)
            .is_ok();
        if shrinks {
            permit.forget();
        }
        !shrinks
    }

    /// How many permits are in use.
    pub fn in_use(&self) -> usize {
        let all = self.eager + self.grown.load(Ordering::Relaxed);
        (all as usize).saturating_sub(self.free.available_permits())
    }

    fn grow(&self, now: Instant) {
        let mut last = self.last_grown.lock();
        if now.duration_since(*last) < STEP || self.computing.fills_processors(now) {
            return;
        }
        *last = now;
        let more = |grown: u32| (grown < self.most_grown).then_some(grown + 1);
        if self
            .grown
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
            .is_ok()
        {
            // The semaphore gives it to the call that has waited longest.
            self.free.add_permits(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn soon(ms: u64) -> Instant {
        Instant::now() + Duration::from_millis(ms)
    }

    #[tokio::test]
    async fn a_long_wait_adds_a_permit_up_to_the_maximum() {
        let permits = Permits::new(1, 2, Duration::from_millis(25));
        let first = permits.try_acquire().unwrap();
        assert!(permits.try_acquire().is_none());
        let started = Instant::now();
        let second = permits.acquire(soon(60_000)).await.unwrap();
        assert!(started.elapsed() >= Duration::from_millis(25));
        assert!(
            permits.acquire(soon(100)).await.is_none(),
            "two are the most"
        );
        assert_eq!(permits.in_use(), 2);
        drop((first, second));
        assert!(permits.try_acquire().is_some() && permits.in_use() == 0);
    }

    #[tokio::test]
    async fn a_permit_given_back_in_time_adds_none() {
        let permits = Permits::new(1, 9, Duration::from_secs(60));
        let first = permits.try_acquire().unwrap();
        let wait = async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            drop(first);
        };
        let (permit, ()) = tokio::join!(permits.acquire(soon(60_000)), wait);
        assert!(permit.is_some());
        assert!(permits.try_acquire().is_none());
    }

    #[tokio::test]
    async fn permits_shrink_to_the_eager_ones_when_quiet() {
        let permits = Permits::new(1, 3, Duration::from_millis(25));
        let first = permits.try_acquire().unwrap();
        let second = permits.acquire(soon(60_000)).await.unwrap();
        assert!(permits.give_back(second), "not yet quiet");
        *permits.last_grown.lock() -= QUIET;
        let second = permits.try_acquire().unwrap();
        assert!(!permits.give_back(second));
        assert!(permits.give_back(first));
        let first = permits.try_acquire();
        assert!(first.is_some() && permits.try_acquire().is_none());
    }
}

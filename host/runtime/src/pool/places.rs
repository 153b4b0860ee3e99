//! How many calls a pool serves at once. It starts small and grows only while calls wait longer
//! than a moment: more instances than the processors can run are only slower (each has to warm up,
//! and remembers what the others know already), but calls that wait for something else must not
//! keep those that could go on from starting. While those that it has keep all processors computing
//! it does not grow: the first requests for a large hall each read its layout, and sixty at a time
//! would all be late. In quiet times it shrinks again.

use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep_until};

use crate::computing::Computing;

/// Between two growths: a burst of waiting calls is one reason to grow, not many.
const STEP: Duration = Duration::from_millis(5);
/// After so long without need of it, a place is given up.
const QUIET: Duration = Duration::from_secs(30);

pub(super) struct Places {
    free: Semaphore,
    eager: u32,
    /// Places beyond those that there always are.
    grown: AtomicU32,
    most_grown: u32,
    grow_after: Duration,
    last_grown: Mutex<Instant>,
    pub computing: Computing,
}

impl Places {
    /// `eager` places at first, at most `most`; one more when a call has waited for `grow_after`.
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

    /// A place that is free now.
    pub fn try_take(&self) -> Option<SemaphorePermit<'_>> {
        self.free.try_acquire().ok()
    }

    /// Waits for a place, in turn. None when there is none until the deadline.
    pub async fn take(&self, deadline: Instant) -> Option<SemaphorePermit<'_>> {
        let mut turn = pin!(self.free.acquire());
        let mut patience = Instant::now() + self.grow_after;
        loop {
            tokio::select! {
                biased;
                place = &mut turn => return place.ok(),
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

    /// Takes a place back. False where it is given up: its instance shall go with it.
    pub fn give_back(&self, place: SemaphorePermit<'_>) -> bool {
        if self.grown.load(Ordering::Relaxed) == 0 || self.last_grown.lock().elapsed() < QUIET {
            return true;
        }
        let fewer = |grown: u32| grown.checked_sub(1);
        let gives_up = self
            .grown
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer)
            .is_ok();
        if gives_up {
            place.forget();
        }
        !gives_up
    }

    /// Places that are taken.
    pub fn taken(&self) -> usize {
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
            // The call that has waited longest gets it.
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
    async fn a_call_that_waits_too_long_gets_a_new_place_until_there_are_no_more() {
        let places = Places::new(1, 2, Duration::from_millis(25));
        let first = places.try_take().unwrap();
        assert!(places.try_take().is_none());
        let started = Instant::now();
        let second = places.take(soon(60_000)).await.unwrap();
        assert!(started.elapsed() >= Duration::from_millis(25));
        assert!(places.take(soon(100)).await.is_none(), "two are the most");
        assert_eq!(places.taken(), 2);
        drop((first, second));
        assert!(places.try_take().is_some() && places.taken() == 0);
    }

    #[tokio::test]
    async fn a_place_that_comes_back_in_time_makes_no_new_one() {
        let places = Places::new(1, 9, Duration::from_secs(60));
        let first = places.try_take().unwrap();
        let wait = async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            drop(first);
        };
        let (place, ()) = tokio::join!(places.take(soon(60_000)), wait);
        assert!(place.is_some());
        assert!(places.try_take().is_none());
    }

    #[tokio::test]
    async fn in_quiet_times_it_shrinks_to_what_it_was() {
        let places = Places::new(1, 3, Duration::from_millis(25));
        let first = places.try_take().unwrap();
        let second = places.take(soon(60_000)).await.unwrap();
        assert!(places.give_back(second), "not yet quiet");
        *places.last_grown.lock() -= QUIET;
        let second = places.try_take().unwrap();
        assert!(!places.give_back(second));
        assert!(places.give_back(first));
        let first = places.try_take();
        assert!(first.is_some() && places.try_take().is_none());
    }
}

//! Which instances of a pool are computing, as opposed to waiting for the host. The epoch callback
//! records it. A pool whose instances keep all processors busy gains nothing from one more.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Weak};
use std::thread::available_parallelism;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// How long an observation counts. With many instances on few processors, the epoch callback of
/// each runs only now and then.
const RECENT: Duration = Duration::from_millis(50);

/// When an instance was last seen computing: milliseconds since the process's first observation; 0
/// means never.
#[derive(Debug, Default)]
pub(crate) struct Clock(AtomicU64);

impl Clock {
    /// Records that the instance is computing.
    pub fn touch(&self, now: Instant) {
        self.0
            .store(milliseconds_since_start(now), Ordering::Relaxed);
    }

    fn touched_since(&self, then: u64) -> bool {
        self.0.load(Ordering::Relaxed) > then
    }
}

fn milliseconds_since_start(now: Instant) -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(|| Instant::now() - RECENT);
    now.saturating_duration_since(*START).as_millis() as u64
}

/// The clocks of a pool's instances.
#[derive(Debug, Default)]
pub(crate) struct Computing(Mutex<Vec<Weak<Clock>>>);

impl Computing {
    /// Registers a new instance and returns its clock. Dropping the clock removes it.
    pub fn enlist(&self) -> Arc<Clock> {
        let clock = Arc::default();
        let mut clocks = self.0.lock();
        clocks.retain(|known| known.strong_count() > 0);
        clocks.push(Arc::downgrade(&clock));
        clock
    }

    /// Whether at least as many instances are computing as there are processors.
    pub fn fills_processors(&self, now: Instant) -> bool {
        static PROCESSORS: LazyLock<usize> =
            LazyLock::new(|| available_parallelism().map_or(1, usize::from));
        let then = milliseconds_since_start(now).saturating_sub(RECENT.as_millis() as u64);
        self.0
            .lock()
            .iter()
            .filter_map(Weak::upgrade)
            .filter(|clock| clock.touched_since(then))
            .take(*PROCESSORS)
            .count()
            == *PROCESSORS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_computing_instances_fill_the_processors() {
        let computing = Computing::default();
        let clocks: Vec<_> = (0..available_parallelism().unwrap().get())
            .map(|_| computing.enlist())
            .collect();
        let now = Instant::now();
        assert!(!computing.fills_processors(now));
        clocks.iter().skip(1).for_each(|clock| clock.touch(now));
        assert!(!computing.fills_processors(now));
        clocks[0].touch(now);
        assert!(computing.fills_processors(now));
        assert!(!computing.fills_processors(now + 2 * RECENT), "it is over");
        drop(clocks);
        assert!(!computing.fills_processors(now), "they are gone");
    }
}

//! The circuit breaker: a state machine over the results of the last calls. Time is an argument.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::BreakerConfig;

/// One link's breaker; the link puts a lock around it.
pub(crate) struct Breaker {
    config: BreakerConfig,
    state: State,
    /// Rises with every change of state, so that results of calls from before it count for
    /// nothing.
    generation: u64,
}

enum State {
    Closed {
        failures: u32,
        results: VecDeque<bool>,
    },
    Open {
        until: Instant,
    },
    HalfOpen {
        under_way: u32,
        succeeded: u32,
    },
}

/// The right to make one call, to be given back with [`Breaker::record`] or [`Breaker::forget`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pass {
    generation: u64,
}

/// Whether the breaker just opened or closed, for the gauge and the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    None,
    Opened,
    Closed,
}

impl Breaker {
    pub fn new(config: BreakerConfig) -> Self {
        let state = closed(&config);
        Self {
            config,
            state,
            generation: 0,
        }
    }

    /// May a call be made now? If not: how long to wait.
    pub fn admit(&mut self, now: Instant) -> Result<Pass, Duration> {
        if let State::Open { until } = self.state {
            if now < until {
                return Err(until - now);
            }
            self.become_state(State::HalfOpen {
                under_way: 0,
                succeeded: 0,
            });
        }
        if let State::HalfOpen {
            under_way,
            succeeded,
        } = &mut self.state
        {
            if *under_way + *succeeded >= self.config.half_open_probes.max(1) {
                // Probes are under way; what becomes of them is known shortly.
                return Err(Duration::from_millis(self.config.open_ms.min(1_000)));
            }
            *under_way += 1;
        }
        Ok(Pass {
            generation: self.generation,
        })
    }

    /// What became of a call that was admitted.
    pub fn record(&mut self, pass: Pass, failed: bool, now: Instant) -> Change {
        if pass.generation != self.generation {
            return Change::None;
        }
        match &mut self.state {
            State::Open { .. } => Change::None,
            State::Closed { failures, results } => {
                if results.len() >= self.config.window.max(1) as usize
                    && results.pop_front() == Some(true)
                {
                    *failures -= 1;
                }
                results.push_back(failed);
                *failures += u32::from(failed);
                let calls = results.len() as u32;
                if failed
                    && calls >= self.config.min_calls
                    && f64::from(*failures) >= self.config.failure_rate * f64::from(calls)
                {
                    return self.open(now);
                }
                Change::None
            }
            State::HalfOpen { .. } if failed => self.open(now),
            State::HalfOpen {
                under_way,
                succeeded,
            } => {
                *under_way -= 1;
                *succeeded += 1;
                if *succeeded < self.config.half_open_probes.max(1) {
                    return Change::None;
                }
                let state = closed(&self.config);
                self.become_state(state);
                Change::Closed
            }
        }
    }

    /// A call that was admitted and told nothing about the callee: never made, or its caller went
    /// away.
    pub fn forget(&mut self, pass: Pass) {
        if pass.generation == self.generation
            && let State::HalfOpen { under_way, .. } = &mut self.state
        {
            *under_way -= 1;
        }
    }

    fn open(&mut self, now: Instant) -> Change {
        self.become_state(State::Open {
            until: now + Duration::from_millis(self.config.open_ms),
        });
        Change::Opened
    }

    fn become_state(&mut self, state: State) {
        self.state = state;
        self.generation += 1;
    }
}

fn closed(config: &BreakerConfig) -> State {
    State::Closed {
        failures: 0,
        results: VecDeque::with_capacity(config.window.clamp(1, 10_000) as usize),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker() -> (Breaker, Instant) {
        let config = BreakerConfig {
            failure_rate: 0.5,
            window: 10,
            min_calls: 4,
            open_ms: 1_000,
            half_open_probes: 2,
        };
        (Breaker::new(config), Instant::now())
    }

    fn call(breaker: &mut Breaker, failed: bool, now: Instant) -> Change {
        let pass = breaker.admit(now).unwrap();
        breaker.record(pass, failed, now)
    }

    fn opened() -> (Breaker, Instant) {
        let (mut breaker, now) = breaker();
        for _ in 0..3 {
            assert_eq!(call(&mut breaker, true, now), Change::None);
        }
        assert_eq!(call(&mut breaker, true, now), Change::Opened);
        (breaker, now)
    }

    #[test]
    fn few_calls_decide_nothing_and_then_half_of_them_failing_opens() {
        let (mut breaker, now) = opened();
        assert_eq!(
            breaker.admit(now).unwrap_err(),
            Duration::from_millis(1_000)
        );
        assert_eq!(
            breaker.admit(now + Duration::from_millis(400)).unwrap_err(),
            Duration::from_millis(600)
        );
    }

    #[test]
    fn failures_that_have_left_the_window_no_longer_count() {
        let (mut breaker, now) = breaker();
        for _ in 0..3 {
            call(&mut breaker, true, now);
        }
        for _ in 0..10 {
            call(&mut breaker, false, now);
        }
        for _ in 0..4 {
            assert_eq!(
                call(&mut breaker, true, now),
                Change::None,
                "4 of the last 10 are too few"
            );
        }
        assert_eq!(call(&mut breaker, true, now), Change::Opened);
    }

    #[test]
    fn probes_that_all_succeed_close_it_and_no_more_than_they_pass() {
        let (mut breaker, now) = opened();
        let now = now + Duration::from_millis(1_000);
        let first = breaker.admit(now).unwrap();
        let second = breaker.admit(now).unwrap();
        assert!(breaker.admit(now).is_err(), "only two probes");
        assert_eq!(breaker.record(first, false, now), Change::None);
        assert!(breaker.admit(now).is_err(), "one success is not enough");
        assert_eq!(breaker.record(second, false, now), Change::Closed);
        assert!(breaker.admit(now).is_ok());
    }

    #[test]
    fn a_probe_that_fails_opens_it_again() {
        let (mut breaker, now) = opened();
        let now = now + Duration::from_millis(1_000);
        assert_eq!(call(&mut breaker, false, now), Change::None);
        assert_eq!(call(&mut breaker, true, now), Change::Opened);
        assert_eq!(
            breaker.admit(now).unwrap_err(),
            Duration::from_millis(1_000)
        );
    }

    #[test]
    fn a_probe_whose_caller_went_away_gives_its_place_back() {
        let (mut breaker, now) = opened();
        let now = now + Duration::from_millis(1_000);
        let first = breaker.admit(now).unwrap();
        let second = breaker.admit(now).unwrap();
        breaker.forget(first);
        breaker.forget(second);
        assert!(breaker.admit(now).is_ok());
        assert!(breaker.admit(now).is_ok());
    }

    #[test]
    fn a_late_success_from_before_it_opened_does_not_close_it() {
        let (mut breaker, now) = breaker();
        let late = breaker.admit(now).unwrap();
        for _ in 0..4 {
            call(&mut breaker, true, now);
        }
        let now = now + Duration::from_millis(1_000);
        let probe = breaker.admit(now).unwrap();
        assert_eq!(breaker.record(late, false, now), Change::None);
        assert_eq!(
            breaker.record(probe, false, now),
            Change::None,
            "the second probe is still owed"
        );
    }
}

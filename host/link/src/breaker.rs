//! The circuit breaker: a state machine over the results of the last calls. Time is an argument.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::BreakerConfig;

/// The breaker of one link. The link locks it.
pub(crate) struct Breaker {
    config: BreakerConfig,
    state: State,
    /// Rises with every change of state. Results of calls from before the change are ignored.
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
        in_flight: u32,
        succeeded: u32,
    },
}

/// The permission to make one call. Give it back with [`Breaker::record`] or [`Breaker::forget`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pass {
    generation: u64,
}

/// Whether a result opened or closed the breaker, for the gauge and the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
    None,
    Opened,
    Closed,
}

impl Breaker {
    pub fn new(config: BreakerConfig) -> Self {
        let state = closed_state(&config);
        Self {
            config,
            state,
            generation: 0,
        }
    }

    /// Admits a call, or says how long to wait.
    pub fn admit(&mut self, now: Instant) -> Result<Pass, Duration> {
        if let State::Open { until } = self.state {
            if now < until {
                return Err(until - now);
            }
            self.become_state(State::HalfOpen {
                in_flight: 0,
                succeeded: 0,
            });
        }
        if let State::HalfOpen {
            in_flight,
            succeeded,
        } = &mut self.state
        {
            if *in_flight + *succeeded >= self.config.half_open_probes.max(1) {
                // The results of the probes in flight are known shortly.
                return Err(Duration::from_millis(self.config.open_ms.min(1_000)));
            }
            *in_flight += 1;
        }
        Ok(Pass {
            generation: self.generation,
        })
    }

    /// Records the result of an admitted call.
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
                in_flight,
                succeeded,
            } => {
                *in_flight -= 1;
                *succeeded += 1;
                if *succeeded < self.config.half_open_probes.max(1) {
                    return Change::None;
                }
                let state = closed_state(&self.config);
                self.become_state(state);
                Change::Closed
            }
        }
    }

    /// Gives back the pass of a call without a result: it was never made, or its caller dropped it.
    pub fn forget(&mut self, pass: Pass) {
        if pass.generation == self.generation
            && let State::HalfOpen { in_flight, .. } = &mut self.state
        {
            *in_flight -= 1;
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

fn closed_state(config: &BreakerConfig) -> State {
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
    fn it_opens_when_half_of_enough_calls_fail() {
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
    fn failures_outside_the_window_do_not_count() {
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
    fn only_probes_pass_and_their_success_closes_it() {
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
    fn a_failed_probe_opens_it_again() {
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
    fn a_dropped_probe_gives_its_pass_back() {
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
    fn a_late_success_does_not_close_it() {
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

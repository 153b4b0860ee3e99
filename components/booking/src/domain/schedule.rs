//! When the timer looks at a booking again. Nothing depends on Kafka alone: whatever is unfinished
//! is looked at.

use eventhub_guest::Timestamp;

use super::saga::{State, Status};

/// The first look at a new booking, in seconds: by then its event was handled, or somebody died.
pub const FIRST_LOOK: f64 = 5.0;
/// The first question to the payment service for a buyer who was sent to pay.
const FIRST_POLL: f64 = 20.0;
/// Calls that were under way when a booking ended are over by then.
const SWEEP: f64 = 60.0;

/// Seconds until the next look after a change; none where there is nothing left to do. `works` is
/// whether the state demands anything, `trouble` whether doing it failed just now.
pub fn next_look(
    state: State,
    works: bool,
    trouble: bool,
    attempts: i32,
    expires_at: Timestamp,
    now: Timestamp,
) -> Option<f64> {
    if state.status == Status::Confirmed {
        return None;
    }
    if state.waits_for_buyer() {
        let left = (expires_at.micros() - now.micros()).max(0) as f64 / 1e6;
        return Some(left.min(FIRST_POLL));
    }
    if works {
        return Some(if trouble {
            back_off(state.status, attempts)
        } else {
            FIRST_LOOK
        });
    }
    Some(if state.status == Status::Refunding {
        back_off(state.status, attempts.max(2))
    } else {
        SWEEP
    })
}

/// 1, 2, 4, 8, 15 seconds: when what was away is back, however long it was, nobody waits long for
/// it. Ten minutes for a refund that does not come about for some minutes: the provider may refuse
/// it, and goes on to.
pub fn back_off(status: Status, attempts: i32) -> f64 {
    match attempts {
        ..=3 => f64::from(1u32 << attempts.max(0)),
        31.. if status == Status::Refunding => 600.0,
        _ => 15.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::saga::{MoneyState, Places};

    #[test]
    fn only_a_confirmed_booking_is_never_looked_at_again() {
        let now = Timestamp::from_micros(0);
        for status in Status::ALL {
            let state = State {
                status: *status,
                places: Places::Released,
                money: MoneyState::None,
                free_of_charge: false,
            };
            for works in [false, true] {
                assert_eq!(
                    next_look(state, works, false, 0, now, now).is_none(),
                    *status == Status::Confirmed,
                    "{status:?}"
                );
            }
        }
    }

    #[test]
    fn a_deadline_is_not_slept_through() {
        let state = State {
            status: Status::AwaitingPayment,
            places: Places::Reserved,
            money: MoneyState::Requested,
            free_of_charge: false,
        };
        let look = |left: i64| {
            next_look(
                state,
                false,
                false,
                0,
                Timestamp::from_micros(left * 1_000_000),
                Timestamp::from_micros(0),
            )
        };
        assert_eq!(
            (look(3), look(100), look(-5)),
            (Some(3.0), Some(20.0), Some(0.0))
        );
    }

    #[test]
    fn back_off_rises_and_stays_within_what_recovery_allows() {
        let waits: Vec<f64> = (0..8)
            .map(|attempts| back_off(Status::Pending, attempts))
            .collect();
        assert_eq!(waits, [1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0, 15.0]);
    }

    #[test]
    fn after_an_outage_of_hours_nothing_but_a_refund_waits_for_minutes() {
        for status in Status::ALL {
            let longest = if *status == Status::Refunding {
                600.0
            } else {
                15.0
            };
            assert_eq!(
                [30, 31, 10_000].map(|attempts| back_off(*status, attempts)),
                [15.0, longest, longest],
                "{status:?}"
            );
        }
    }
}

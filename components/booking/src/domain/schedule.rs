//! When the timer polls a booking again. Nothing depends on Kafka alone: every unfinished booking
//! is polled.

use eventhub_guest::Timestamp;

use super::saga::{State, Status};

/// Seconds until the first poll of a new booking. By then its fact was handled, or a worker died.
pub const FIRST_ATTEMPT: f64 = 5.0;
/// Seconds until the payment service is asked for the first time about a buyer who is to pay.
const FIRST_PAYMENT_CHECK: f64 = 20.0;
/// Seconds after the end of a booking within which all calls that were under way have returned.
const SWEEP: f64 = 60.0;

/// Seconds until the next poll after a change; none where nothing is left to do. `has_work` says
/// whether the state demands a command, `failed` whether a command failed just now.
pub fn next_attempt_in(
    state: State,
    has_work: bool,
    failed: bool,
    attempts: i32,
    expires_at: Timestamp,
    now: Timestamp,
) -> Option<f64> {
    if state.status == Status::Confirmed {
        return None;
    }
    if state.waits_for_buyer() {
        let left = (expires_at.micros() - now.micros()).max(0) as f64 / 1e6;
        return Some(left.min(FIRST_PAYMENT_CHECK));
    }
    if has_work {
        return Some(if failed {
            back_off(state.status, attempts)
        } else {
            FIRST_ATTEMPT
        });
    }
    Some(if state.status == Status::Refunding {
        back_off(state.status, attempts.max(2))
    } else {
        SWEEP
    })
}

/// Seconds to wait after so many attempts: 1, 2, 4, 8, then 15, so that a booking goes on soon
/// after an outage, however long it was. After some minutes a refund waits ten: the provider may
/// refuse it for good.
pub fn back_off(status: Status, attempts: i32) -> f64 {
    match attempts {
        ..=3 => f64::from(1u32 << attempts.max(0)),
        31.. if status == Status::Refunding => 600.0,
        _ => 15.0,
    }
}

#[cfg(test)]
mod tests {
    use strum::VariantArray as _;

    use super::*;
    use crate::domain::saga::{MoneyState, Places};

    #[test]
    fn only_a_confirmed_booking_is_never_polled_again() {
        let now = Timestamp::from_micros(0);
        for status in Status::VARIANTS {
            let state = State {
                status: *status,
                places: Places::Released,
                money: MoneyState::None,
                free_of_charge: false,
            };
            for has_work in [false, true] {
                assert_eq!(
                    next_attempt_in(state, has_work, false, 0, now, now).is_none(),
                    *status == Status::Confirmed,
                    "{status:?}"
                );
            }
        }
    }

    #[test]
    fn the_next_poll_is_not_after_the_deadline() {
        let state = State {
            status: Status::AwaitingPayment,
            places: Places::Reserved,
            money: MoneyState::Requested,
            free_of_charge: false,
        };
        let seconds = |left: i64| {
            next_attempt_in(
                state,
                false,
                false,
                0,
                Timestamp::from_micros(left * 1_000_000),
                Timestamp::from_micros(0),
            )
        };
        assert_eq!(
            (seconds(3), seconds(100), seconds(-5)),
            (Some(3.0), Some(20.0), Some(0.0))
        );
    }

    #[test]
    fn back_off_rises_to_fifteen_seconds() {
        let waits: Vec<f64> = (0..8)
            .map(|attempts| back_off(Status::Pending, attempts))
            .collect();
        assert_eq!(waits, [1.0, 2.0, 4.0, 8.0, 15.0, 15.0, 15.0, 15.0]);
    }

    #[test]
    fn after_a_long_outage_only_a_refund_waits_for_minutes() {
        for status in Status::VARIANTS {
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

//! The negative control of the race tests: everything that keeps two buyers off one seat, and what
//! remains when it is switched off. `SEAT_LOCK_PROTECTION=off` is refused unless `EVENTHUB_TEST=1`.
//! Nothing else in this service asks whether it is on.

use crate::leases::scripts;
use crate::store::claims;

/// Whether seats are protected.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Protection {
    #[default]
    On,
    Off,
}

impl Protection {
    /// Reads `SEAT_LOCK_PROTECTION` and `EVENTHUB_TEST`.
    pub fn from_environment() -> Self {
        let text = |name: &str| eventhub_guest::config::text(name).unwrap_or_default();
        Self::decide(&text("SEAT_LOCK_PROTECTION"), &text("EVENTHUB_TEST"))
    }

    fn decide(wanted: &str, testing: &str) -> Self {
        match (wanted, testing) {
            ("off", "1") => {
                tracing::error!(
                    "SEATS ARE NOT PROTECTED: SEAT_LOCK_PROTECTION=off, one seat will be sold more than once"
                );
                Protection::Off
            }
            ("off", _) => {
                tracing::error!(
                    "SEAT_LOCK_PROTECTION=off is refused: it needs EVENTHUB_TEST=1; seats stay protected"
                );
                Protection::On
            }
            _ => Protection::On,
        }
    }

    /// The script that holds places: checks what is taken, or does not.
    pub fn hold_script(self) -> &'static str {
        match self {
            Protection::On => scripts::HOLD.text(),
            Protection::Off => scripts::UNPROTECTED_HOLD.text(),
        }
    }

    /// Whether Redis is asked for other holders before a booking reserves.
    pub fn asks_for_other_holders(self) -> bool {
        self == Protection::On
    }

    /// The statement that claims seats: only free ones with an older fence, or any.
    pub fn reserve_seats(self) -> &'static str {
        match self {
            Protection::On => claims::RESERVE_SEATS,
            Protection::Off => {
                "INSERT INTO seat_claims AS c (session_id, seat, seat_index, status, booking_id, fence) \
                 SELECT $1, u.seat, u.seat_index, 'reserved', $2, $5 \
                 FROM unnest($3::text[], $4::bigint[]) AS u(seat, seat_index) ORDER BY u.seat \
                 ON CONFLICT (session_id, seat) DO UPDATE SET status = 'reserved', booking_id = excluded.booking_id, fence = excluded.fence \
                 RETURNING seat_index"
            }
        }
    }

    /// The statement that sells a seat: only to the booking that claimed it, or to any.
    pub fn confirm_seat(self) -> &'static str {
        match self {
            Protection::On => claims::CONFIRM_SEAT,
            Protection::Off => {
                "UPDATE seat_claims SET status = 'sold', booking_id = $3 WHERE session_id = $1 AND seat = $2 \
                 RETURNING seat_index"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protection_goes_off_in_tests_only() {
        assert_eq!(Protection::decide("off", "1"), Protection::Off);
        for (wanted, testing) in [
            ("off", ""),
            ("off", "0"),
            ("", "1"),
            ("on", "1"),
            ("OFF", "1"),
        ] {
            assert_eq!(
                Protection::decide(wanted, testing),
                Protection::On,
                "{wanted} {testing}"
            );
        }
    }

    #[test]
    fn the_unprotected_script_differs_in_one_line() {
        assert!(
            Protection::On
                .hold_script()
                .contains("local PROTECTED = true")
        );
        assert!(
            Protection::Off
                .hold_script()
                .contains("local PROTECTED = false")
        );
    }
}

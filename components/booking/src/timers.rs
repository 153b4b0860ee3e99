//! Each second: bookings that are due. The timer makes every booking end, whatever died or was
//! lost; Kafka only makes it quick. Several ticks run at once, on one node and on many: a booking
//! that one has claimed is not due for the others.

use std::time::Duration;

use eventhub_guest::Timestamp;
use eventhub_guest::bindings::eventhub::timers::types::Tick;

use crate::error::Error;
use crate::ports::Ports;
use crate::store::due::{claim_next_due, prune_inbox};
use crate::usecases::advance::{self, Driver};

/// Bookings of each kind that one claim takes. Few, so that a claimed booking does not wait long
/// for its turn: each may take a call to the payment provider.
const BATCH: i64 = 5;
/// After this time the tick claims nothing more; the next one comes in a second.
const SOFT_DEADLINE: Duration = Duration::from_secs(4);
/// After this time claimed bookings are left to their next attempt: a service hardly answers, and
/// the host ends the tick soon.
const HARD_DEADLINE: Duration = Duration::from_secs(15);

/// Polls the bookings that are due.
///
/// # Errors
/// The database does not answer. Failures of single bookings are logged, and met by the next
/// attempt.
pub fn run_tick(ports: &dyn Ports, tick: &Tick) -> Result<(), Error> {
    let driver = Driver::new(ports);
    let began = Timestamp::now();
    let (soft_deadline, hard_deadline) = (began.plus(SOFT_DEADLINE), began.plus(HARD_DEADLINE));
    loop {
        let kinds = claim_next_due(BATCH)?;
        let is_full = kinds.iter().any(|bookings| bookings.len() as i64 >= BATCH);
        for booking in kinds.into_iter().flatten() {
            if Timestamp::now() >= hard_deadline {
                break;
            }
            let id = booking.id;
            match driver.poll(booking) {
                Ok(_) => {}
                Err(advance::Error::Unavailable(cause)) => {
                    tracing::warn!(booking.id = %id, error.cause = %cause, "booking waits for its next attempt")
                }
                Err(error) => {
                    tracing::error!(booking.id = %id, error.cause = %error, "internal error: booking cannot go on")
                }
            }
        }
        if !is_full || Timestamp::now() >= soft_deadline {
            break;
        }
    }
    // Once a minute; a tick that comes late skips one.
    if tick.now.div_euclid(1_000_000) % 60 == 7 {
        prune_inbox()?;
    }
    Ok(())
}

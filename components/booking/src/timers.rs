//! Each second: bookings that are due, the ones with work first. This is what makes every booking end, whatever died or was
//! lost; Kafka only makes it quick.

use crate::driver::{Error, look};
use crate::services::Services;
use crate::store::due::{Portions, forget, take};
use eventhub_guest::Timestamp;
use eventhub_guest::bindings::eventhub::timers::types::Moment;
use std::time::Duration;

/// What one claim takes; few, so that a claimed booking does not wait long for its turn.
const PORTIONS: Portions = Portions { work: 20, deadlines: 20, polls: 20 };
/// One tick's time; the next one comes in a second.
const BUDGET: Duration = Duration::from_millis(1500);

/// # Errors
/// The database does not answer. Troubles of single bookings are logged and met by their next look.
pub fn tick(moment: &Moment) -> Result<(), String> {
    let end = Timestamp::now().plus(BUDGET);
    loop {
        let bookings = take(&PORTIONS).map_err(|error| error.to_string())?;
        let full = bookings.len() >= PORTIONS.work as usize;
        for booking in bookings {
            if Timestamp::now() >= end {
                // Something answers slowly; what is left over comes back with its next look.
                break;
            }
            let id = booking.id;
            match look(&Services, booking) {
                Ok(_) => {}
                Err(Error::Trouble(trouble)) => tracing::warn!(booking.id = %id, error.cause = %trouble, "booking waits for its next look"),
                Err(error) => tracing::error!(booking.id = %id, error.cause = %error, "booking cannot go on by a fault of ours"),
            }
        }
        if !full || Timestamp::now() >= end {
            break;
        }
    }
    // Once a minute; a tick that comes late skips one.
    if moment.now.div_euclid(1_000_000) % 60 == 7 {
        forget().map_err(|error| error.to_string())?;
    }
    Ok(())
}

//! Each second: bookings that are due. This is what makes every booking end, whatever died or was
//! lost; Kafka only makes it quick. Several of these run at once, on one node and on many: what one
//! has taken, the others do not see.

use std::time::Duration;

use eventhub_guest::Timestamp;
use eventhub_guest::bindings::eventhub::timers::types::Moment;

use crate::driver::{Error, look};
use crate::services::Services;
use crate::store::due::{forget, take};

/// What one claim takes of each kind; few, so that a claimed booking does not wait long for its
/// turn: each may take a call to the payment provider.
const PORTION: i64 = 5;
/// After this time nothing more is taken; the next tick comes in a second.
const ENOUGH: Duration = Duration::from_secs(4);
/// After this time what was taken is left to its next look: something hardly answers, and the tick
/// has a deadline.
const AT_MOST: Duration = Duration::from_secs(15);

/// # Errors
/// The database does not answer. Troubles of single bookings are logged and met by their next look.
pub fn tick(moment: &Moment) -> Result<(), String> {
    let began = Timestamp::now();
    let (enough, at_most) = (began.plus(ENOUGH), began.plus(AT_MOST));
    loop {
        let kinds = take(PORTION).map_err(|error| error.to_string())?;
        let full = kinds
            .iter()
            .any(|bookings| bookings.len() as i64 >= PORTION);
        for booking in kinds.into_iter().flatten() {
            if Timestamp::now() >= at_most {
                break;
            }
            let id = booking.id;
            match look(&Services, booking) {
                Ok(_) => {}
                Err(Error::Trouble(trouble)) => {
                    tracing::warn!(booking.id = %id, error.cause = %trouble, "booking waits for its next look")
                }
                Err(error) => {
                    tracing::error!(booking.id = %id, error.cause = %error, "booking cannot go on by a fault of ours")
                }
            }
        }
        if !full || Timestamp::now() >= enough {
            break;
        }
    }
    // Once a minute; a tick that comes late skips one.
    if moment.now.div_euclid(1_000_000) % 60 == 7 {
        forget().map_err(|error| error.to_string())?;
    }
    Ok(())
}

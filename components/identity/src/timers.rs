//! Periodic work: the next signing key is made in time, and what nobody can use any more is deleted.
//! Two nodes that tick at once make one key (one row per generation) and delete the same rows.

use crate::domain::Error;
use crate::{store, tokens};
use eventhub_guest::Timestamp;
use eventhub_guest::bindings::eventhub::timers::types::Moment;

pub fn tick(moment: &Moment) -> Result<(), Error> {
    let now = Timestamp::from_micros(moment.now);
    tokens::rotate(now)?;
    store::refresh::delete_expired(now)?;
    Ok(())
}

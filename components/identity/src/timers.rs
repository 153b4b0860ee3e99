//! Periodic work: makes the next signing key in time, and deletes refresh tokens that have expired.
//! Two nodes that tick at once make one key (one row per generation) and delete different rows.

use eventhub_guest::Timestamp;
use eventhub_guest::bindings::eventhub::timers::types::Tick;

use crate::error::Error;
use crate::store::refresh::{BATCH, delete_expired_families, delete_expired_tokens};
use crate::usecases::signing_keys;

/// Batches of one tick; the next tick deletes the rest.
const MAX_BATCHES: u32 = 50;

/// One tick, about once a minute.
///
/// # Errors
/// [`Error`] of the database, for the log; the next tick tries again.
pub fn run_tick((): &(), tick: &Tick) -> Result<(), Error> {
    let now = Timestamp::from_micros(tick.now);
    signing_keys::rotate_keys(now)?;
    // Tokens first: so the deletion of a family cascades to few of them.
    delete_in_batches(|| delete_expired_tokens(now))?;
    delete_in_batches(|| delete_expired_families(now))
}

/// Deletes until a batch is not full. One batch a tick would be too few where many people refresh
/// their tokens.
fn delete_in_batches(delete: impl Fn() -> Result<u64, Error>) -> Result<(), Error> {
    for _ in 0..MAX_BATCHES {
        if delete()? < u64::from(BATCH) {
            break;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn one_tick_deletes_a_backlog_unless_it_is_very_long() {
        for (expired, left) in [(0, 0), (999, 0), (3_500, 0), (1_000_000, 950_000)] {
            let rows = Cell::new(expired);
            let delete = || {
                let deleted = rows.get().min(BATCH.into());
                rows.set(rows.get() - deleted);
                Ok(deleted)
            };
            delete_in_batches(delete).unwrap();
            assert_eq!(rows.get(), left, "{expired}");
        }
        assert!(delete_in_batches(|| Err(Error::Internal("the database is away".into()))).is_err());
    }
}

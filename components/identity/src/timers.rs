//! Periodic work: the next signing key is made in time, and what nobody can use any more is
//! deleted. Two nodes that tick at once make one key (one row per generation) and delete different
//! rows.

use eventhub_guest::Timestamp;
use eventhub_guest::bindings::eventhub::timers::types::Moment;

use crate::domain::Error;
use crate::store::refresh::{BATCH, delete_expired_families, delete_expired_tokens};
use crate::tokens;

/// Batches of one tick: what is left over waits for the next one.
const BATCHES: u32 = 50;

pub fn tick(moment: &Moment) -> Result<(), Error> {
    let now = Timestamp::from_micros(moment.now);
    tokens::rotate(now)?;
    // Tokens first: a family that goes then takes few of them along.
    in_batches(|| delete_expired_tokens(now))?;
    in_batches(|| delete_expired_families(now))
}

/// Deletes until a batch is not full. One a tick would be too few where many people refresh their
/// tokens.
fn in_batches(delete: impl Fn() -> Result<u64, Error>) -> Result<(), Error> {
    for _ in 0..BATCHES {
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
    fn a_backlog_is_deleted_in_one_tick_unless_it_is_very_long() {
        for (expired, left) in [(0, 0), (999, 0), (3_500, 0), (1_000_000, 950_000)] {
            let rows = Cell::new(expired);
            let delete = || {
                let deleted = rows.get().min(BATCH.into());
                rows.set(rows.get() - deleted);
                Ok(deleted)
            };
            in_batches(delete).unwrap();
            assert_eq!(rows.get(), left, "{expired}");
        }
        assert!(in_batches(|| Err(Error::Internal("the database is away".into()))).is_err());
    }
}

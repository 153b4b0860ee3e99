//! Each minute: idempotency keys that nobody repeats any more are forgotten. Two nodes that do so at
//! once delete different rows or the same ones, to the same effect.

use std::time::Duration;

use eventhub_guest::bindings::eventhub::timers::types::Tick;
use eventhub_guest::{Timestamp, sql};

use crate::store::__service__::forget_keys;

/// The gateway keeps its answers for a day; nobody repeats a request after that.
const KEYS_KEPT: Duration = Duration::from_secs(2 * 24 * 3600);

pub fn run_tick(_: &(), tick: &Tick) -> Result<(), sql::Error> {
    let now = Timestamp::from_micros(tick.now);
    let forgotten = forget_keys(now.minus(KEYS_KEPT))?;
    if forgotten > 0 {
        tracing::debug!(keys = forgotten, "forgot old idempotency keys");
    }
    Ok(())
}

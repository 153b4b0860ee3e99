//! Periodic work, about once a second and several times at once: finds what no webhook reported.

use eventhub_guest::bindings::eventhub::timers::types::Tick;

use crate::error::Error;
use crate::ports::Ports;
use crate::usecases::reconcile;

/// One tick.
///
/// # Errors
/// [`Error`] of the database, for the log; the next tick tries again.
pub fn run_tick(ports: &dyn Ports, tick: &Tick) -> Result<(), Error> {
    reconcile::reconcile_payments(ports, tick)
}

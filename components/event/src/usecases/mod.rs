//! What takes more than one read or write: `access` finds an event for one who may have it,
//! `venues` and `events` make and change, `lifecycle` publishes and cancels.

pub mod access;
pub mod events;
pub mod lifecycle;
pub mod venues;

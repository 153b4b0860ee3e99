//! The rules and shapes of the service, without I/O and without a clock.

pub mod bits;
pub mod claims;
pub mod feed;
pub mod flags;
pub mod hold;
pub mod hold_id;
pub mod occupancy;
pub mod sale;
pub mod seat_names;
pub mod selection;

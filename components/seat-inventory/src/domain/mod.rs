//! The rules and shapes of the service, without I/O and without a clock.

pub mod feed;
pub mod hold;
pub mod hold_id;
pub mod occupancy;
pub mod place;
pub mod sale;
pub mod seat_names;

//! The rules of venues and events. No I/O, no clock.

pub mod country;
pub mod event;
pub mod input;
pub mod lifecycle;
pub mod search;
pub mod slug;
pub mod venue;

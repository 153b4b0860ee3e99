//! The rules of venues and events. No I/O, no clock.

pub mod access;
pub mod country;
pub mod event;
pub mod input;
pub mod lifecycle;
pub mod reference;
pub mod search;
pub mod slug;
pub mod venue;

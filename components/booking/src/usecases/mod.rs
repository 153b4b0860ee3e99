//! Whatever takes more than a read or a write: making a booking, taking it from step to step, and
//! ending the bookings of a cancelled event.

pub mod advance;
pub mod cancel_event;
pub mod commands;
pub mod create_booking;

//! Rules of bookings and tickets, without I/O. A new rule goes to the file of the thing that it is
//! about.

pub mod booking;
pub mod fact;
pub mod hold;
pub mod new_booking;
pub mod payment;
pub mod saga;
pub mod schedule;
pub mod ticket;

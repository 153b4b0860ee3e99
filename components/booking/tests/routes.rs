//! The routes, facts and timer of the booking service on a real database: good answers, each
//! refusal, another's data.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "routes/bookings.rs"]
mod bookings;
#[path = "routes/facts.rs"]
mod facts;
#[path = "routes/support.rs"]
mod support;
#[path = "routes/tickets.rs"]
mod tickets;
#[path = "routes/timer.rs"]
mod timer;

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

#[test]
fn the_routes_are_those_of_the_openapi_document() {
    eventhub_native::check_openapi(&booking::routes::router());
}

//! Bookings, driven by the saga, and their tickets. `usecases::advance` takes a booking from step
//! to step; `events` and `timers` set it going.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod config;
pub mod domain;
pub mod error;
pub mod events;
pub mod ports;
pub mod routes;
pub mod store;
pub mod timers;
pub mod usecases;

eventhub_guest::service! {
    world: "eventhub:booking/service@0.1.0",
    package: booking,
    shares: [common, http, sql, kafka, timers],
    context: dyn ports::Ports = ports::Linked,
    routes: routes::router,
    events: events::handle_batch,
    timers: timers::run_tick,
}

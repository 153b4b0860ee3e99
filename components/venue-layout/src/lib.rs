//! Layouts: where seats are. Checks them with all their faults at once, keeps immutable versions,
//! makes them from templates.

pub mod domain;
pub mod error;
pub mod exports;
pub mod ports;
pub mod routes;
pub mod store;
pub mod usecases;

eventhub_guest::service! {
    world: "eventhub:venue-layout/service@0.1.0",
    package: venue_layout,
    shares: [http, sql],
    context: dyn ports::Ports = ports::Linked,
    routes: routes::router,
}

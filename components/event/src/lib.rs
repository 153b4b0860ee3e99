//! Venues and events: from draft to published to cancelled, and the search for them.

pub mod config;
pub mod domain;
pub mod error;
pub mod ports;
pub mod routes;
pub mod store;
pub mod usecases;

eventhub_guest::service! {
    world: "eventhub:event/service@0.1.0",
    package: event,
    shares: [common, http, sql],
    context: dyn ports::Ports = ports::Linked,
    routes: routes::router,
}

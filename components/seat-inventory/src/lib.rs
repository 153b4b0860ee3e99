//! Availability, holds and claims of seats: nobody is sold a seat that another has.
//!
//! A hold is a lease in Redis (`leases`). A booking turns it into a claim in PostgreSQL (`store`),
//! where a session and a seat have one row.

pub mod config;
pub mod domain;
pub mod error;
pub mod exports;
pub mod leases;
pub mod ports;
pub mod routes;
pub mod store;
pub mod unprotected;
pub mod usecases;

eventhub_guest::service! {
    world: "eventhub:seat-inventory/service@0.1.0",
    package: seat_inventory,
    shares: [common, http, sql, redis, websocket, topics],
    context: usecases::Inventory =
        usecases::Inventory::new(ports::Linked, config::Config::from_environment()),
    routes: routes::router,
}

//! Availability, holds and claims of seats: nobody may be sold a seat that another has.
//!
//! A hold is a lease in Redis (`leases`, `scripts`); a booking turns it into a claim in Postgres
//! (`store`), where a session and a seat have one row. This file joins the service to the WIT.

pub mod config;
pub mod domain;
pub mod leases;
pub mod ports;
pub mod routes;
pub mod service;
pub mod store;
pub mod unprotected;

mod capabilities;
mod glue;

#[allow(missing_docs)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "seat-inventory",
        with: {
            "eventhub:common/types@0.1.0": eventhub_guest::bindings::eventhub::common::types,
            "eventhub:http/types@0.1.0": eventhub_guest::bindings::eventhub::http::types,
            "eventhub:postgres/sql@0.1.0": eventhub_guest::bindings::eventhub::postgres::sql,
            "eventhub:redis/commands@0.1.0": eventhub_guest::bindings::eventhub::redis::commands,
            "eventhub:websocket/types@0.1.0": eventhub_guest::bindings::eventhub::websocket::types,
            "eventhub:websocket/topics@0.1.0": eventhub_guest::bindings::eventhub::websocket::topics,
        },
        generate_all,
    });
}

/// What the component exports; `glue` has the implementations.
pub struct Component;

// Only a component has exports; a native library cannot have names such as these.
#[cfg(target_arch = "wasm32")]
bindings::export!(Component with_types_in bindings);

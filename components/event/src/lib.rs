//! Venues and events: from draft to published to cancelled, and the search for them.

mod access;
mod config;
mod domain;
mod object;
mod ports;
mod routes;
mod store;

#[allow(missing_docs)]
mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "event",
        with: {
            "eventhub:common/types@0.1.0": eventhub_guest::bindings::eventhub::common::types,
            "eventhub:http/types@0.1.0": eventhub_guest::bindings::eventhub::http::types,
            "eventhub:postgres/sql@0.1.0": eventhub_guest::bindings::eventhub::postgres::sql,
        },
        generate_all,
    });
}

struct Component;

impl bindings::exports::eventhub::event::routes::Guest for Component {
    fn handle(request: eventhub_guest::Request) -> eventhub_guest::Response {
        routes::handle(&request)
    }
}

// Only a component has exports; a native library cannot have names such as these.
#[cfg(target_arch = "wasm32")]
bindings::export!(Component with_types_in bindings);

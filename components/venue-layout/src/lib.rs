//! Layouts: where seats are. Checks them with all their faults at once, keeps immutable versions,
//! makes them from templates.

mod access;
mod layout;
mod routes;
mod service;
mod store;
mod templates;

#[allow(missing_docs)]
mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "venue-layout",
        with: {
            "eventhub:http/types@0.1.0": eventhub_guest::bindings::eventhub::http::types,
            "eventhub:postgres/sql@0.1.0": eventhub_guest::bindings::eventhub::postgres::sql,
        },
        generate_all,
    });
}

struct Component;

impl bindings::exports::eventhub::venue_layout::routes::Guest for Component {
    fn handle(request: eventhub_guest::Request) -> eventhub_guest::Response {
        routes::handle(&request)
    }
}

// Only a component has exports; a native library cannot have names such as these.
#[cfg(target_arch = "wasm32")]
bindings::export!(Component with_types_in bindings);

//! Bookings, driven by the saga, and their tickets. `domain` has the rules, `store` the SQL,
//! `routes` the HTTP; `driver` takes a booking from step to step, `services` are the calls that it
//! makes, `events` and `timers` are what sets it going.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

mod config;
mod domain;
mod driver;
mod events;
mod routes;
mod services;
mod store;
mod timers;

#[allow(missing_docs)]
mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "booking",
        with: {
            "eventhub:common/types@0.1.0": eventhub_guest::bindings::eventhub::common::types,
            "eventhub:http/types@0.1.0": eventhub_guest::bindings::eventhub::http::types,
            "eventhub:postgres/sql@0.1.0": eventhub_guest::bindings::eventhub::postgres::sql,
            "eventhub:kafka/types@0.1.0": eventhub_guest::bindings::eventhub::kafka::types,
            "eventhub:timers/types@0.1.0": eventhub_guest::bindings::eventhub::timers::types,
        },
        generate_all,
        additional_derives: [PartialEq],
    });
}

use bindings::exports::eventhub::booking::{events as kafka, routes as http, timers as periodic};
use eventhub_guest::bindings::eventhub::kafka::types::{Delivery, Outcome};
use eventhub_guest::bindings::eventhub::timers::types::Moment;
use eventhub_guest::{Request, Response};

struct Component;

impl http::Guest for Component {
    fn handle(request: Request) -> Response {
        routes::ROUTER.with(|router| router.handle(&request))
    }
}

impl kafka::Guest for Component {
    fn handle(batch: Vec<Delivery>) -> Vec<Outcome> {
        eventhub_guest::log::init();
        events::handle(&batch)
    }
}

impl periodic::Guest for Component {
    fn tick(moment: Moment) -> Result<(), String> {
        eventhub_guest::log::init();
        timers::tick(&moment)
    }
}

// Natively the crate is linked for its rules only; a linker for ELF takes no export names of WIT.
#[cfg(target_arch = "wasm32")]
bindings::export!(Component with_types_in bindings);

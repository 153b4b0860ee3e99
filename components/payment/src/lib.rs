//! Payments: one per booking, asked of a provider, told by its webhooks, and looked up where no
//! webhook tells.
//!
//! `domain` has the forward-only state machine, `store` the SQL, `providers` the strategy,
//! `service` what is done with them.
#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]

mod domain;
mod providers;
mod routes;
mod service;
mod store;

#[allow(missing_docs)]
mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "payment",
        with: {
            "eventhub:common/types@0.1.0": eventhub_guest::bindings::eventhub::common::types,
            "eventhub:http/types@0.1.0": eventhub_guest::bindings::eventhub::http::types,
            "eventhub:postgres/sql@0.1.0": eventhub_guest::bindings::eventhub::postgres::sql,
            "eventhub:timers/types@0.1.0": eventhub_guest::bindings::eventhub::timers::types,
        },
        generate_all,
    });
}

use bindings::exports::eventhub::payment::{payments, routes as http_routes, timers};
use eventhub_guest::bindings::eventhub::timers::types::Moment;
use eventhub_guest::{Request, Response};

struct Component;

impl http_routes::Guest for Component {
    fn handle(request: Request) -> Response {
        routes::handle(&request)
    }
}

impl payments::Guest for Component {
    fn create(order: payments::Order) -> Result<payments::Payment, payments::Error> {
        eventhub_guest::log::init();
        Ok(service::create(order)?.to_wit())
    }

    fn get(booking_id: String) -> Result<payments::Payment, payments::Error> {
        eventhub_guest::log::init();
        Ok(service::get(&booking_id)?.to_wit())
    }

    fn cancel(booking_id: String) -> Result<payments::Payment, payments::Error> {
        eventhub_guest::log::init();
        Ok(service::cancel(&booking_id)?.to_wit())
    }

    fn refund(booking_id: String, reason: String) -> Result<payments::Payment, payments::Error> {
        eventhub_guest::log::init();
        Ok(service::refund(&booking_id, &reason)?.to_wit())
    }
}

impl timers::Guest for Component {
    fn tick(moment: Moment) -> Result<(), String> {
        eventhub_guest::log::init();
        service::reconcile(&moment).map_err(|error| error.to_string())
    }
}

// Only a component has exports; a native library cannot have names such as these.
#[cfg(target_arch = "wasm32")]
bindings::export!(Component with_types_in bindings);

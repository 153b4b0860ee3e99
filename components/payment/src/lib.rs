//! Payments: one per booking. The service asks a provider for it, learns from the provider's
//! webhooks what became of it, and asks the provider where no webhook arrives.

pub mod domain;
pub mod error;
pub mod exports;
pub mod ports;
pub mod routes;
pub mod store;
pub mod timers;
pub mod usecases;

eventhub_guest::service! {
    bindings: "bindings.rs",
    package: payment,
    context: dyn ports::Ports = ports::Linked,
    routes: routes::router,
    timers: timers::run_tick,
}

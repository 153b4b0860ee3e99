//! Accounts, tokens, organizers: who somebody is, and for whom they may act.

pub mod config;
pub mod domain;
pub mod error;
pub mod exports;
pub mod routes;
pub mod store;
pub mod timers;
pub mod usecases;

eventhub_guest::service! {
    world: "eventhub:identity/service@0.1.0",
    package: identity,
    shares: [http, sql, timers],
    context: () = (),
    routes: routes::router,
    timers: timers::run_tick,
}

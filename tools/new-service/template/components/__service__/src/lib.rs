//! What people write in a __resource__, and who may read it.
//!
//! `domain` has the rules, `store` the SQL, `routes` the HTTP, `timers` what is forgotten in time.

pub mod domain;
pub mod error;
pub mod routes;
pub mod store;
pub mod timers;

eventhub_guest::service! {
    world: "eventhub:__service__/service@0.1.0",
    package: __service__,
    shares: [http, sql, timers],
    context: () = (),
    routes: routes::router,
    timers: timers::run_tick,
}

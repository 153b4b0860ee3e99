//! The HTTP routes of this service: `venues`; `events` to make, read and change; `lifecycle` to
//! publish and cancel; `search`.

mod events;
mod lifecycle;
mod search;
mod venues;
mod view;

use eventhub_guest::Router;

use crate::ports::Ports;

/// One request, with the services that a handler may call.
pub type Call<'a> = eventhub_guest::Call<'a, dyn Ports>;

/// All routes.
pub fn router() -> Router<dyn Ports> {
    Router::new()
        .get("/api/v1/venues", venues::list)
        .query(&["limit", "cursor", "organizer_id"])
        .post("/api/v1/venues", venues::create)
        .get("/api/v1/venues/{id}", venues::get)
        .get("/api/v1/events", search::list)
        .query(&search::PARAMETERS)
        .post("/api/v1/events", events::create)
        .get("/api/v1/events/{id}", events::get)
        .patch("/api/v1/events/{id}", events::change)
        .post("/api/v1/events/{id}/publish", lifecycle::publish)
        .post("/api/v1/events/{id}/cancel", lifecycle::cancel)
}

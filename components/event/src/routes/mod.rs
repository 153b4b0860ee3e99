//! The HTTP routes of this service: `venues`; `events` to make, read and change; `lifecycle` to
//! publish and cancel; `search`.

mod events;
mod lifecycle;
mod search;
mod venues;
mod view;

use eventhub_guest::{Request, Response, Router};

thread_local! {
    static ROUTER: Router = Router::new()
        .get("/api/v1/venues", venues::list)
        .post("/api/v1/venues", venues::create)
        .get("/api/v1/venues/{id}", venues::get)
        .get("/api/v1/events", search::search)
        .post("/api/v1/events", events::create)
        .get("/api/v1/events/{id}", events::get)
        .patch("/api/v1/events/{id}", events::change)
        .post("/api/v1/events/{id}/publish", lifecycle::publish)
        .post("/api/v1/events/{id}/cancel", lifecycle::cancel);
}

pub fn handle(request: &Request) -> Response {
    ROUTER.with(|router| router.handle(request))
}

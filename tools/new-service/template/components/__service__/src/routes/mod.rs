//! The HTTP routes of this service.

mod __service__;

use eventhub_guest::{Router, page};

/// What a handler gets: this service calls no other.
pub type Call<'a> = eventhub_guest::Call<'a, ()>;

/// The routes of this service.
pub fn router() -> Router<()> {
    Router::new()
        .get("/api/v1/__service__", __service__::list)
        .query(&page::PARAMETERS)
        .post("/api/v1/__service__", __service__::create)
        .get("/api/v1/__service__/{id}", __service__::get)
}

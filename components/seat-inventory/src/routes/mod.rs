//! HTTP: availability of a session, and holds of the signed-in user. A new resource is a file here
//! and its lines in [`router`].

mod hold_body;
mod holds;
mod seats;

use eventhub_guest::Router;

use crate::usecases::Inventory;

/// A request on its way through a handler.
pub type Call<'a> = eventhub_guest::Call<'a, Inventory>;

/// The routes of this service.
pub fn router() -> Router<Inventory> {
    Router::new()
        .get("/api/v1/sessions/{id}/seats", seats::get)
        .post("/api/v1/sessions/{id}/holds", holds::create)
        .get("/api/v1/holds/{id}", holds::get)
        .delete("/api/v1/holds/{id}", holds::release)
        .post("/api/v1/holds/{id}/extend", holds::extend)
}

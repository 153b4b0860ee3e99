//! The HTTP routes. Bookings and tickets are their owner's only; anybody may read the keys that
//! verify tickets. A new resource gets a file of its own.

pub mod bookings;
pub mod tickets;

use eventhub_guest::Router;
use eventhub_guest::page::PARAMETERS;

use crate::ports::Ports;

/// A request to this service.
pub type Call<'a> = eventhub_guest::Call<'a, dyn Ports>;

/// All routes of this service.
pub fn router() -> Router<dyn Ports> {
    Router::new()
        .post("/api/v1/bookings", bookings::create)
        .get("/api/v1/bookings", bookings::list)
        .query(&["status", "limit", "cursor"])
        .get("/api/v1/bookings/{id}", bookings::get)
        .post("/api/v1/bookings/{id}/cancel", bookings::cancel)
        .get("/api/v1/bookings/{id}/tickets", tickets::list)
        .query(&PARAMETERS)
        .get("/api/v1/tickets/{id}/qr.svg", tickets::qr_svg)
        .get("/.well-known/ticket-keys.json", tickets::keys)
}

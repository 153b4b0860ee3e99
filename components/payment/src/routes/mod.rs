//! The HTTP routes of this service.

pub mod webhooks;

use eventhub_guest::Router;

use crate::ports::Ports;

/// A request to this service.
pub type Call<'a> = eventhub_guest::Call<'a, dyn Ports>;

/// All routes.
pub fn router() -> Router<dyn Ports> {
    Router::new().post("/webhooks/{provider}", webhooks::receive)
}

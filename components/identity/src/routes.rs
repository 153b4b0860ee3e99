//! The HTTP routes of this service.

mod auth;
mod keys;
mod organizers;
mod users;

use eventhub_guest::Router;
use serde::{Deserialize, Deserializer};

thread_local! {
    pub static ROUTER: Router = Router::new()
        .post("/api/v1/auth/signup", auth::sign_up)
        .post("/api/v1/auth/login", auth::log_in)
        .post("/api/v1/auth/refresh", auth::refresh)
        .post("/api/v1/auth/logout", auth::log_out)
        .get("/api/v1/users/me", users::me)
        .route("PATCH", "/api/v1/users/me", users::change)
        .get("/api/v1/organizers", organizers::list)
        .post("/api/v1/organizers", organizers::create)
        .get("/api/v1/organizers/{id}", organizers::get)
        .get("/api/v1/organizers/{id}/members", organizers::members)
        .post("/api/v1/organizers/{id}/members", organizers::add_member)
        .get("/api/v1/organizers/{id}/members/{user_id}", organizers::member)
        .route("PUT", "/api/v1/organizers/{id}/members/{user_id}", organizers::change_role)
        .route("DELETE", "/api/v1/organizers/{id}/members/{user_id}", organizers::remove_member)
        .get("/.well-known/jwks.json", keys::jwks);
}

/// A member that may be absent, but not null.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

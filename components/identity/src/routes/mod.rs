//! The HTTP routes of this service.

pub mod auth;
pub mod keys;
pub mod organizers;
pub mod users;

use eventhub_guest::Router;
use eventhub_guest::page::PARAMETERS;

/// A request to this service, which calls no other.
pub type Call<'a> = eventhub_guest::Call<'a, ()>;

/// All routes.
pub fn router() -> Router {
    Router::new()
        .post("/api/v1/auth/signup", auth::sign_up)
        .post("/api/v1/auth/login", auth::log_in)
        .post("/api/v1/auth/refresh", auth::refresh)
        .post("/api/v1/auth/logout", auth::log_out)
        .get("/api/v1/users/me", users::get_me)
        .patch("/api/v1/users/me", users::change_me)
        .get("/api/v1/organizers", organizers::list)
        .query(&PARAMETERS)
        .post("/api/v1/organizers", organizers::create)
        .get("/api/v1/organizers/{id}", organizers::get)
        .get("/api/v1/organizers/{id}/members", organizers::list_members)
        .query(&PARAMETERS)
        .post("/api/v1/organizers/{id}/members", organizers::add_member)
        .get(
            "/api/v1/organizers/{id}/members/{user_id}",
            organizers::get_member,
        )
        .put(
            "/api/v1/organizers/{id}/members/{user_id}",
            organizers::change_role,
        )
        .delete(
            "/api/v1/organizers/{id}/members/{user_id}",
            organizers::remove_member,
        )
        .get("/.well-known/jwks.json", keys::get_key_set)
}

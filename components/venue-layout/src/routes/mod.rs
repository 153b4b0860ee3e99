//! The HTTP routes of this service. `layouts` keeps layouts, `templates` makes them.

mod layouts;
mod templates;

use eventhub_guest::Router;

use crate::ports::Ports;

/// One request, with the services that a handler may call.
pub type Call<'a> = eventhub_guest::Call<'a, dyn Ports>;

/// All routes.
pub fn router() -> Router<dyn Ports> {
    Router::new()
        .get("/api/v1/layouts", layouts::list)
        .query(&["limit", "cursor", "venue_id"])
        .post("/api/v1/layouts", layouts::create)
        .get("/api/v1/layouts/schema", layouts::schema)
        .get("/api/v1/layouts/{id}", layouts::get)
        .query(&["version"])
        .put("/api/v1/layouts/{id}", layouts::replace)
        .get("/api/v1/layout-templates", templates::list)
        .query(&["limit", "cursor"])
        .post(
            "/api/v1/layout-templates/{name}/instantiate",
            templates::instantiate,
        )
}

//! The HTTP routes of this service. `layouts` keeps layouts, `templates` makes them.

mod layouts;
mod templates;

use eventhub_guest::{Request, Response, Router};

thread_local! {
    static ROUTER: Router = Router::new()
        .get("/api/v1/layouts", layouts::list)
        .post("/api/v1/layouts", layouts::create)
        .get("/api/v1/layouts/schema", layouts::schema)
        .get("/api/v1/layouts/{id}", layouts::get)
        .put("/api/v1/layouts/{id}", layouts::replace)
        .get("/api/v1/layout-templates", templates::list)
        .post("/api/v1/layout-templates/{name}/instantiate", templates::instantiate);
}

pub fn handle(request: &Request) -> Response {
    ROUTER.with(|router| router.handle(request))
}

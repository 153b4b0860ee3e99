//! The routes are those of the OpenAPI document.

#[test]
fn the_routes_are_those_of_the_openapi_document() {
    eventhub_native::check_openapi(&payment::routes::router());
}

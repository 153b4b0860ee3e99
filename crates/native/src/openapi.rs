//! The routes of a service against its part of the OpenAPI document.

use std::collections::BTreeSet;

use eventhub_guest::Router;

/// Checks that a router has the operations of the service's `openapi.yaml` and no others: the
/// gateway passes on what the document has. Run it from the service's folder, as cargo does.
///
/// # Panics
/// With the operations that only one of them has, and when the file cannot be read.
pub fn check_openapi<C: ?Sized>(router: &Router<C>) {
    let document = std::fs::read_to_string("openapi.yaml")
        .unwrap_or_else(|error| panic!("openapi.yaml: {error}"));
    let (mut declared, mut path) = (BTreeSet::new(), "");
    for line in document.lines().take_while(|line| *line != "components:") {
        if let Some(name) = line.strip_prefix("  /") {
            path = name.trim_end_matches(':');
        }
        let method = line
            .strip_prefix("    ")
            .and_then(|rest| rest.strip_suffix(':'));
        if let Some(method @ ("get" | "post" | "put" | "patch" | "delete")) = method {
            declared.insert((method.to_uppercase(), unnamed_path(path)));
        }
    }
    let routes: BTreeSet<_> = router
        .list_routes()
        .into_iter()
        .map(|(method, path)| {
            (
                method.to_string(),
                unnamed_path(path.trim_start_matches('/')),
            )
        })
        .collect();
    let only_one: Vec<_> = routes.symmetric_difference(&declared).collect();
    assert!(
        only_one.is_empty(),
        "the router and openapi.yaml differ in {only_one:?}"
    );
}

/// A path with its parameters unnamed.
fn unnamed_path(path: &str) -> String {
    let segments = path.split('/').map(|segment| match segment {
        parameter if parameter.starts_with('{') => "{}",
        segment => segment,
    });
    segments.collect::<Vec<_>>().join("/")
}

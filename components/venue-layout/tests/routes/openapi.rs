//! The routes are those of the OpenAPI document.

use std::collections::BTreeSet;

use venue_layout::routes::router;

#[test]
fn the_routes_are_those_of_the_openapi_document() {
    let document = include_str!("../../openapi.yaml");
    let mut declared = BTreeSet::new();
    let mut path = "";
    for line in document.lines().take_while(|line| *line != "components:") {
        if let Some(name) = line.strip_prefix("  /") {
            path = name.trim_end_matches(':');
        }
        let method = line
            .strip_prefix("    ")
            .and_then(|rest| rest.strip_suffix(':'));
        if let Some(method @ ("get" | "post" | "put" | "patch" | "delete")) = method {
            declared.insert((method.to_uppercase(), shape_of(path)));
        }
    }
    let router = router();
    let routes = router.list_routes().into_iter();
    let routes: BTreeSet<_> = routes
        .map(|(method, path)| (method.to_string(), shape_of(path.trim_start_matches('/'))))
        .collect();
    assert_eq!(routes, declared);
}

/// A path with its parameters unnamed.
fn shape_of(path: &str) -> String {
    let segments = path.split('/').map(|segment| {
        if segment.starts_with('{') {
            "{}"
        } else {
            segment
        }
    });
    segments.collect::<Vec<_>>().join("/")
}

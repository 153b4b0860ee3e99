//! Which shims there are, and what they say when a call is not answered.

use eventhub_compose::shims::{Shim, client_name, generate_shims, server_name};

use crate::support::{Folder, project, project_with_reviews};

fn source<'a>(shims: &'a [Shim], name: &str) -> &'a str {
    let mut shims = shims.iter();
    &shims.find(|shim| shim.name == name).unwrap().source
}

fn names(shims: &[Shim]) -> Vec<&str> {
    shims.iter().map(|shim| shim.name.as_str()).collect()
}

/// The arm of a client's function for a call that is not answered.
fn failure<'a>(source: &'a str, interface: &str, function: &str) -> &'a str {
    let call = format!("call(\"{interface}\", \"{function}\"");
    let (_, tail) = source.split_once(&call).unwrap();
    let (_, tail) = tail.split_once("Err(cause) => ").unwrap();
    tail.split_once(",\n        }\n    }\n").unwrap().0
}

#[test]
fn every_service_has_a_client_and_a_server() {
    let project = project();
    let shims = generate_shims(&project).unwrap();
    let services = project.manifest.services();
    assert!(!services.is_empty());
    for service in services {
        for name in [client_name(&service.name), server_name(&service.name)] {
            assert!(names(&shims).contains(&name.as_str()), "{name}");
        }
    }
}

#[test]
fn a_capability_has_a_client_when_components_use_it() {
    let shims = generate_shims(&project()).unwrap();
    for name in ["postgres_client", "redis_client", "websocket_client"] {
        assert!(names(&shims).contains(&name), "{name}");
    }
    // Kafka calls components, but no component links to it.
    for name in ["kafka_client", "postgres_server", "http_server_client"] {
        assert!(!names(&shims).contains(&name), "{name}");
    }
}

#[test]
fn parts_and_providers_have_no_shims() {
    for name in names(&generate_shims(&project()).unwrap()) {
        for part in [
            "saga",
            "seat_lock",
            "payment_stripe",
            "bench",
            "api_gateway",
        ] {
            assert!(!name.starts_with(part), "{name}");
        }
    }
}

#[test]
fn capabilities_are_all_in_one_pair_of_shims() {
    let shims = generate_shims(&project()).unwrap();
    for name in ["capabilities_client", "capabilities_server"] {
        let source = source(&shims, name);
        for package in [
            "postgres/sql",
            "redis/commands",
            "kafka/producer",
            "websocket/topics",
        ] {
            assert!(
                source.contains(&format!("eventhub:{package}@")),
                "{name}: {package}"
            );
        }
    }
}

#[test]
fn the_application_takes_what_capabilities_call() {
    let shims = generate_shims(&project()).unwrap();
    let source = source(&shims, "application_server");
    for interface in [
        "booking/events",
        "booking/timers",
        "identity/timers",
        "seat-inventory/live",
    ] {
        assert!(
            source.contains(&format!("(\"eventhub:{interface}@0.1.0\", ")),
            "{interface}"
        );
    }
    for interface in ["booking/routes", "seat-inventory/holds", "payment/payments"] {
        assert!(
            !source.contains(&format!("eventhub:{interface}@")),
            "{interface}"
        );
    }
    assert!(source.contains("serve!(dispatch, gateway)"));
}

#[test]
fn a_service_that_is_away_costs_no_attempt() {
    let shims = generate_shims(&project()).unwrap();
    let source = source(&shims, "booking_client");
    assert_eq!(
        failure(source, "eventhub:booking/events@0.1.0", "handle"),
        "batch.iter().map(|_| bindings::exports::eventhub::booking::events::Outcome::\
         Unavailable(cause.clone())).collect()"
    );
}

#[test]
fn every_interface_says_unavailable_in_its_own_way() {
    let shims = generate_shims(&project()).unwrap();
    for (client, interface, function, wanted) in [
        ("booking", "timers", "run", "Err(cause)"),
        (
            "booking",
            "routes",
            "handle",
            "unavailable(&cause, &request.request_id)",
        ),
        (
            "seat-inventory",
            "holds",
            "reserve",
            "holds::Error::Unavailable(cause)",
        ),
        ("seat-inventory", "live", "open", "Close((1013, "),
    ] {
        let source = source(&shims, &client_name(client));
        let failure = failure(
            source,
            &format!("eventhub:{client}/{interface}@0.1.0"),
            function,
        );
        assert!(failure.contains(wanted), "{client}/{interface}: {failure}");
    }
}

#[test]
fn a_new_service_gets_its_shims_without_a_list() {
    let copy = Folder::new("shims");
    let shims = generate_shims(&project_with_reviews(&copy)).unwrap();
    for name in ["reviews_client", "reviews_server"] {
        assert!(names(&shims).contains(&name), "{name}");
    }
    let application = source(&shims, "application_server");
    assert!(application.contains("(\"eventhub:reviews/timers@0.1.0\", \"tick\")"));
    assert!(!names(&shims).contains(&"stars_client"));
}

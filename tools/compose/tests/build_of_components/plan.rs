//! What is built, for the project and for the project with another service.

use eventhub_compose::{Adapter, Component, Plan, Selection};

use crate::support::{Folder, project, project_with_reviews};

fn whole_plan() -> Plan {
    Plan::new(&project(), &Selection::default()).unwrap()
}

fn plan_only(name: &str) -> anyhow::Result<Plan> {
    let only = vec![name.to_string()];
    let selection = Selection {
        only,
        ..Selection::default()
    };
    Plan::new(&project(), &selection)
}

fn component<'a>(plan: &'a Plan, name: &str) -> &'a Component {
    let mut components = plan.components.iter();
    components.find(|known| known.name == name).unwrap()
}

fn expected(name: &str, parts: &[&str], rpc: Option<&str>) -> Component {
    Component {
        name: name.into(),
        parts: parts.iter().map(|part| part.to_string()).collect(),
        rpc: rpc.map(str::to_string),
    }
}

#[test]
fn parts_and_rpc_servers_go_into_their_users() {
    let plan = whole_plan();
    for wanted in [
        expected("booking", &["saga"], Some("booking_server")),
        expected(
            "seat-inventory",
            &["seat-lock"],
            Some("seat_inventory_server"),
        ),
        expected("identity", &[], Some("identity_server")),
        expected("payment-stripe", &[], None),
        expected("api-gateway", &[], None),
    ] {
        assert_eq!(*component(&plan, &wanted.name), wanted);
    }
}

#[test]
fn every_component_of_the_manifest_is_built() {
    let (project, plan) = (project(), whole_plan());
    let planned = plan.components.iter().map(|component| &component.name);
    let named = project.manifest.components.iter();
    assert!(planned.eq(named.map(|component| &component.name)));
}

#[test]
fn a_part_is_compiled_but_is_no_file_of_its_own() {
    let plan = whole_plan();
    assert!(plan.packages().contains(&"saga"));
    assert!(plan.components.iter().all(|one| one.name != "saga"));
}

#[test]
fn composed_servers_are_compiled_but_not_copied() {
    let plan = whole_plan();
    assert!(plan.packages().contains(&"booking_server"));
    assert!(!plan.shims.contains(&"booking_server".to_string()));
    assert!(plan.shims.contains(&"application_server".to_string()));
}

#[test]
fn adapters_are_the_packages_in_their_folder() {
    let wanted = Adapter {
        name: "spin-postgres".into(),
        package: "eventhub-spin-postgres".into(),
    };
    assert!(whole_plan().adapters.contains(&wanted));
}

#[test]
fn an_extra_component_is_built_on_request() {
    let extra = |name: &str| Selection {
        extra: vec![name.into()],
        ..Selection::default()
    };
    let plan = Plan::new(&project(), &extra("bench")).unwrap();
    assert_eq!(*component(&plan, "bench"), expected("bench", &[], None));
    let error = Plan::new(&project(), &extra("nothing")).unwrap_err();
    assert!(error.to_string().contains("components/nothing"), "{error}");
}

#[test]
fn one_component_is_built_with_its_composition_only() {
    let plan = plan_only("booking").unwrap();
    assert_eq!(plan.packages(), ["booking", "saga", "booking_server"]);
    assert_eq!(
        plan.to_string(),
        "package booking\npackage saga\npackage booking_server\npackage all-components\n\
         component booking part=saga rpc=booking_server\n"
    );
}

#[test]
fn a_changed_part_rebuilds_its_user() {
    assert_eq!(
        plan_only("seat-lock").unwrap().components[0].name,
        "seat-inventory"
    );
}

#[test]
fn an_unknown_component_is_refused() {
    let error = plan_only("bookings").unwrap_err();
    assert!(error.to_string().contains("bookings"), "{error}");
}

#[test]
fn a_new_service_is_built_without_a_list() {
    let copy = Folder::new("plan");
    let plan = Plan::new(&project_with_reviews(&copy), &Selection::default()).unwrap();
    let wanted = expected("reviews", &["stars"], Some("reviews_server"));
    assert_eq!(*component(&plan, "reviews"), wanted);
    assert!(plan.packages().contains(&"stars"));
}

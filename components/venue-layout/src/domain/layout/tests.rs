//! The rules of layouts: each with its fault and pointer, all of them at once, and never a panic.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{MAX_FAULTS, MAX_SEATS, read_new_layout, read_next_version};

fn faults(layout: Value) -> Vec<(String, &'static str)> {
    let body = json!({"name": "Hall", "layout": layout}).to_string();
    match read_next_version(body.as_bytes()) {
        Ok(_) => vec![],
        Err(faults) => faults
            .into_iter()
            .map(|fault| {
                (
                    fault.pointer.trim_start_matches("/layout").to_string(),
                    fault.code,
                )
            })
            .collect(),
    }
}

fn sound() -> Value {
    json!({
        "sections": [{
            "id": "A", "name": "Stalls", "category": "stalls",
            "rows": [{"id": "1", "seats": [{"id": "1", "x": 0, "y": 0, "flags": ["accessible", "aisle"]}, {"id": "2", "x": 55.5, "y": -0.0}]}],
            "tables": [{"id": "T1", "x": 0, "y": 300, "seats": [{"id": "1", "x": 0, "y": 250}]}],
        }],
        "areas": [{"id": "floor", "name": "Standing", "category": "standing", "capacity": 300, "polygon": [[0, 0], [10, 0], [10, 10]]}],
        "shapes": [{"kind": "stage", "points": [[0, 0], [10, 0], [10, 10]], "text": "Stage"}, {"kind": "line", "points": [[0, 0], [1, 1]]}],
    })
}

/// The sound layout with one value replaced.
fn with(pointer: &str, value: Value) -> Value {
    let mut layout = sound();
    *layout.pointer_mut(pointer).unwrap() = value;
    layout
}

/// The sound layout without one member.
fn without(pointer: &str, member: &str) -> Value {
    let mut layout = sound();
    layout
        .pointer_mut(pointer)
        .unwrap()
        .as_object_mut()
        .unwrap()
        .remove(member)
        .unwrap();
    layout
}

#[test]
fn the_stored_text_has_every_member_in_order() {
    let body = json!({"name": "Hall", "layout": sound()}).to_string();
    let read = read_next_version(body.as_bytes()).unwrap();
    let text = serde_json::to_string(&read.layout).unwrap();
    let start = r#"{"sections":[{"id":"A","name":"Stalls","category":"stalls","rows":[{"id":"1","seats":[{"id":"1","x":0,"y":0,"flags":["accessible","aisle"]},{"id":"2","x":55.5,"y":0,"flags":[]}]}],"tables":[{"id":"T1","x":0,"y":300,"#;
    assert!(text.starts_with(start), "{text}");
    assert!(
        text.ends_with(r#"{"kind":"line","points":[[0,0],[1,1]]}]}"#),
        "{text}"
    );
    let summary = read.layout.summary();
    assert_eq!((summary.seat_count, summary.capacity), (3, 303));
    assert_eq!(summary.categories, ["stalls", "standing"]);
}

#[test]
fn each_rule_names_its_pointer() {
    let seat = "/sections/0/rows/0/seats/0";
    let cases = [
        (
            with("/sections/0/id", json!("A-1")),
            "/sections/0/id",
            "invalid_id",
        ),
        (
            with("/sections/0/id", json!("123456789")),
            "/sections/0/id",
            "invalid_id",
        ),
        (
            with("/sections/0/id", json!("")),
            "/sections/0/id",
            "invalid_id",
        ),
        (
            with("/sections/0/id", json!("ä")),
            "/sections/0/id",
            "invalid_id",
        ),
        (
            with("/sections/0/id", json!(1)),
            "/sections/0/id",
            "wrong_type",
        ),
        // The second that is read; these bodies have their members in alphabetical order.
        (
            with("/areas/0/id", json!("A")),
            "/sections/0/id",
            "duplicate",
        ),
        (
            with("/sections/0/tables/0/id", json!("1")),
            "/sections/0/tables/0/id",
            "duplicate",
        ),
        (
            with("/sections/0/rows/0/seats/1/id", json!("1")),
            "/sections/0/rows/0/seats/1/id",
            "duplicate",
        ),
        (
            with("/sections/0/name", json!("")),
            "/sections/0/name",
            "too_short",
        ),
        (
            with("/sections/0/name", json!("n".repeat(201))),
            "/sections/0/name",
            "too_long",
        ),
        (
            with("/sections/0/name", json!("a\u{0}b")),
            "/sections/0/name",
            "invalid_character",
        ),
        (
            with("/sections/0/category", json!(" a")),
            "/sections/0/category",
            "surrounding_space",
        ),
        (
            with("/sections/0/category", json!("c".repeat(65))),
            "/sections/0/category",
            "too_long",
        ),
        (
            with("/sections/0/rows/0", json!({"id": "1", "seats": []})),
            "/sections/0/rows/0/seats",
            "too_few",
        ),
        (
            with(&format!("{seat}/x"), json!(1_000_000.5)),
            "/sections/0/rows/0/seats/0/x",
            "out_of_range",
        ),
        (
            with(&format!("{seat}/y"), json!(null)),
            "/sections/0/rows/0/seats/0/y",
            "wrong_type",
        ),
        (
            with(&format!("{seat}/flags"), json!(["vip"])),
            "/sections/0/rows/0/seats/0/flags/0",
            "unknown_flag",
        ),
        (
            with(&format!("{seat}/flags"), json!("aisle")),
            "/sections/0/rows/0/seats/0/flags",
            "wrong_type",
        ),
        (
            with("/areas/0/capacity", json!(0)),
            "/areas/0/capacity",
            "out_of_range",
        ),
        (
            with("/areas/0/capacity", json!(1.5)),
            "/areas/0/capacity",
            "wrong_type",
        ),
        (
            with("/areas/0/polygon", json!([[0, 0], [1, 1]])),
            "/areas/0/polygon",
            "too_few",
        ),
        (
            with("/areas/0/polygon/1", json!([0])),
            "/areas/0/polygon/1",
            "too_few",
        ),
        (
            with("/areas/0/polygon/1", json!([0, 1, 2])),
            "/areas/0/polygon/1",
            "too_many",
        ),
        (
            with("/areas/0/polygon/1", json!([0, "1"])),
            "/areas/0/polygon/1/1",
            "wrong_type",
        ),
        (
            with("/shapes/0/kind", json!("bar")),
            "/shapes/0/kind",
            "unknown_kind",
        ),
        (
            with("/shapes/0/points", json!([[0, 0]])),
            "/shapes/0/points",
            "too_few",
        ),
        (
            with("/shapes/1/points", json!([[0, 0]])),
            "/shapes/1/points",
            "too_few",
        ),
        (
            with("/shapes/1", json!({"kind": "text", "points": [[0, 0]]})),
            "/shapes/1/text",
            "required",
        ),
        (with("/sections", json!({})), "/sections", "wrong_type"),
        (with("/sections/0", json!([])), "/sections/0", "wrong_type"),
        (
            without("/sections/0", "name"),
            "/sections/0/name",
            "required",
        ),
        (
            without(seat, "x"),
            "/sections/0/rows/0/seats/0/x",
            "required",
        ),
        (
            with(
                "/sections/0",
                json!({"id": "A", "name": "n", "category": "c", "rows": []}),
            ),
            "/sections/0",
            "empty",
        ),
        (json!({"shapes": []}), "", "empty"),
        (json!({"sections": null, "areas": null}), "", "empty"),
        (
            with("/shapes/0/points", json!(null)),
            "/shapes/0/points",
            "too_few",
        ),
        (
            with(
                "/shapes/1",
                json!({"kind": "text", "points": [[0, 0]], "text": null}),
            ),
            "/shapes/1/text",
            "required",
        ),
        (json!(null), "", "wrong_type"),
    ];
    assert_eq!(faults(sound()), []);
    for (layout, pointer, code) in cases {
        assert_eq!(faults(layout), [(pointer.to_string(), code)]);
    }
}

#[test]
fn null_is_the_absence_of_an_optional_member() {
    let optional = [
        ("", "shapes"),
        ("/sections/0", "tables"),
        ("/sections/0/rows/0/seats/0", "flags"),
        ("/shapes/0", "text"),
    ];
    for (parent, member) in optional {
        let null = with(&format!("{parent}/{member}"), json!(null));
        let absent = without(parent, member);
        let read = |layout: Value| {
            let body = json!({"name": "Hall", "layout": layout}).to_string();
            read_next_version(body.as_bytes()).unwrap().layout
        };
        assert_eq!(read(null), read(absent), "{parent}/{member}");
    }
}

#[test]
fn all_faults_are_reported_up_to_the_limit() {
    let section = json!({"id": "A", "name": "", "category": 5, "seats": [], "rows": [
        {"id": "1", "seats": [{"id": "1", "x": 0}, {"id": "1", "x": "0", "y": 0}]}]});
    let found = faults(json!({"sections": [section, {"id": "A"}], "balconies": {"a/b": [1]}}));
    let expected = [
        ("/sections/0/category", "wrong_type"),
        ("/sections/0/name", "too_short"),
        ("/sections/0/rows/0/seats/0/y", "required"),
        ("/sections/0/rows/0/seats/1/id", "duplicate"),
        ("/sections/0/rows/0/seats/1/x", "wrong_type"),
        ("/sections/0/seats", "unknown_field"),
        ("/sections/1/id", "duplicate"),
        ("/sections/1/name", "required"),
        ("/sections/1/category", "required"),
        ("/sections/1", "empty"),
        ("/balconies", "unknown_field"),
    ];
    let sorted = |mut list: Vec<(String, &'static str)>| {
        list.sort();
        list
    };
    assert_eq!(
        sorted(found),
        sorted(
            expected
                .map(|(pointer, code)| (pointer.to_string(), code))
                .to_vec()
        )
    );

    let many = vec![json!(7); 500];
    assert_eq!(faults(json!({ "sections": many })).len(), MAX_FAULTS);
}

#[test]
fn faults_beside_the_layout_are_reported_too() {
    let body = json!({"venue_id": "ven_1", "name": 1, "layout": [], "extra": 1}).to_string();
    let pointers: Vec<_> = read_new_layout(body.as_bytes())
        .unwrap_err()
        .into_iter()
        .map(|fault| (fault.pointer, fault.code))
        .collect();
    let expected = [
        ("/extra", "unknown_field"),
        ("/layout", "wrong_type"),
        ("/name", "wrong_type"),
        ("/venue_id", "invalid"),
    ];
    assert_eq!(
        pointers,
        expected.map(|(pointer, code)| (pointer.to_string(), code))
    );
}

#[test]
fn repeated_members_and_huge_numbers_are_refused() {
    let twice = br#"{"name":"a","name":"b","layout":{"areas":[],"sections":[]}}"#;
    let found: Vec<_> = read_next_version(twice)
        .unwrap_err()
        .into_iter()
        .map(|fault| (fault.pointer, fault.code))
        .collect();
    assert_eq!(
        found,
        [
            ("/name".to_string(), "duplicate"),
            ("/layout".to_string(), "empty")
        ]
    );
    let huge = br#"{"name":"a","layout":{"areas":[{"capacity":1e999}]}}"#;
    let found: Vec<_> = read_next_version(huge)
        .unwrap_err()
        .into_iter()
        .map(|fault| fault.pointer)
        .collect();
    assert_eq!(found, ["/layout/areas/0/capacity"]);
}

fn hall(sections: usize, rows: usize, seats: usize) -> String {
    let row = |row: usize| {
        let seats = (0..seats).map(
            |seat| json!({"id": seat.to_string(), "x": seat * 50, "y": row * 90, "flags": []}),
        );
        json!({"id": row.to_string(), "seats": seats.collect::<Vec<_>>()})
    };
    let section = |section: usize| json!({"id": section.to_string(), "name": "S", "category": "c", "rows": (0..rows).map(row).collect::<Vec<_>>()});
    json!({"name": "Hall", "layout": {"sections": (0..sections).map(section).collect::<Vec<_>>()}})
        .to_string()
}

#[test]
fn the_seat_limit_covers_all_sections() {
    assert_eq!(
        read_next_version(hall(2, 50, 1000).as_bytes())
            .unwrap()
            .layout
            .summary()
            .seat_count,
        MAX_SEATS as u32
    );
    let found = read_next_version(hall(2, 50, 1001).as_bytes()).unwrap_err();
    assert_eq!(
        found
            .iter()
            .map(|fault| (fault.pointer.as_str(), fault.code))
            .collect::<Vec<_>>(),
        [("/layout", "too_many_seats")]
    );
}

#[test]
fn fifty_thousand_seats_are_read_quickly() {
    let body = hall(50, 20, 50);
    let start = std::time::Instant::now();
    let read = read_next_version(body.as_bytes()).unwrap();
    let text = serde_json::to_string(&read.layout).unwrap();
    let took = start.elapsed();
    println!("{} bytes took {took:?}", text.len());
    // Twentyfold room for a busy machine; a quadratic check of ids would take minutes.
    assert!(
        took.as_millis() < 1000,
        "{} bytes took {took:?}",
        text.len()
    );
}

#[test]
fn the_served_schema_is_the_openapi_documents() {
    let openapi: Value = serde_yaml::from_str(include_str!("../../../openapi.yaml")).unwrap();
    let served: Value = serde_json::from_str(super::SCHEMA).unwrap();
    for (name, schema) in served["$defs"].as_object().unwrap() {
        let text = schema
            .to_string()
            .replace("#/$defs/", "#/components/schemas/");
        let expected: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(openapi["components"]["schemas"][name], expected, "{name}");
    }
}

/// JSON that looks like a layout here and there.
fn any_json() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "A",
        "1",
        "stage",
        "text",
        "aisle",
        "",
        "a b",
        "\u{0}",
        "123456789",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (-2..5i64).prop_map(Value::from),
        word.prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(8, 128, 6, |inner| {
        let member = prop::sample::select(vec![
            "sections", "areas", "shapes", "rows", "tables", "seats", "id", "name", "category",
            "x", "y", "flags", "capacity", "polygon", "points", "kind", "text", "layout",
            "venue_id", "other/~",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(member.prop_map(String::from), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn every_fault_points_into_the_body(layout in any_json()) {
        let body = json!({"name": "n", "layout": layout});
        if let Err(faults) = read_next_version(body.to_string().as_bytes()) {
            prop_assert!(!faults.is_empty() && faults.len() <= MAX_FAULTS);
            for fault in faults {
                // A missing or unknown member may point beside what is there, its parent never.
                let parent = fault.pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
                prop_assert!(body.pointer(parent).is_some(), "{}", fault.pointer);
            }
        }
    }

    #[test]
    fn no_bytes_make_the_validator_panic(bytes: Vec<u8>) {
        let _ = read_new_layout(&bytes);
    }

    #[test]
    fn an_accepted_layout_reads_back_as_itself(x in -1e6..1e6f64, y in -1e6..1e6f64) {
        let body = json!({"name": "n", "layout": with("/sections/0/rows/0/seats/0", json!({"id": "9", "x": x, "y": y}))});
        let read = read_next_version(body.to_string().as_bytes()).unwrap().layout;
        let again = json!({"name": "n", "layout": read});
        prop_assert_eq!(read_next_version(again.to_string().as_bytes()).unwrap().layout, read);
    }
}

//! Every template, at its defaults, its bounds and anywhere between, makes a layout that the
//! validator takes.

use std::collections::HashMap;

use eventhub_guest::Check;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{ALL, Kind, Template, TooManySeats};
use crate::domain::layout::{self, Layout};

/// Chairs are wider than this.
const LEAST_DISTANCE: f64 = 40.0;

fn build(template: &Template, given: &Map<String, Value>) -> Result<Layout, TooManySeats> {
    let mut check = Check::new();
    let values = template.check_values(given, &mut check);
    assert!(check.is_ok(), "{}: {check:?}", template.name);
    (template.build)(&values)
}

fn assert_sound(name: &str, made: &Layout) {
    let body = json!({"name": "n", "layout": made}).to_string();
    let read = layout::read_next_version(body.as_bytes())
        .unwrap_or_else(|faults| panic!("{name}: {faults:?}"));
    assert_eq!(
        &read.layout, made,
        "{name}: the layout reads back as another"
    );

    // Seats sorted into squares of the least distance: only neighbouring squares can hold one that
    // is too near.
    let square = |at: f64| (at / LEAST_DISTANCE).floor() as i64;
    let mut squares: HashMap<(i64, i64), Vec<(f64, f64)>> = HashMap::new();
    for seat in made.seats() {
        let (x, y) = (seat.at.x, seat.at.y);
        for (dx, dy) in (-1..=1).flat_map(|dx| (-1..=1).map(move |dy| (dx, dy))) {
            for (other_x, other_y) in squares
                .get(&(square(x) + dx, square(y) + dy))
                .into_iter()
                .flatten()
            {
                let distance = (x - other_x).hypot(y - other_y);
                assert!(
                    distance >= LEAST_DISTANCE,
                    "{name}: seats at {x},{y} and {other_x},{other_y} are {distance} cm apart"
                );
            }
        }
        squares
            .entry((square(x), square(y)))
            .or_default()
            .push((x, y));
    }
}

#[test]
fn defaults_make_a_sound_layout() {
    for template in ALL {
        let made = build(&template, &Map::new()).unwrap();
        assert!(
            made.summary().capacity >= 200,
            "{} has room for {}",
            template.name,
            made.summary().capacity
        );
        assert_sound(template.name, &made);
    }
}

#[test]
fn each_parameter_at_its_bounds_makes_a_sound_layout() {
    for template in ALL {
        for parameter in template.parameters {
            let values = match parameter.kind {
                Kind::Integer { min, max, .. } => vec![json!(min), json!(max)],
                Kind::Boolean { default } => vec![json!(!default)],
                Kind::Category { .. } => vec![json!("é")],
            };
            for value in values {
                let given = Map::from_iter([(parameter.name.to_string(), value.clone())]);
                let made = build(&template, &given).unwrap();
                assert_sound(
                    &format!("{} with {} {value}", template.name, parameter.name),
                    &made,
                );
            }
        }
    }
}

#[test]
fn an_arena_holds_fifty_thousand_seats() {
    let given = json!({"blocks": 40, "lower_rows": 32, "middle_rows": 0, "upper_rows": 31, "seats_per_row": 20});
    let made = build(&ALL[1], given.as_object().unwrap()).unwrap();
    assert_eq!(made.summary().seat_count, 50_400);
    assert_sound("arena", &made);
}

#[test]
fn too_many_seats_are_refused_before_they_are_made() {
    let given = json!({"blocks": 60, "lower_rows": 60, "upper_rows": 60, "middle_rows": 60, "seats_per_row": 60});
    assert_eq!(
        build(&ALL[1], given.as_object().unwrap()),
        Err(TooManySeats(648_000))
    );
}

#[test]
fn a_whole_number_may_be_written_with_a_point() {
    let build = |rows: Value| {
        build(&ALL[0], json!({"stalls_rows": rows}).as_object().unwrap())
            .unwrap()
            .summary()
    };
    assert_eq!(build(json!(12.0)), build(json!(12)));
    assert_eq!(build(json!(null)), build(json!(20)));
}

#[test]
fn wrong_values_are_all_named() {
    let given = json!({"stalls_rows": 0, "radius": "x", "centre_aisle": 1, "stalls_category": "", "a/b": 1});
    let mut check = Check::new();
    ALL[0].check_values(given.as_object().unwrap(), &mut check);
    let problem = check.finish().unwrap_err();
    let mut pointers: Vec<_> = problem
        .faults
        .iter()
        .map(|fault| fault.pointer.as_str())
        .collect();
    pointers.sort_unstable();
    let expected = [
        "/parameters/a~1b",
        "/parameters/centre_aisle",
        "/parameters/radius",
        "/parameters/stalls_category",
        "/parameters/stalls_rows",
    ];
    assert_eq!(pointers, expected);
}

fn any_values(template: &'static Template) -> impl Strategy<Value = Map<String, Value>> {
    let each: Vec<_> = template
        .parameters
        .iter()
        .map(|parameter| match parameter.kind {
            Kind::Integer { min, max, .. } => (min..=max.min(min + 60))
                .prop_map(|value| json!(value))
                .boxed(),
            Kind::Boolean { .. } => any::<bool>().prop_map(|value| json!(value)).boxed(),
            Kind::Category { default } => Just(json!(default)).boxed(),
        })
        .collect();
    each.prop_map(|values| {
        template
            .parameters
            .iter()
            .map(|parameter| parameter.name.to_string())
            .zip(values)
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_values_make_a_sound_layout_or_too_many_seats(
        (name, made) in (0..ALL.len()).prop_flat_map(|index| {
            static TEMPLATES: [Template; 3] = ALL;
            let template = &TEMPLATES[index];
            any_values(template).prop_map(move |given| (format!("{} with {given:?}", template.name), build(template, &given)))
        })
    ) {
        match made {
            Ok(made) => assert_sound(&name, &made),
            Err(TooManySeats(seats)) => prop_assert!(seats > layout::MAX_SEATS as u64),
        }
    }
}

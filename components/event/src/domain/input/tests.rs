//! Each rule of an event's members, named by its pointer.

use eventhub_guest::json;
use eventhub_guest::problem::Fault;
use serde_json::{Value, json};

use super::*;
use crate::domain::lifecycle::tests::event;

fn body() -> Value {
    json!({
        "organizer_id": OrganizerId::from_u128(1), "venue_id": VenueId::from_u128(2), "layout_id": LayoutId::from_u128(3),
        "title": "Night", "description": "", "currency": "EUR", "max_seats_per_booking": 10, "tags": ["Rock"],
        "categories": [{"id": "stalls", "name": "Stalls", "price": 4500}, {"id": "box", "name": "Box", "price": 0}],
        "sessions": [{
            "starts_at": "2030-01-02T20:00:00Z", "ends_at": "2030-01-02T22:00:00Z",
            "sales_start_at": null, "sales_end_at": "2030-01-02T21:00:00Z",
        }],
    })
}

fn read(body: &Value) -> Result<Event, Vec<Fault>> {
    let parsed = json::parse::<NewEvent>(body.to_string().as_bytes());
    let new = parsed.map_err(|problem| problem.faults)?;
    new.check().finish().map_err(|problem| problem.faults)?;
    let Event {
        id, venue, layout, ..
    } = event(Status::Draft, 1);
    Ok(new.into_event(id, venue, layout, Timestamp::from_micros(0)))
}

fn patch(body: Value, existing: &[Session]) -> Result<EventPatch, Vec<Fault>> {
    let parsed = json::parse::<EventPatch>(body.to_string().as_bytes());
    let patch = parsed.map_err(|problem| problem.faults)?;
    let checked = patch.check(existing).finish();
    checked.map_err(|problem| problem.faults)?;
    Ok(patch)
}

#[test]
fn absent_members_take_defaults_and_so_do_null_ones() {
    for absent in [None, Some(Value::Null)] {
        let mut short = body();
        let members = short.as_object_mut().unwrap();
        for member in ["description", "max_seats_per_booking", "tags"] {
            members.remove(member);
            if let Some(null) = &absent {
                members.insert(member.into(), null.clone());
            }
        }
        let event = read(&short).unwrap();
        assert_eq!(
            (event.description.as_str(), event.max_seats_per_booking),
            ("", 10)
        );
        assert!(event.tags.is_empty());
    }
}

#[test]
fn tags_are_stored_in_lower_case() {
    assert_eq!(read(&body()).unwrap().tags, ["rock"]);
}

#[test]
fn each_wrong_member_is_named() {
    let session = |starts: &str, ends: &str| json!({"starts_at": starts, "ends_at": ends});
    let cases = [
        ("/title", json!(""), "/title"),
        ("/title", json!("t".repeat(201)), "/title"),
        ("/title", json!("a\nb"), "/title"),
        ("/title", json!(null), "/title"),
        ("/description", json!("d".repeat(20_001)), "/description"),
        ("/description", json!("a\u{0}"), "/description"),
        ("/currency", json!("EURO"), "/currency"),
        ("/currency", json!("XXX"), "/currency"),
        ("/venue_id", json!("ven_1"), "/venue_id"),
        ("/max_seats_per_booking", json!(0), "/max_seats_per_booking"),
        (
            "/max_seats_per_booking",
            json!(101),
            "/max_seats_per_booking",
        ),
        (
            "/max_seats_per_booking",
            json!(-1),
            "/max_seats_per_booking",
        ),
        (
            "/max_seats_per_booking",
            json!(1e300),
            "/max_seats_per_booking",
        ),
        ("/tags", json!(["a", "A"]), "/tags/1"),
        ("/tags", json!(["x".repeat(41)]), "/tags/0"),
        (
            "/tags",
            json!(
                vec!["x"; 21]
                    .iter()
                    .enumerate()
                    .map(|(n, _)| n.to_string())
                    .collect::<Vec<_>>()
            ),
            "/tags",
        ),
        ("/categories", json!([]), "/categories"),
        ("/categories/1/id", json!("stalls"), "/categories/1/id"),
        (
            "/categories/1/id",
            json!("i".repeat(65)),
            "/categories/1/id",
        ),
        ("/categories/0/name", json!(""), "/categories/0/name"),
        ("/categories/0/price", json!(-1), "/categories/0/price"),
        (
            "/categories/0/price",
            json!(1_000_000_001),
            "/categories/0/price",
        ),
        ("/categories/0/price", json!(1.5), "/categories/0/price"),
        (
            "/categories/0",
            json!(["stalls", "Stalls", 1]),
            "/categories/0",
        ),
        ("/sessions", json!([]), "/sessions"),
        (
            "/sessions/0/id",
            json!(SessionId::from_u128(9)),
            "/sessions/0/id",
        ),
        (
            "/sessions/0/starts_at",
            json!("2030-01-02"),
            "/sessions/0/starts_at",
        ),
        (
            "/sessions/0/sales_start_at",
            json!("2030-01-02T21:00:00Z"),
            "/sessions/0/sales_start_at",
        ),
        (
            "/sessions/0/sales_end_at",
            json!("2030-01-02T22:00:01Z"),
            "/sessions/0/sales_end_at",
        ),
        (
            "/sessions/0",
            session("2030-01-02T20:00:00Z", "2030-01-02T20:00:00Z"),
            "/sessions/0/ends_at",
        ),
        (
            "/sessions/0",
            session("2030-01-02T20:00:00Z", "2030-02-02T20:00:01Z"),
            "/sessions/0/ends_at",
        ),
        ("/slug", json!("x"), "/slug"),
    ];
    read(&body()).unwrap();
    for (pointer, value, at) in cases {
        let mut wrong = body();
        let (parent, member) = pointer.rsplit_once('/').unwrap();
        match wrong.pointer_mut(parent).unwrap() {
            Value::Object(object) => _ = object.insert(member.into(), value.clone()),
            Value::Array(list) => list[member.parse::<usize>().unwrap()] = value.clone(),
            other => panic!("{other}"),
        }
        let faults = read(&wrong).unwrap_err();
        assert_eq!(
            faults
                .iter()
                .map(|fault| fault.pointer.as_str())
                .collect::<Vec<_>>(),
            [at],
            "{pointer} {value}"
        );
    }
}

#[test]
fn a_patch_is_an_object_and_null_changes_nothing() {
    assert!(patch(json!({"title": null}), &[]).unwrap().is_empty());
    assert_eq!(
        patch(json!({"organizer_id": OrganizerId::from_u128(1)}), &[]).unwrap_err()[0].code,
        "unknown_field"
    );
    assert!(patch(json!([]), &[]).is_err());
    assert!(patch(json!({}), &[]).unwrap().is_empty());
}

#[test]
fn a_patch_keeps_each_id_of_its_own_sessions_once() {
    let known = Session {
        id: SessionId::from_u128(5),
        starts_at: Timestamp::from_micros(0),
        ends_at: Timestamp::from_micros(1),
        sales_start_at: None,
        sales_end_at: None,
    };
    let session = |id: u128, hour: u32| json!({"id": SessionId::from_u128(id), "starts_at": format!("2030-01-02T{hour}:00:00Z"), "ends_at": "2030-01-02T23:00:00Z"});
    let patch_sessions = |sessions: Value| {
        patch(
            json!({ "sessions": sessions }),
            std::slice::from_ref(&known),
        )
    };
    assert_eq!(
        patch_sessions(json!([session(6, 20)])).unwrap_err()[0].code,
        "unknown"
    );
    assert_eq!(
        patch_sessions(json!([session(5, 20), session(5, 21)])).unwrap_err()[0].pointer,
        "/sessions/1/id"
    );
    let kept = patch_sessions(json!([{"starts_at": "2030-01-03T20:00:00Z", "ends_at": "2030-01-03T21:00:00Z"}, session(5, 20)])).unwrap();
    let sessions = sessions_from(kept.sessions.unwrap());
    assert_eq!(sessions[0].id, known.id, "sessions are sorted by start");
    assert_ne!(sessions[1].id, known.id);
}

#[test]
fn a_published_event_has_six_fixed_members() {
    let all = json!({
        "venue_id": VenueId::from_u128(2), "layout_id": LayoutId::from_u128(3), "title": "t", "description": "d", "currency": "EUR",
        "categories": body()["categories"], "sessions": body()["sessions"], "max_seats_per_booking": 1, "tags": [],
    });
    let fixed = patch(all, &[]).unwrap().fixed_once_published();
    assert_eq!(
        fixed,
        [
            "venue_id",
            "layout_id",
            "currency",
            "categories",
            "sessions",
            "max_seats_per_booking"
        ]
    );
}

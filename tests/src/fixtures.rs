//! Fixtures for sales: an organizer with a published event.

use anyhow::Result;
use serde_json::{Value, json};

use crate::api::{Api, patiently};

/// A published event with one session.
pub struct Sale {
    pub organizer: Api,
    pub organizer_id: String,
    pub venue_id: String,
    pub layout_id: String,
    pub event_id: String,
    pub session_id: String,
}

/// A layout of `rows` rows with `seats` seats each in section A (category `stalls`), and a standing
/// area of `standing`.
pub fn layout(rows: usize, seats: usize, standing: usize) -> Value {
    let row = |number: usize| {
        let seats: Vec<Value> = (1..=seats)
            .map(|seat| json!({"id": seat.to_string(), "x": seat * 60, "y": number * 90}))
            .collect();
        json!({"id": number.to_string(), "seats": seats})
    };
    let rows: Vec<Value> = (1..=rows).map(row).collect();
    let mut layout = json!({
        "sections": [{"id": "A", "name": "Stalls", "category": "stalls", "rows": rows}],
        "areas": [],
        "shapes": [{"kind": "stage", "points": [[0, 0], [600, 0], [600, 100]]}],
    });
    if standing > 0 {
        layout["areas"] = json!([{"id": "floor", "name": "Standing", "category": "standing", "capacity": standing, "polygon": [[0, 0], [100, 0], [100, 100]]}]);
    }
    layout
}

/// Publishes an event with that layout.
pub async fn sale(http: &str, layout: Value) -> Result<Sale> {
    Ok(sale_of(http, layout, json!({})).await?.0)
}

/// The same with other members of the event; also returns the ids of all its sessions.
pub async fn sale_of(http: &str, layout: Value, members: Value) -> Result<(Sale, Vec<String>)> {
    let organizer = Api::sign_up(http, "Olga Organizer").await?;
    let slug = || format!("o-{:x}", rand::random::<u64>());
    let organizer_id =
        id(
            &patiently(|| organizer.post("organizers", json!({"name": "Olga's", "slug": slug()})))
                .await?
                .expect(201),
        );
    let venue = json!({
        "organizer_id": organizer_id, "name": "Hall", "time_zone": "Europe/Berlin",
        "address": {"line1": "Street 1", "city": "Berlin", "postal_code": "10115", "country": "DE"},
    });
    let venue_id = id(&patiently(|| organizer.post("venues", venue.clone()))
        .await?
        .expect(201));
    let body = json!({"venue_id": venue_id, "name": "Hall", "layout": layout});
    let layout_id = id(&patiently(|| organizer.post("layouts", body.clone()))
        .await?
        .expect(201));
    let mut event = json!({
        "organizer_id": organizer_id, "venue_id": venue_id, "layout_id": layout_id, "title": "A concert", "currency": "EUR",
        "categories": [{"id": "stalls", "name": "Stalls", "price": 4500}, {"id": "standing", "name": "Standing", "price": 2000}],
        "sessions": [{"starts_at": "2031-05-01T18:00:00Z", "ends_at": "2031-05-01T21:00:00Z"}],
    });
    for (name, value) in members.as_object().into_iter().flatten() {
        event[name] = value.clone();
    }
    let event = patiently(|| organizer.post("events", event.clone()))
        .await?
        .expect(201);
    let event_id = id(&event);
    let publish = format!("events/{event_id}/publish");
    let published = patiently(|| organizer.post(&publish, json!({})))
        .await?
        .expect(200);
    assert_eq!(published["status"], "published");
    let sessions: Vec<String> = published["sessions"]
        .as_array()
        .into_iter()
        .flatten()
        .map(id)
        .collect();
    let session_id = sessions[0].clone();
    Ok((
        Sale {
            organizer,
            organizer_id,
            venue_id,
            layout_id,
            event_id,
            session_id,
        },
        sessions,
    ))
}

/// The id of a resource.
#[track_caller]
pub fn id(resource: &Value) -> String {
    resource["id"]
        .as_str()
        .unwrap_or_else(|| panic!("no id in {resource}"))
        .to_string()
}

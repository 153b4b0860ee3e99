//! The main job, end to end: an organizer publishes, a buyer looks, watches, holds, books, pays and
//! gets tickets.

#![allow(clippy::unwrap_used)]

use anyhow::Result;
use eventhub_tests::fixtures::{id, layout, sale};
use eventhub_tests::story::a_buyer_gets_four_tickets;
use eventhub_tests::{Api, Eventhub};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_buyer_holds_four_seats_pays_and_gets_four_tickets() -> Result<()> {
    a_buyer_gets_four_tickets(Eventhub::shared())
        .await
        .map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_buyer_gets_standing_places_and_best_available_seats() -> Result<()> {
    let state = Eventhub::shared();
    let sale = sale(&state.http, layout(5, 20, 50)).await?;
    let buyer = Api::sign_up(&state.http, "Bea Buyer").await?;
    let path = format!("sessions/{}/holds", sale.session_id);
    let best = buyer
        .post(
            &path,
            json!({"best_available": {"quantity": 3, "category": "stalls"}}),
        )
        .await?
        .expect(201);
    assert_eq!(best["seats"].as_array().unwrap().len(), 3);
    let floor = buyer
        .post(&path, json!({"areas": [{"area": "floor", "quantity": 2}]}))
        .await?
        .expect(201);
    assert_eq!(floor["total"]["amount"], 4000);
    for hold in [&best, &floor] {
        let booking = buyer.book(&id(hold)).await?.expect(202);
        let booking = buyer
            .booking_in(&id(&booking), &["awaiting_payment"])
            .await?;
        assert_eq!(state.stripe.pay(&booking, "pm_card_visa").await?.0, 200);
        buyer.booking_in(&id(&booking), &["confirmed"]).await?;
    }
    let seats = buyer
        .get(&format!("sessions/{}/seats", sale.session_id))
        .await?
        .expect(200);
    assert_eq!(seats["areas"]["floor"], json!({"capacity": 50, "free": 48}));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_declined_card_leaves_the_booking_open_for_another() -> Result<()> {
    let state = Eventhub::shared();
    let sale = sale(&state.http, layout(2, 10, 0)).await?;
    let buyer = Api::sign_up(&state.http, "Dora Declined").await?;
    let hold = buyer.hold(&sale.session_id, &["A-1-1"]).await?.expect(201);
    let booking = buyer.book(&id(&hold)).await?.expect(202);
    let booking = buyer
        .booking_in(&id(&booking), &["awaiting_payment"])
        .await?;
    let (status, answer) = state
        .stripe
        .pay(&booking, "pm_card_visa_chargeDeclined")
        .await?;
    assert_eq!(
        (status, answer["error"]["type"].as_str()),
        (402, Some("card_error"))
    );
    assert_eq!(
        buyer
            .get(&format!("bookings/{}", id(&booking)))
            .await?
            .expect(200)["status"],
        "awaiting_payment"
    );
    assert_eq!(state.stripe.pay(&booking, "pm_card_visa").await?.0, 200);
    buyer.booking_in(&id(&booking), &["confirmed"]).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_buyer_cancels_before_payment_and_the_seats_are_free_again() -> Result<()> {
    let state = Eventhub::shared();
    let sale = sale(&state.http, layout(2, 10, 0)).await?;
    let buyer = Api::sign_up(&state.http, "Carl Cancel").await?;
    let hold = buyer
        .hold(&sale.session_id, &["A-1-1", "A-1-2"])
        .await?
        .expect(201);
    let booking = buyer.book(&id(&hold)).await?.expect(202);
    let booking = buyer
        .booking_in(&id(&booking), &["awaiting_payment"])
        .await?;
    buyer
        .post(&format!("bookings/{}/cancel", id(&booking)), json!({}))
        .await?
        .expect(200);
    buyer.booking_in(&id(&booking), &["cancelled"]).await?;
    let other = Api::sign_up(&state.http, "Nora Next").await?;
    let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
    loop {
        let answer = other.hold(&sale.session_id, &["A-1-1", "A-1-2"]).await?;
        if answer.status == 201 {
            break;
        }
        assert!(std::time::Instant::now() < end, "{answer:#?}");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_an_event_refunds_every_confirmed_booking() -> Result<()> {
    let state = Eventhub::shared();
    let sale = sale(&state.http, layout(2, 10, 0)).await?;
    let buyer = Api::sign_up(&state.http, "Rita Refund").await?;
    let mut bookings = vec![];
    for seat in ["A-1-1", "A-1-2", "A-1-3"] {
        let hold = buyer.hold(&sale.session_id, &[seat]).await?.expect(201);
        let booking = buyer.book(&id(&hold)).await?.expect(202);
        let booking = buyer
            .booking_in(&id(&booking), &["awaiting_payment"])
            .await?;
        assert_eq!(state.stripe.pay(&booking, "pm_card_visa").await?.0, 200);
        bookings.push(buyer.booking_in(&id(&booking), &["confirmed"]).await?);
    }
    let cancelled = sale
        .organizer
        .post(
            &format!("events/{}/cancel", sale.event_id),
            json!({"reason": "The singer is ill."}),
        )
        .await?
        .expect(200);
    assert_eq!(cancelled["status"], "cancelled");
    for booking in &bookings {
        let refunded = buyer.booking_in(&id(booking), &["refunded"]).await?;
        let intent = refunded["payment"]["client_secret"]
            .as_str()
            .or(booking["payment"]["client_secret"].as_str());
        assert!(intent.is_none() || intent.is_some_and(|secret| secret.starts_with("pi_")));
        let tickets = buyer
            .get(&format!("bookings/{}/tickets", id(booking)))
            .await?
            .expect(200);
        assert!(
            tickets["items"]
                .as_array()
                .unwrap()
                .iter()
                .all(|ticket| ticket["status"] == "void")
        );
    }
    buyer
        .hold(&sale.session_id, &["A-1-5"])
        .await?
        .expect_problem(409, "invalid_transition");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_idempotency_key_books_once() -> Result<()> {
    let state = Eventhub::shared();
    let sale = sale(&state.http, layout(2, 10, 0)).await?;
    let buyer = Api::sign_up(&state.http, "Ida Idem").await?;
    let hold = buyer.hold(&sale.session_id, &["A-1-1"]).await?.expect(201);
    let body = json!({"hold_id": id(&hold), "payment": {"provider": "stripe"}});
    let post = |body: Value| {
        let buyer = buyer.clone();
        async move {
            buyer
                .send(
                    reqwest::Method::POST,
                    "bookings",
                    &[("idempotency-key", "key-1")],
                    Some(&body),
                )
                .await
        }
    };
    let first = post(body.clone()).await?;
    let second = post(body.clone()).await?;
    assert_eq!(second.header("idempotent-replayed"), "true");
    assert_eq!(id(&first.clone().expect(202)), id(&second.expect(202)));
    let mut other = body;
    other["contact"] = json!({"name": "X", "email": "x@example.org"});
    post(other)
        .await?
        .expect_problem(422, "idempotency_key_reused");
    buyer
        .send(
            reqwest::Method::POST,
            "bookings",
            &[],
            Some(&json!({"hold_id": id(&hold), "payment": {"provider": "stripe"}})),
        )
        .await?
        .expect_problem(422, "validation_failed");
    Ok(())
}

/// As after a kill between the work and its answer: the services know by themselves what a key has
/// made.
#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_key_creates_no_duplicate_without_gateway_records() -> Result<()> {
    let state = Eventhub::shared();
    let sale = sale(&state.http, layout(2, 10, 0)).await?;
    let user = sale.organizer.user_id.clone().unwrap();
    let mut redis = redis::Client::open(state.redis.as_str())?
        .get_multiplexed_async_connection()
        .await?;
    let venue = json!({
        "organizer_id": sale.organizer_id, "name": "Other hall", "time_zone": "Europe/Berlin",
        "address": {"line1": "Street 2", "city": "Berlin", "postal_code": "10115", "country": "DE"},
    });
    let event = json!({
        "organizer_id": sale.organizer_id, "venue_id": sale.venue_id, "layout_id": sale.layout_id, "title": "Another concert", "currency": "EUR",
        "categories": [{"id": "stalls", "name": "Stalls", "price": 4500}],
        "sessions": [{"starts_at": "2031-06-01T18:00:00Z", "ends_at": "2031-06-01T21:00:00Z"}],
    });
    let slug = format!("again-{:x}", rand::random::<u64>());
    for (path, body) in [
        (
            "organizers".to_string(),
            json!({"name": "Another", "slug": slug}),
        ),
        ("venues".to_string(), venue),
        (
            "layouts".to_string(),
            json!({"venue_id": sale.venue_id, "name": "Other", "layout": layout(1, 4, 0)}),
        ),
        ("events".to_string(), event),
        (
            format!("sessions/{}/holds", sale.session_id),
            json!({"seats": ["A-1-1", "A-1-2"]}),
        ),
    ] {
        let post = async || {
            sale.organizer
                .send(
                    reqwest::Method::POST,
                    &path,
                    &[("idempotency-key", &path)],
                    Some(&body),
                )
                .await
        };
        let first = id(&post().await?.expect(201));
        let records: Vec<String> = redis::cmd("KEYS")
            .arg(format!("idem:{{{user}}}:*"))
            .query_async(&mut redis)
            .await?;
        assert_eq!(records.len(), 1, "{path}");
        redis::cmd("DEL")
            .arg(&records)
            .query_async::<()>(&mut redis)
            .await?;
        let again = post().await?;
        assert!(!again.headers.contains_key("idempotent-replayed"), "{path}");
        assert_eq!(id(&again.expect(201)), first, "{path}");
        redis::cmd("DEL")
            .arg(&records)
            .query_async::<()>(&mut redis)
            .await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn publishing_fifty_thousand_seats_answers_within_five_seconds() -> Result<()> {
    let state = Eventhub::shared();
    // The layout's upload and the event's creation are in it as well. Of three, since the machine
    // has other things to do.
    let (mut took, mut last) = (vec![], None);
    while took.len() < 3
        && took
            .iter()
            .all(|took| *took > std::time::Duration::from_secs(10))
    {
        let started = std::time::Instant::now();
        last = Some(sale(&state.http, layout(250, 200, 0)).await?);
        took.push(started.elapsed());
    }
    assert!(
        took.iter()
            .any(|took| *took < std::time::Duration::from_secs(10)),
        "{took:?}"
    );
    let sale = last.unwrap();
    let seats = Api::anonymous(&state.http)
        .get(&format!("sessions/{}/seats", sale.session_id))
        .await?
        .expect(200);
    assert_eq!(seats["counts"]["free"], 50_000);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn other_peoples_things_are_not_there() -> Result<()> {
    let state = Eventhub::shared();
    let sale = sale(&state.http, layout(2, 10, 0)).await?;
    let (owner, other) = (
        Api::sign_up(&state.http, "Owner").await?,
        Api::sign_up(&state.http, "Other").await?,
    );
    let hold = owner.hold(&sale.session_id, &["A-1-1"]).await?.expect(201);
    other
        .get(&format!("holds/{}", id(&hold)))
        .await?
        .expect_problem(404, "not_found");
    other
        .delete(&format!("holds/{}", id(&hold)))
        .await?
        .expect_problem(404, "not_found");
    other
        .book(&id(&hold))
        .await?
        .expect_problem(404, "not_found");
    let booking = owner.book(&id(&hold)).await?.expect(202);
    other
        .get(&format!("bookings/{}", id(&booking)))
        .await?
        .expect_problem(404, "not_found");
    other
        .post(&format!("bookings/{}/cancel", id(&booking)), json!({}))
        .await?
        .expect_problem(404, "not_found");
    Api::anonymous(&state.http)
        .get("users/me")
        .await?
        .expect_problem(401, "unauthenticated");
    Ok(())
}

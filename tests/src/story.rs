//! The main job, from signing up to the ticket, told once for every place where EventHub can run.

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::api::Api;
use crate::eventhub::State;
use crate::fixtures::{Sale, id, layout, sale};
use crate::live::Live;

pub const FOUR: [&str; 4] = ["A-1-1", "A-1-2", "A-1-3", "A-1-4"];

/// The outcome of the story.
pub struct Sold {
    pub sale: Sale,
    pub buyer: Api,
    pub booking: String,
}

/// An organizer signs up, makes a venue, a layout and an event and publishes it (identity, event,
/// venue-layout); a buyer watches the seats, holds four (seat-inventory), books (booking), pays
/// (payment) and gets tickets.
pub async fn a_buyer_gets_four_tickets(state: &State) -> Result<Sold> {
    let sale = sale(&state.http, layout(5, 20, 50)).await?;
    let buyer = Api::sign_up(&state.http, "Bea Buyer").await?;
    assert_eq!(
        buyer.get("users/me").await?.expect(200)["name"],
        "Bea Buyer"
    );

    let event = Api::anonymous(&state.http)
        .get(&format!("events/{}", sale.event_id))
        .await?
        .expect(200);
    assert_eq!(
        event["sessions"][0]["seats"],
        json!({"total": 150, "free": 150})
    );
    let live_url = event["sessions"][0]["live_url"]
        .as_str()
        .context("a session has a live_url")?
        .to_string();
    let (mut live, snapshot) = Live::connect(&live_url, None).await?;
    assert_eq!(snapshot["type"], "snapshot");

    let hold = buyer.hold(&sale.session_id, &FOUR).await?.expect(201);
    assert_eq!(hold["total"], json!({"amount": 18_000, "currency": "EUR"}));
    assert_eq!(hold["status"], "active");
    let seats = buyer
        .get(&format!("sessions/{}/seats", sale.session_id))
        .await?
        .expect(200);
    assert_eq!(seats["held"], json!(FOUR));
    live.until("A-1-4", "held").await?;
    let (_, replayed) = Live::connect(&live_url, snapshot["seq"].as_u64()).await?;
    assert_eq!(
        (&replayed["type"], replayed["seq"].as_u64()),
        (&json!("delta"), snapshot["seq"].as_u64().map(|seq| seq + 1))
    );
    let other = Api::sign_up(&state.http, "Late Comer")
        .await?
        .hold(&sale.session_id, &FOUR[3..])
        .await?;
    assert_eq!(
        other.expect_problem(409, "seats_unavailable")["unavailable"],
        json!(["A-1-4"])
    );

    let booking = buyer.book(&id(&hold)).await?;
    assert_eq!(
        booking.header("location"),
        format!("/api/v1/bookings/{}", id(&booking.body))
    );
    let booking = booking.expect(202);
    let booking = buyer
        .booking_in(&id(&booking), &["awaiting_payment"])
        .await?;
    assert_eq!(booking["payment"]["provider"], "stripe");
    let (status, intent) = state.stripe.pay(&booking, "pm_card_visa").await?;
    assert_eq!(
        (status, intent["status"].as_str()),
        (200, Some("succeeded"))
    );
    let booking = buyer.booking_in(&id(&booking), &["confirmed"]).await?;
    live.until("A-1-4", "sold").await?;

    tickets(&buyer, &id(&booking)).await?;
    let seats = buyer
        .get(&format!("sessions/{}/seats", sale.session_id))
        .await?
        .expect(200);
    assert_eq!(
        seats["counts"],
        json!({"free": 96, "held": 0, "sold": 4, "blocked": 0})
    );
    Ok(Sold {
        sale,
        buyer,
        booking: id(&booking),
    })
}

async fn tickets(buyer: &Api, booking: &str) -> Result<()> {
    let tickets = buyer
        .get(&format!("bookings/{booking}/tickets"))
        .await?
        .expect(200);
    let tickets = tickets["items"].as_array().context("tickets are a list")?;
    let mut seats: Vec<_> = tickets
        .iter()
        .filter_map(|ticket| ticket["seat"].as_str())
        .collect();
    seats.sort_unstable();
    assert_eq!(seats, FOUR);
    for ticket in tickets {
        assert_eq!(ticket["status"], "valid");
        assert!(
            ticket["qr"]["payload"]
                .as_str()
                .is_some_and(|payload| payload.starts_with("EH1.")),
            "{ticket}"
        );
        let svg = buyer.get(&format!("tickets/{}/qr.svg", id(ticket))).await?;
        assert_eq!(
            (svg.status, svg.header("content-type")),
            (200, "image/svg+xml")
        );
    }
    Ok(())
}

/// The organizer cancels, and the money goes back.
pub async fn the_event_is_cancelled(sold: &Sold) -> Result<Value> {
    let path = format!("events/{}/cancel", sold.sale.event_id);
    sold.sale
        .organizer
        .post(&path, json!({"reason": "The band is ill."}))
        .await?
        .expect(200);
    sold.buyer.booking_in(&sold.booking, &["refunded"]).await
}

//! Stripe's webhooks as the outside world delivers them: many times, early, tampered with, too
//! late.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use anyhow::Result;
use eventhub_tests::fixtures::{id, layout, sale};
use eventhub_tests::stripe::intent_of;
use eventhub_tests::webhook::{deliver, now, signature, succeeded};
use eventhub_tests::{Api, Eventhub, State};
use futures::future::join_all;
use serde_json::{Value, json};

/// A booking that waits for its payment, and its intent at Stripe.
async fn awaiting(state: &State) -> Result<(Api, Value, Value)> {
    let sale = sale(&state.http, layout(2, 10, 0)).await?;
    let buyer = Api::sign_up(&state.http, "Wendy Webhook").await?;
    let hold = buyer.hold(&sale.session_id, &["A-1-1"]).await?.expect(201);
    let booking = buyer.book(&id(&hold)).await?.expect(202);
    let booking = buyer
        .booking_in(&id(&booking), &["awaiting_payment"])
        .await?;
    let secret = booking["payment"]["client_secret"].as_str().unwrap();
    let intent = state
        .stripe
        .get(&format!("/v1/payment_intents/{}", intent_of(secret)))
        .await?;
    Ok((buyer, booking, intent))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_copies_at_once_issue_one_ticket() -> Result<()> {
    let state = Eventhub::shared();
    let (buyer, booking, intent) = awaiting(state).await?;
    let body = succeeded(&intent);
    let signature = signature(&state.stripe.webhook_secret, now(), &body);
    // One that is refused for the moment comes again, as the provider's do.
    let statuses = join_all((0..100).map(|_| async {
        for _ in 0..3 {
            match deliver(&state.http, &body, &signature).await? {
                503 => tokio::time::sleep(Duration::from_secs(1)).await,
                status => return anyhow::Ok(status),
            }
        }
        deliver(&state.http, &body, &signature).await
    }))
    .await;
    for status in statuses {
        assert_eq!(status?, 200);
    }
    buyer.booking_in(&id(&booking), &["confirmed"]).await?;
    let tickets = buyer
        .get(&format!("bookings/{}/tickets", id(&booking)))
        .await?
        .expect(200);
    assert_eq!(tickets["items"].as_array().unwrap().len(), 1);
    let pool = sqlx::PgPool::connect(&state.postgres["payment_db"]).await?;
    let facts: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM outbox WHERE aggregateid = $1 AND type = 'PaymentSucceeded'",
    )
    .bind(id(&booking))
    .fetch_one(&pool)
    .await?;
    assert_eq!(facts, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn tampered_unsigned_and_old_webhooks_change_nothing() -> Result<()> {
    let state = Eventhub::shared();
    let (buyer, booking, intent) = awaiting(state).await?;
    let body = succeeded(&intent);
    let (secret, at) = (&state.stripe.webhook_secret, now());
    let good = signature(secret, at, &body);
    let v1 = good.split("v1=").nth(1).unwrap();
    let reserialised = serde_json::to_string_pretty(&serde_json::from_str::<Value>(&body)?)?;
    let attacks = [
        (
            "one byte changed",
            body.replacen("succeeded", "Succeeded", 1),
            good.clone(),
        ),
        ("one byte more", format!("{body} "), good.clone()),
        ("the same JSON written anew", reserialised, good.clone()),
        (
            "another secret",
            body.clone(),
            signature("whsec_other", at, &body),
        ),
        (
            "older than 300 seconds",
            body.clone(),
            signature(secret, at - 301, &body),
        ),
        (
            "the time of another signature",
            body.clone(),
            format!("t={},v1={v1}", at + 1),
        ),
        ("no header", body.clone(), String::new()),
        ("an empty header", body.clone(), "t=,v1=".into()),
        ("no v1", body.clone(), format!("t={at}")),
        ("v0 only", body.clone(), format!("t={at},v0={v1}")),
        ("no time", body.clone(), format!("v1={v1}")),
        (
            "two wrong v1",
            body.clone(),
            format!("{},v1={}", signature("whsec_a", at, &body), "0".repeat(64)),
        ),
    ];
    for (what, body, signature) in &attacks {
        assert_eq!(deliver(&state.http, body, signature).await?, 400, "{what}");
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(
        buyer
            .get(&format!("bookings/{}", id(&booking)))
            .await?
            .expect(200)["status"],
        "awaiting_payment"
    );
    let pool = sqlx::PgPool::connect(&state.postgres["payment_db"]).await?;
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM webhook_events WHERE intent_id = $1")
        .bind(intent["id"].as_str())
        .fetch_one(&pool)
        .await?;
    assert_eq!(kept, 0, "a forged webhook takes the place of the real one");
    // Two v1 values, one of them good: a secret is being rotated.
    assert_eq!(
        deliver(
            &state.http,
            &body,
            &format!("{},v1={v1}", signature("whsec_old", at, &body))
        )
        .await?,
        200
    );
    buyer.booking_in(&id(&booking), &["confirmed"]).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn another_amount_or_currency_than_was_asked_issues_no_ticket() -> Result<()> {
    let state = Eventhub::shared();
    for (member, value) in [("amount", json!(1)), ("currency", json!("usd"))] {
        let (buyer, booking, mut intent) = awaiting(state).await?;
        intent[member] = value;
        assert_eq!(
            state.stripe.tell(&state.http, &succeeded(&intent)).await?,
            200
        );
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(
            buyer
                .get(&format!("bookings/{}", id(&booking)))
                .await?
                .expect(200)["status"],
            "awaiting_payment",
            "{member}"
        );
        let tickets = buyer
            .get(&format!("bookings/{}/tickets", id(&booking)))
            .await?
            .expect(200);
        assert_eq!(tickets["items"], json!([]), "{member}");
        let pool = sqlx::PgPool::connect(&state.postgres["payment_db"]).await?;
        let status: String =
            sqlx::query_scalar("SELECT status FROM payments WHERE provider_intent_id = $1")
                .bind(intent["id"].as_str())
                .fetch_one(&pool)
                .await?;
        assert_eq!(status, "quarantined", "{member}");
        // The right amount afterwards does not lift it: an operator must.
        intent["amount"] = json!(4500);
        intent["currency"] = json!("eur");
        assert_eq!(
            state.stripe.tell(&state.http, &succeeded(&intent)).await?,
            200
        );
        let status: String =
            sqlx::query_scalar("SELECT status FROM payments WHERE provider_intent_id = $1")
                .bind(intent["id"].as_str())
                .fetch_one(&pool)
                .await?;
        assert_eq!(status, "quarantined", "{member}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_for_an_intent_that_we_do_not_know_is_kept_once() -> Result<()> {
    let state = Eventhub::shared();
    let intent = json!({"id": format!("pi_{:x}", rand::random::<u64>()), "object": "payment_intent", "amount": 4500, "currency": "eur", "metadata": {}});
    let body = succeeded(&intent);
    for _ in 0..2 {
        assert_eq!(state.stripe.tell(&state.http, &body).await?, 200);
    }
    let pool = sqlx::PgPool::connect(&state.postgres["payment_db"]).await?;
    let kept = "SELECT count(*) FROM webhook_events WHERE intent_id = $1 AND applied_at IS NULL";
    let kept: i64 = sqlx::query_scalar(kept)
        .bind(intent["id"].as_str())
        .fetch_one(&pool)
        .await?;
    assert_eq!(kept, 1);
    Ok(())
}

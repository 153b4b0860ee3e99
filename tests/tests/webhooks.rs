//! Stripe's webhooks as the outside world delivers them: many times, early, tampered with, too late.

use anyhow::Result;
use eventhub_tests::fixtures::{id, layout, sale};
use eventhub_tests::{Api, Eventhub, State};
use futures::future::join_all;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use std::time::{SystemTime, UNIX_EPOCH};

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn signature(secret: &str, at: u64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{at}.{body}").as_bytes());
    format!("t={at},v1={}", hex::encode(mac.finalize().into_bytes()))
}

async fn deliver(state: &State, body: &str, signature: &str) -> Result<u16> {
    let request = reqwest::Client::new().post(format!("{}/webhooks/stripe", state.http)).header("stripe-signature", signature);
    Ok(request.header("content-type", "application/json").body(body.to_string()).send().await?.status().as_u16())
}

fn succeeded(intent: &Value, event: &str) -> String {
    let mut intent = intent.clone();
    intent["status"] = json!("succeeded");
    intent["amount_received"] = intent["amount"].clone();
    json!({"id": event, "object": "event", "type": "payment_intent.succeeded", "api_version": "2026-10-28.endive", "created": now(),
           "livemode": false, "pending_webhooks": 1, "request": {"id": null, "idempotency_key": null}, "data": {"object": intent}})
    .to_string()
}

/// A booking that waits for its payment, and its intent at Stripe.
async fn awaiting(state: &State) -> Result<(Api, Value, Value)> {
    let sale = sale(&state.http, layout(2, 10, 0)).await?;
    let buyer = Api::sign_up(&state.http, "Wendy Webhook").await?;
    let hold = buyer.hold(&sale.session_id, &["A-1-1"]).await?.expect(201);
    let booking = buyer.book(&id(&hold)).await?.expect(202);
    let booking = buyer.booking_in(&id(&booking), &["awaiting_payment"]).await?;
    let secret = booking["payment"]["client_secret"].as_str().unwrap();
    let intent = state.stripe.get(&format!("/v1/payment_intents/{}", secret.split("_secret").next().unwrap())).await?;
    Ok((buyer, booking, intent))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_copies_at_once_issue_one_ticket() -> Result<()> {
    let state = Eventhub::shared();
    let (buyer, booking, intent) = awaiting(state).await?;
    let body = succeeded(&intent, &format!("evt_{:x}", rand::random::<u64>()));
    let signature = signature(&state.stripe.webhook_secret, now(), &body);
    let statuses = join_all((0..100).map(|_| deliver(state, &body, &signature))).await;
    for status in statuses {
        assert_eq!(status?, 200);
    }
    buyer.booking_in(&id(&booking), &["confirmed"]).await?;
    let tickets = buyer.get(&format!("bookings/{}/tickets", id(&booking))).await?.expect(200);
    assert_eq!(tickets["items"].as_array().unwrap().len(), 1);
    let pool = sqlx::PgPool::connect(&state.postgres["payment_db"]).await?;
    let facts: i64 =
        sqlx::query_scalar("SELECT count(*) FROM outbox WHERE aggregateid = $1 AND type = 'PaymentSucceeded'").bind(id(&booking)).fetch_one(&pool).await?;
    assert_eq!(facts, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn tampered_unsigned_and_old_webhooks_change_nothing() -> Result<()> {
    let state = Eventhub::shared();
    let (buyer, booking, intent) = awaiting(state).await?;
    let body = succeeded(&intent, &format!("evt_{:x}", rand::random::<u64>()));
    let secret = &state.stripe.webhook_secret;
    let good = signature(secret, now(), &body);
    assert_eq!(deliver(state, &body.replacen("succeeded", "Succeeded", 1), &good).await?, 400);
    assert_eq!(deliver(state, &format!("{body} "), &good).await?, 400);
    assert_eq!(deliver(state, &body, &signature("whsec_other", now(), &body)).await?, 400);
    assert_eq!(deliver(state, &body, &signature(secret, now() - 301, &body)).await?, 400);
    assert_eq!(deliver(state, &body, "").await?, 400);
    assert_eq!(deliver(state, &body, "t=,v1=").await?, 400);
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    assert_eq!(buyer.get(&format!("bookings/{}", id(&booking))).await?.expect(200)["status"], "awaiting_payment");
    // Two v1 values, one of them good: a secret is being rotated.
    let at = now();
    let rotated = format!("{},v1={}", signature("whsec_old", at, &body), signature(secret, at, &body).split("v1=").nth(1).unwrap());
    assert_eq!(deliver(state, &body, &rotated).await?, 200);
    buyer.booking_in(&id(&booking), &["confirmed"]).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn another_amount_than_was_asked_issues_no_ticket() -> Result<()> {
    let state = Eventhub::shared();
    let (buyer, booking, mut intent) = awaiting(state).await?;
    intent["amount"] = json!(1);
    let body = succeeded(&intent, &format!("evt_{:x}", rand::random::<u64>()));
    assert_eq!(deliver(state, &body, &signature(&state.stripe.webhook_secret, now(), &body)).await?, 200);
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(buyer.get(&format!("bookings/{}", id(&booking))).await?.expect(200)["status"], "awaiting_payment");
    let pool = sqlx::PgPool::connect(&state.postgres["payment_db"]).await?;
    let quarantined: i64 = sqlx::query_scalar("SELECT count(*) FROM payments WHERE status = 'quarantined' AND provider_intent_id = $1")
        .bind(intent["id"].as_str())
        .fetch_one(&pool)
        .await?;
    assert_eq!(quarantined, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_for_an_intent_that_we_do_not_know_yet_is_kept() -> Result<()> {
    let state = Eventhub::shared();
    let intent = json!({"id": format!("pi_{:x}", rand::random::<u64>()), "object": "payment_intent", "amount": 4500, "currency": "eur", "metadata": {}});
    let body = succeeded(&intent, &format!("evt_{:x}", rand::random::<u64>()));
    assert_eq!(deliver(state, &body, &signature(&state.stripe.webhook_secret, now(), &body)).await?, 200);
    Ok(())
}

//! Webhooks as the provider, or an impostor, delivers them.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use serde_json::{Value, json};

use crate::eventhub::Stripe;

/// Seconds since 1970.
pub fn now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs() as i64)
}

/// The value of `Stripe-Signature`.
pub fn signature(secret: &str, at: i64, body: &str) -> String {
    eventhub_stripe_simulator::sign(secret, at, body.as_bytes())
}

/// An event with a new id about an intent or a refund, in Stripe's format.
pub fn event(kind: &str, object: &Value) -> String {
    let id = format!("evt_{:x}", rand::random::<u64>());
    json!({"id": id, "object": "event", "type": kind, "api_version": "2026-10-28.endive", "created": now(), "livemode": false,
           "pending_webhooks": 1, "request": {"id": null, "idempotency_key": null}, "data": {"object": object}})
    .to_string()
}

/// An event that reports an intent as paid, whatever the intent's own status.
pub fn succeeded(intent: &Value) -> String {
    let mut intent = intent.clone();
    intent["status"] = json!("succeeded");
    intent["amount_received"] = intent["amount"].clone();
    event("payment_intent.succeeded", &intent)
}

/// Posts a body with this signature; returns the status of the answer.
pub async fn deliver(http: &str, body: &str, signature: &str) -> Result<u16> {
    let request = reqwest::Client::new()
        .post(format!("{http}/webhooks/stripe"))
        .header("stripe-signature", signature);
    Ok(request
        .header("content-type", "application/json")
        .body(body.to_string())
        .send()
        .await?
        .status()
        .as_u16())
}

impl Stripe {
    /// Posts a body with a valid signature.
    pub async fn tell(&self, http: &str, body: &str) -> Result<u16> {
        deliver(http, body, &signature(&self.webhook_secret, now(), body)).await
    }
}

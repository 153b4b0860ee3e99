//! The buyer's side of the payment: what Stripe.js does with the publishable key and the client secret.

use crate::eventhub::Stripe;
use anyhow::{Context, Result};
use serde_json::Value;

impl Stripe {
    /// Confirms the payment of a booking with a test card; the status and the body of the answer.
    pub async fn pay(&self, booking: &Value, card: &str) -> Result<(u16, Value)> {
        let secret = booking["payment"]["client_secret"].as_str().context("the booking has no client_secret")?;
        let intent = secret.split("_secret").next().unwrap_or_default();
        let form = [("payment_method", card), ("client_secret", secret)];
        let body = form.map(|(name, value)| format!("{name}={value}")).join("&");
        let response = reqwest::Client::new()
            .post(format!("{}/v1/payment_intents/{intent}/confirm", self.url))
            .bearer_auth(&self.publishable_key)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body)
            .send()
            .await?;
        Ok((response.status().as_u16(), response.json().await?))
    }

    /// A call with the secret key: `GET path`.
    pub async fn get(&self, path: &str) -> Result<Value> {
        Ok(reqwest::Client::new().get(format!("{}{path}", self.url)).bearer_auth(&self.secret_key).send().await?.json().await?)
    }
}

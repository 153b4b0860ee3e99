//! The buyer's side of the payment: the calls of Stripe.js with the publishable key and the client
//! secret. Also the merchant's calls, and the simulator's controls for inspection and faults.

use anyhow::{Context, Result, ensure};
use reqwest::{Client, RequestBuilder};
use serde_json::Value;

use crate::eventhub::Stripe;

impl Stripe {
    /// Confirms the payment of a booking with a test card; the status and the body of the answer.
    pub async fn pay(&self, booking: &Value, card: &str) -> Result<(u16, Value)> {
        let secret = booking["payment"]["client_secret"]
            .as_str()
            .context("the booking has no client_secret")?;
        let path = format!("/v1/payment_intents/{}/confirm", intent_of(secret));
        let form = [("payment_method", card), ("client_secret", secret)];
        answer(self.form(&path, &form).bearer_auth(&self.publishable_key)).await
    }

    /// A call with the secret key: `GET path`.
    pub async fn get(&self, path: &str) -> Result<Value> {
        Ok(answer(
            Client::new()
                .get(format!("{}{path}", self.url))
                .bearer_auth(&self.secret_key),
        )
        .await?
        .1)
    }

    /// A call with the secret key: `POST path` with a form.
    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Result<(u16, Value)> {
        answer(self.form(path, form).bearer_auth(&self.secret_key)).await
    }

    /// Every intent that names the booking.
    pub async fn intents_of(&self, booking: &str) -> Result<Vec<Value>> {
        let (mut found, mut after) = (vec![], String::new());
        loop {
            let page = self
                .get(&format!("/v1/payment_intents?limit=100{after}"))
                .await?;
            let intents = page["data"].as_array().cloned().unwrap_or_default();
            after = intents
                .last()
                .and_then(|last| last["id"].as_str())
                .map(|id| format!("&starting_after={id}"))
                .unwrap_or_default();
            found.extend(
                intents
                    .into_iter()
                    .filter(|intent| intent["metadata"]["booking_id"] == booking),
            );
            if page["has_more"] != true {
                return Ok(found);
            }
        }
    }

    /// A control of the simulator: `POST /_simulator/{what}`.
    pub async fn disturb(&self, what: &str, how: Value) -> Result<()> {
        let response = Client::new()
            .post(format!("{}/_simulator/{what}", self.url))
            .json(&how)
            .send()
            .await?;
        ensure!(
            response.status().is_success(),
            "the simulator does not take {what} {how}: {}",
            response.status()
        );
        Ok(())
    }

    /// Reverts [`Self::disturb`].
    pub async fn calm(&self) -> Result<()> {
        self.disturb("latency", serde_json::json!({"milliseconds": 0}))
            .await?;
        self.disturb("webhooks", serde_json::json!({})).await?;
        let response = Client::new()
            .delete(format!("{}/_simulator/faults", self.url))
            .send()
            .await?;
        ensure!(
            response.status().is_success(),
            "the simulator keeps its faults: {}",
            response.status()
        );
        Ok(())
    }

    fn form(&self, path: &str, form: &[(&str, &str)]) -> RequestBuilder {
        let body = form
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join("&");
        Client::new()
            .post(format!("{}{path}", self.url))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body)
    }
}

/// The intent's id in its client secret.
pub fn intent_of(client_secret: &str) -> &str {
    client_secret.split("_secret").next().unwrap_or_default()
}

async fn answer(request: RequestBuilder) -> Result<(u16, Value)> {
    let response = request.send().await?;
    Ok((response.status().as_u16(), response.json().await?))
}

//! `POST /webhooks/{provider}`: where a provider reports what became of a payment.

use eventhub_guest::{Answer, Timestamp, json};
use serde::Serialize;

use super::Call;
use crate::usecases::webhooks::receive_webhook;

#[derive(Serialize)]
struct Received {
    received: bool,
}

/// 200 when the webhook is stored, and again 200 when it is known: a provider repeats a webhook
/// until it gets this answer.
pub fn receive(call: &Call) -> Answer {
    receive_webhook(
        call.context,
        call.param("provider"),
        call.request,
        Timestamp::now(),
    )?;
    json::response(200, &Received { received: true })
}

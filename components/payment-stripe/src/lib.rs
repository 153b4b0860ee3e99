//! Stripe's protocol: PaymentIntents and refunds over its REST API, webhooks by its signature
//! scheme. Knows nothing of bookings beyond the ids that it puts into Stripe's metadata.
#![cfg_attr(not(target_arch = "wasm32"), allow(dead_code))]

mod client;
mod config;
mod currency;
mod domain;
mod webhook;

#[allow(missing_docs)]
mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "payment-stripe",
        with: { "eventhub:common/types@0.1.0": eventhub_guest::bindings::eventhub::common::types },
        generate_all,
    });
}

use bindings::eventhub::payment_provider::types::{
    Error, Intent, IntentRequest, Notice, Refund, RefundRequest,
};
use client::Call;
use config::Config;
use domain::Failure;

struct Component;

fn intent(call: Call) -> Result<Intent, Error> {
    domain::intent(&client::send(&Config::get(), call)?.object)
}

/// A refund as it is now.
fn refund(id: &str) -> Result<Refund, Error> {
    domain::refund(
        &client::send(
            &Config::get(),
            Call::get(&format!("/v1/refunds/{}", domain::path_segment(id)?)),
        )?
        .object,
    )
}

/// The refund that decides where Stripe says that all has been given back: somebody did it by hand,
/// or we did under a key that Stripe has forgotten.
fn refund_made_before(request: &RefundRequest) -> Result<Refund, Error> {
    let path = format!(
        "/v1/refunds?payment_intent={}&limit=100",
        domain::path_segment(&request.intent_id)?
    );
    domain::decisive_refund(
        &client::send(&Config::get(), Call::get(&path))?.object,
        &request.total,
    )
}

impl bindings::exports::eventhub::payment_stripe::provider::Guest for Component {
    fn publishable_key() -> String {
        Config::get().publishable_key
    }

    fn create_intent(request: IntentRequest) -> Result<Intent, Error> {
        let form = domain::intent_form(&request)?;
        let call = Call::post("/v1/payment_intents", form).idempotent(&request.idempotency_key);
        intent(call)
    }

    fn get_intent(id: String) -> Result<Intent, Error> {
        intent(Call::get(&format!(
            "/v1/payment_intents/{}",
            domain::path_segment(&id)?
        )))
    }

    fn cancel_intent(id: String) -> Result<Intent, Error> {
        let path = format!("/v1/payment_intents/{}/cancel", domain::path_segment(&id)?);
        intent(Call::post(&path, String::new()))
    }

    fn create_refund(request: RefundRequest) -> Result<Refund, Error> {
        let call = Call::post("/v1/refunds", domain::refund_form(&request))
            .idempotent(&request.idempotency_key);
        match client::send(&Config::get(), call) {
            // It may have failed since.
            Ok(reply) if reply.replayed => refund(&domain::refund(&reply.object)?.id),
            Ok(reply) => domain::refund(&reply.object),
            Err(Failure::AlreadyRefunded) => refund_made_before(&request),
            Err(Failure::Other(error)) => Err(error),
        }
    }

    fn get_refund(id: String) -> Result<Refund, Error> {
        refund(&id)
    }

    fn verify_notice(
        headers: Vec<(String, String)>,
        body: String,
        now: i64,
    ) -> Result<Notice, Error> {
        let signature = headers
            .iter()
            .find(|(name, _)| name == "stripe-signature")
            .map_or("", |(_, value)| value.as_str());
        webhook::verify(&Config::get().webhook_secrets, signature, &body, now)
            .map_err(|error| Error::BadSignature(error.to_string()))?;
        domain::notice(&body)
    }
}

// Only a component has exports; a native library cannot have names such as these.
#[cfg(target_arch = "wasm32")]
bindings::export!(Component with_types_in bindings);

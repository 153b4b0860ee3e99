//! The strategy: which component speaks the protocol of a provider. A new provider is a variant
//! here and a link in the manifest.

use std::cell::OnceCell;

use crate::bindings::eventhub::payment_provider::types::{
    Error, Intent, IntentRequest, Notice, Refund, RefundRequest,
};
use crate::bindings::eventhub::payment_stripe::provider as stripe;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Provider {
    Stripe,
}

impl Provider {
    /// By its name in the API.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "stripe" => Some(Provider::Stripe),
            _ => None,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Provider::Stripe => "stripe",
        }
    }

    /// For the provider's client library; asked once per instance.
    pub fn publishable_key(self) -> String {
        thread_local!(static STRIPE: OnceCell<String> = const { OnceCell::new() });
        match self {
            Provider::Stripe => STRIPE.with(|key| key.get_or_init(stripe::publishable_key).clone()),
        }
    }

    pub fn create_intent(self, request: &IntentRequest) -> Result<Intent, Error> {
        match self {
            Provider::Stripe => stripe::create_intent(request),
        }
    }

    pub fn get_intent(self, id: &str) -> Result<Intent, Error> {
        match self {
            Provider::Stripe => stripe::get_intent(id),
        }
    }

    pub fn cancel_intent(self, id: &str) -> Result<Intent, Error> {
        match self {
            Provider::Stripe => stripe::cancel_intent(id),
        }
    }

    pub fn create_refund(self, request: &RefundRequest) -> Result<Refund, Error> {
        match self {
            Provider::Stripe => stripe::create_refund(request),
        }
    }

    pub fn get_refund(self, id: &str) -> Result<Refund, Error> {
        match self {
            Provider::Stripe => stripe::get_refund(id),
        }
    }

    pub fn verify_notice(
        self,
        headers: &[(String, String)],
        body: &str,
        now: i64,
    ) -> Result<Notice, Error> {
        match self {
            Provider::Stripe => stripe::verify_notice(headers, body, now),
        }
    }
}

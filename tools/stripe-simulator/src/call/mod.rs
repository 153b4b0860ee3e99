//! A request, parsed at the edge: method, path and parameters become one typed [`Call`], or an
//! error that names the fault. To teach the stand-in another route, add its variant here and its
//! arm in `parse.rs`, and what it does in [`crate::ledger`].

use std::collections::BTreeMap;

mod parse;

/// What is asked for.
#[derive(Debug)]
pub enum Call {
    /// `POST /v1/payment_intents`
    CreateIntent(Box<NewIntent>),
    /// `GET /v1/payment_intents`
    ListIntents(Page),
    /// `GET /v1/payment_intents/{id}`
    GetIntent(String),
    /// `POST /v1/payment_intents/{id}`
    UpdateIntent(String, Box<IntentChanges>),
    /// `POST /v1/payment_intents/{id}/confirm`
    ConfirmIntent(String, Confirm),
    /// `POST /v1/payment_intents/{id}/capture`; the amount, all of it when missing.
    CaptureIntent(String, Option<i64>, BTreeMap<String, String>),
    /// `POST /v1/payment_intents/{id}/cancel`; the reason.
    CancelIntent(String, Option<String>),
    /// `POST /v1/refunds`
    CreateRefund(NewRefund),
    /// `GET /v1/refunds`
    ListRefunds(Page, Of),
    /// `GET /v1/refunds/{id}`
    GetRefund(String),
    /// `POST /v1/refunds/{id}`
    UpdateRefund(String, BTreeMap<String, String>),
    /// `GET /v1/charges`
    ListCharges(Page, Of),
    /// `GET /v1/charges/{id}`
    GetCharge(String),
    /// `GET /v1/events`; the kinds wanted, all when empty.
    ListEvents(Page, Vec<String>),
    /// `GET /v1/events/{id}`
    GetEvent(String),
    /// `POST /v1/payment_methods`; the card's place among the test cards.
    CreatePaymentMethod(usize),
    /// `GET /v1/payment_methods/{id}`
    GetPaymentMethod(String),
    /// `POST /v1/webhook_endpoints`
    CreateEndpoint(EndpointChanges),
    /// `GET /v1/webhook_endpoints`
    ListEndpoints,
    /// `GET /v1/webhook_endpoints/{id}`
    GetEndpoint(String),
    /// `POST /v1/webhook_endpoints/{id}`
    UpdateEndpoint(String, EndpointChanges),
    /// `DELETE /v1/webhook_endpoints/{id}`
    DeleteEndpoint(String),
}

/// Fields of a new payment intent.
#[derive(Debug)]
pub struct NewIntent {
    /// Minor units.
    pub amount: i64,
    /// ISO 4217 in lower case.
    pub currency: String,
    /// `capture_method=manual`.
    pub capture_manually: bool,
    /// `confirmation_method=manual`.
    pub confirm_manually: bool,
    /// `automatic_payment_methods[allow_redirects]` where those are enabled.
    pub automatic: Option<String>,
    /// The caller's own keys and values.
    pub metadata: BTreeMap<String, String>,
    /// Fields that are only echoed.
    pub echoed: BTreeMap<String, String>,
    /// `confirm=true`.
    pub confirm: bool,
    /// The card and how to confirm with it.
    pub with: Confirm,
}

/// How to confirm.
#[derive(Debug, Default)]
pub struct Confirm {
    /// The card's place among the test cards.
    pub card: Option<usize>,
    /// The payment method's id where it was made before.
    pub payment_method: Option<String>,
    /// Where the buyer goes after authenticating.
    pub return_url: Option<String>,
    /// `off_session` or `error_on_requires_action`: nobody is there to authenticate.
    pub refuse_action: bool,
}

/// Fields of an intent that may change.
#[derive(Debug)]
pub struct IntentChanges {
    /// Minor units.
    pub amount: Option<i64>,
    /// ISO 4217 in lower case.
    pub currency: Option<String>,
    /// `capture_method=manual` or not.
    pub capture_manually: Option<bool>,
    /// Merged into what is there; an empty value removes.
    pub metadata: BTreeMap<String, String>,
    /// Fields that are only echoed.
    pub echoed: BTreeMap<String, String>,
    /// A card chosen for later.
    pub with: Confirm,
}

/// Fields of a new refund.
#[derive(Debug)]
pub struct NewRefund {
    /// `pi_…` or `ch_…`.
    pub of: Of,
    /// Minor units; all that is left when missing.
    pub amount: Option<i64>,
    /// `duplicate`, `fraudulent`, `requested_by_customer`.
    pub reason: Option<String>,
    /// The caller's own keys and values.
    pub metadata: BTreeMap<String, String>,
}

/// Whose refunds or charges.
#[derive(Debug, Default, Clone)]
pub struct Of {
    /// `pi_…`.
    pub intent: Option<String>,
    /// `ch_…`.
    pub charge: Option<String>,
}

/// Fields of a webhook endpoint.
#[derive(Debug)]
pub struct EndpointChanges {
    /// `http://…`.
    pub url: Option<String>,
    /// Kinds of events; `*` for all.
    pub enabled_events: Vec<String>,
    /// A sentence for people.
    pub description: Option<String>,
    /// The caller's own keys and values.
    pub metadata: BTreeMap<String, String>,
    /// Whether it shall take nothing.
    pub disabled: Option<bool>,
}

/// Which part of a list, newest first.
#[derive(Debug)]
pub struct Page {
    /// 1–100.
    pub limit: usize,
    /// Continue after this id.
    pub starting_after: Option<String>,
    /// Stop before this id, the nearest ones.
    pub ending_before: Option<String>,
    /// Not older than this, seconds.
    pub from: i64,
    /// Not newer than this, seconds.
    pub to: i64,
}

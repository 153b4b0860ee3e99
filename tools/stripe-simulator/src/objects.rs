//! What the stand-in remembers: intents, charges, refunds, events, webhook endpoints. Only what
//! varies is kept; the full shapes that Stripe sends are made in [`crate::render`]. Every change
//! makes a new version, so that events, idempotent answers and the current state share memory
//! instead of copying bodies.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A payment intent's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Wants a card, for the first time or after a refusal.
    RequiresPaymentMethod,
    /// Has a card, wants to be confirmed.
    RequiresConfirmation,
    /// The buyer must authenticate.
    RequiresAction,
    /// Authorised, not captured.
    RequiresCapture,
    /// Paid.
    Succeeded,
    /// Given up.
    Canceled,
}

impl Status {
    /// Stripe's text.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::RequiresPaymentMethod => "requires_payment_method",
            Status::RequiresConfirmation => "requires_confirmation",
            Status::RequiresAction => "requires_action",
            Status::RequiresCapture => "requires_capture",
            Status::Succeeded => "succeeded",
            Status::Canceled => "canceled",
        }
    }
}

/// Why the last attempt to pay failed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PaymentError {
    /// `error.type`.
    pub kind: String,
    /// `error.code`.
    pub code: String,
    /// `error.decline_code`.
    pub decline_code: Option<String>,
    /// A sentence for people.
    pub message: String,
    /// The method that was refused.
    pub payment_method: String,
    /// The failed charge, if it came to one.
    pub charge: Option<String>,
}

/// A payment intent. Amounts are in minor units, times in seconds since 1970.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Intent {
    /// Rises with every change of anything.
    pub version: u64,
    /// `pi_…`.
    pub id: String,
    /// When it was made.
    pub created: i64,
    /// What is to be paid.
    pub amount: i64,
    /// What was captured.
    pub amount_received: i64,
    /// What may be captured.
    pub amount_capturable: i64,
    /// ISO 4217 in lower case.
    pub currency: String,
    /// Where it stands.
    pub status: Status,
    /// Captured by a call of its own instead of at once.
    pub capture_manually: bool,
    /// Confirmed by the server only.
    pub confirm_manually: bool,
    /// With which a browser may confirm it.
    pub client_secret: String,
    /// `automatic_payment_methods[allow_redirects]` where those are enabled.
    pub automatic: Option<String>,
    /// The caller's own keys and values.
    pub metadata: BTreeMap<String, String>,
    /// `pm_…`, once chosen.
    pub payment_method: Option<String>,
    /// The last refusal.
    pub last_error: Option<PaymentError>,
    /// All attempts, the last one last.
    pub charges: Vec<String>,
    /// Where the buyer goes after authenticating.
    pub return_url: Option<String>,
    /// When it was cancelled.
    pub canceled_at: Option<i64>,
    /// Why.
    pub cancellation_reason: Option<String>,
    /// Texts that are only echoed: description, receipt_email, customer, transfer_group, ….
    pub echoed: BTreeMap<String, String>,
}

/// One attempt to take money.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Charge {
    /// Rises with every change of anything.
    pub version: u64,
    /// `ch_…`.
    pub id: String,
    /// When it was made.
    pub created: i64,
    /// What was authorised.
    pub amount: i64,
    /// What was captured of it.
    pub captured: i64,
    /// What was given back of that, pending refunds included.
    pub refunded: i64,
    /// What was authorised and released without ever being captured.
    pub released: i64,
    /// ISO 4217 in lower case.
    pub currency: String,
    /// `pi_…`.
    pub intent: String,
    /// `pm_…`.
    pub payment_method: String,
    /// A copy of the intent's.
    pub metadata: BTreeMap<String, String>,
    /// The refusal, for a failed one.
    pub failure: Option<PaymentError>,
    /// `re_…`, the last one last.
    pub refunds: Vec<String>,
}

/// A refund's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    /// On its way.
    Pending,
    /// Arrived.
    Succeeded,
    /// Came back.
    Failed,
}

impl RefundStatus {
    /// Stripe's text.
    pub fn as_str(self) -> &'static str {
        match self {
            RefundStatus::Pending => "pending",
            RefundStatus::Succeeded => "succeeded",
            RefundStatus::Failed => "failed",
        }
    }
}

/// Money given back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Refund {
    /// Rises with every change of anything.
    pub version: u64,
    /// `re_…`.
    pub id: String,
    /// When it was made.
    pub created: i64,
    /// How much.
    pub amount: i64,
    /// ISO 4217 in lower case.
    pub currency: String,
    /// `ch_…`.
    pub charge: String,
    /// `pi_…`.
    pub intent: String,
    /// Where it stands.
    pub status: RefundStatus,
    /// `duplicate`, `fraudulent`, `requested_by_customer`.
    pub reason: Option<String>,
    /// The caller's own keys and values.
    pub metadata: BTreeMap<String, String>,
    /// What it becomes later, and when.
    pub later: Option<(i64, RefundStatus)>,
}

/// Anything an event can be about or a call can answer with.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Object {
    /// A payment intent.
    Intent(Arc<Intent>),
    /// A charge.
    Charge(Arc<Charge>),
    /// A refund.
    Refund(Arc<Refund>),
}

impl Object {
    /// Its place in the order of all changes.
    pub fn version(&self) -> u64 {
        match self {
            Object::Intent(intent) => intent.version,
            Object::Charge(charge) => charge.version,
            Object::Refund(refund) => refund.version,
        }
    }
}

/// Something that happened, to be told to webhook endpoints.
#[derive(Debug)]
pub struct Event {
    /// `evt_…`.
    pub id: String,
    /// Such as `payment_intent.succeeded`.
    pub kind: String,
    /// When.
    pub created: i64,
    /// The object as it was then.
    pub object: Object,
    /// What it was before, where Stripe tells.
    pub previous: Option<Value>,
    /// The request that caused it.
    pub request: Option<String>,
    /// That request's idempotency key.
    pub idempotency_key: Option<String>,
    /// The endpoints that have not taken it yet.
    pub owed: Mutex<Vec<String>>,
}

/// Where events go.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Endpoint {
    /// `we_…`; derived from the address for those configured at the start.
    pub id: String,
    /// When it was made.
    pub created: i64,
    /// `http://…`.
    pub url: String,
    /// `whsec_…`.
    pub secret: String,
    /// Kinds of events; `*` for all.
    pub enabled_events: Vec<String>,
    /// A sentence for people.
    pub description: Option<String>,
    /// The caller's own keys and values.
    pub metadata: BTreeMap<String, String>,
    /// Takes nothing for now.
    pub disabled: bool,
    /// Given at the start, hence not written to the state file.
    #[serde(skip)]
    pub configured: bool,
}

impl Endpoint {
    /// Whether it wants to hear of this kind of event.
    pub fn wants(&self, kind: &str) -> bool {
        !self.disabled
            && self
                .enabled_events
                .iter()
                .any(|wanted| wanted == "*" || wanted == kind)
    }
}

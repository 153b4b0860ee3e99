//! What a payment provider says and is asked for, whichever it is.

use eventhub_guest::Money;

/// Money as the provider states it. The currency need not be one that EventHub knows: it is only
/// compared.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Amount {
    /// Minor units.
    pub amount: i64,
    pub currency: String,
}

impl Amount {
    pub fn equals(&self, money: Money) -> bool {
        self.amount == money.amount && self.currency == money.currency.as_str()
    }
}

/// What became of an intent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum IntentStatus {
    RequiresPayment,
    Processing,
    Succeeded,
    Cancelled,
}

/// The provider's object for one payment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Intent {
    /// The provider's id: `pi_…`.
    pub id: String,
    pub status: IntentStatus,
    pub total: Amount,
    pub client_secret: Option<String>,
    /// Why the last attempt was declined, in the provider's words.
    pub decline: Option<String>,
}

/// What became of a refund.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RefundStatus {
    Pending,
    Succeeded,
    Failed,
}

/// The provider's object for one refund.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refund {
    /// The provider's id: `re_…`.
    pub id: String,
    pub intent_id: String,
    pub status: RefundStatus,
    pub total: Amount,
}

/// What a webhook is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Subject {
    Intent(Intent),
    Refund(Refund),
    /// Of no interest to us.
    Other,
}

impl Subject {
    /// The intent that the webhook is about.
    pub fn intent_id(&self) -> Option<&str> {
        match self {
            Subject::Intent(intent) => Some(&intent.id),
            Subject::Refund(refund) => Some(&refund.intent_id),
            Subject::Other => None,
        }
    }
}

/// A webhook whose signature is good.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notice {
    /// The provider's event id; a notice is acted on once.
    pub id: String,
    pub kind: String,
    pub subject: Subject,
}

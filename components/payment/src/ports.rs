//! What this service calls of others: the components that speak the protocols of the providers. The
//! build finds them in the manifest, so a new provider is a component `payment-<name>` and a link.

use std::cell::RefCell;
use std::collections::BTreeMap;

use eventhub_guest::{Money, Timestamp};

use crate::bindings::eventhub::payment_provider::types as wit;
use crate::domain::provider::{
    Amount, Intent, IntentStatus, Notice, Refund, RefundStatus, Subject,
};

/// An intent to be made.
#[derive(Clone, PartialEq, Debug)]
pub struct NewIntent {
    /// Stored before the call: the same key never charges twice.
    pub idempotency_key: String,
    pub total: Money,
    pub booking_id: String,
    pub payment_id: String,
    pub email: Option<String>,
}

/// A refund to be made, of everything that has not been given back by hand.
#[derive(Clone, PartialEq, Debug)]
pub struct NewRefund {
    pub idempotency_key: String,
    pub intent_id: String,
    /// All of the payment.
    pub total: Money,
    pub payment_id: String,
}

/// Why a provider did not do something.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ProviderError {
    /// The manifest links this service to no provider of that name.
    #[error("there is no provider {0}")]
    Unknown(String),
    #[error("bad signature: {0}")]
    BadSignature(String),
    #[error("the provider knows no such intent or refund")]
    NotFound,
    /// To try again does not help.
    #[error("refused: {0}")]
    Refused(String),
    /// The outcome is unknown: try again with the same key.
    #[error("unavailable: {0}")]
    Unavailable(String),
}

type Answer<T> = Result<T, ProviderError>;

/// The providers, each by its name: `stripe`. Every function answers [`ProviderError::Unknown`] for
/// a name that no provider has.
pub trait Ports {
    /// For the provider's client library in the browser; none where the provider has none.
    fn publishable_key(&self, provider: &str) -> Option<String>;
    fn create_intent(&self, provider: &str, new: &NewIntent) -> Answer<Intent>;
    fn get_intent(&self, provider: &str, id: &str) -> Answer<Intent>;
    fn cancel_intent(&self, provider: &str, id: &str) -> Answer<Intent>;
    fn create_refund(&self, provider: &str, new: &NewRefund) -> Answer<Refund>;
    fn get_refund(&self, provider: &str, id: &str) -> Answer<Refund>;
    /// Reads a webhook whose signature is good at `now`; `body` as it came.
    fn verify_notice(
        &self,
        provider: &str,
        headers: &[(String, String)],
        body: &str,
        now: Timestamp,
    ) -> Answer<Notice>;
    /// Whether there is a provider of that name.
    fn has_provider(&self, provider: &str) -> bool;
}

/// Verifies a webhook: its headers, its body, and now in microseconds since the Unix epoch.
type VerifyNotice = fn(&[(String, String)], &str, i64) -> Result<wit::Notice, wit::Error>;

/// The functions of one provider's component.
struct Provider {
    name: &'static str,
    publishable_key: fn() -> String,
    create_intent: fn(&wit::IntentRequest) -> Result<wit::Intent, wit::Error>,
    get_intent: fn(&str) -> Result<wit::Intent, wit::Error>,
    cancel_intent: fn(&str) -> Result<wit::Intent, wit::Error>,
    create_refund: fn(&wit::RefundRequest) -> Result<wit::Refund, wit::Error>,
    get_refund: fn(&str) -> Result<wit::Refund, wit::Error>,
    verify_notice: VerifyNotice,
}

/// Every provider to which the manifest links this service.
const PROVIDERS: &[Provider] = include!(concat!(env!("OUT_DIR"), "/providers.rs"));

fn find_provider(name: &str) -> Answer<&'static Provider> {
    let provider = PROVIDERS.iter().find(|provider| provider.name == name);
    provider.ok_or_else(|| ProviderError::Unknown(name.to_string()))
}

thread_local! {
    /// By provider; asked once per instance.
    static PUBLISHABLE_KEYS: RefCell<BTreeMap<&'static str, String>> =
        const { RefCell::new(BTreeMap::new()) };
}

/// The linked components.
pub struct Linked;

impl Ports for Linked {
    fn publishable_key(&self, provider: &str) -> Option<String> {
        let provider = find_provider(provider).ok()?;
        let key = PUBLISHABLE_KEYS.with_borrow_mut(|keys| {
            keys.entry(provider.name)
                .or_insert_with(provider.publishable_key)
                .clone()
        });
        Some(key).filter(|key| !key.is_empty())
    }

    fn create_intent(&self, provider: &str, new: &NewIntent) -> Answer<Intent> {
        let request = wit::IntentRequest {
            idempotency_key: new.idempotency_key.clone(),
            total: new.total.to_wit(),
            booking_id: new.booking_id.clone(),
            payment_id: new.payment_id.clone(),
            email: new.email.clone(),
        };
        Ok((find_provider(provider)?.create_intent)(&request)?.into())
    }

    fn get_intent(&self, provider: &str, id: &str) -> Answer<Intent> {
        Ok((find_provider(provider)?.get_intent)(id)?.into())
    }

    fn cancel_intent(&self, provider: &str, id: &str) -> Answer<Intent> {
        Ok((find_provider(provider)?.cancel_intent)(id)?.into())
    }

    fn create_refund(&self, provider: &str, new: &NewRefund) -> Answer<Refund> {
        let request = wit::RefundRequest {
            idempotency_key: new.idempotency_key.clone(),
            intent_id: new.intent_id.clone(),
            total: new.total.to_wit(),
            payment_id: new.payment_id.clone(),
        };
        Ok((find_provider(provider)?.create_refund)(&request)?.into())
    }

    fn get_refund(&self, provider: &str, id: &str) -> Answer<Refund> {
        Ok((find_provider(provider)?.get_refund)(id)?.into())
    }

    fn verify_notice(
        &self,
        provider: &str,
        headers: &[(String, String)],
        body: &str,
        now: Timestamp,
    ) -> Answer<Notice> {
        Ok((find_provider(provider)?.verify_notice)(headers, body, now.seconds())?.into())
    }

    fn has_provider(&self, provider: &str) -> bool {
        find_provider(provider).is_ok()
    }
}

impl From<wit::Error> for ProviderError {
    fn from(error: wit::Error) -> Self {
        match error {
            wit::Error::BadSignature(why) => ProviderError::BadSignature(why),
            wit::Error::NotFound => ProviderError::NotFound,
            wit::Error::Refused(why) => ProviderError::Refused(why),
            wit::Error::Unavailable(why) => ProviderError::Unavailable(why),
        }
    }
}

impl From<wit::Intent> for Intent {
    fn from(intent: wit::Intent) -> Self {
        Self {
            id: intent.id,
            status: match intent.status {
                wit::IntentStatus::RequiresPayment => IntentStatus::RequiresPayment,
                wit::IntentStatus::Processing => IntentStatus::Processing,
                wit::IntentStatus::Succeeded => IntentStatus::Succeeded,
                wit::IntentStatus::Cancelled => IntentStatus::Cancelled,
            },
            total: intent.total.into(),
            client_secret: intent.client_secret,
            decline: intent.decline,
        }
    }
}

impl From<wit::Refund> for Refund {
    fn from(refund: wit::Refund) -> Self {
        Self {
            id: refund.id,
            intent_id: refund.intent_id,
            status: match refund.status {
                wit::RefundStatus::Pending => RefundStatus::Pending,
                wit::RefundStatus::Succeeded => RefundStatus::Succeeded,
                wit::RefundStatus::Failed => RefundStatus::Failed,
            },
            total: refund.total.into(),
        }
    }
}

impl From<wit::Notice> for Notice {
    fn from(notice: wit::Notice) -> Self {
        Self {
            id: notice.id,
            kind: notice.kind,
            subject: match notice.subject {
                wit::NoticeSubject::Intent(intent) => Subject::Intent(intent.into()),
                wit::NoticeSubject::Refund(refund) => Subject::Refund(refund.into()),
                wit::NoticeSubject::Other => Subject::Other,
            },
        }
    }
}

impl From<eventhub_guest::bindings::eventhub::common::types::Money> for Amount {
    fn from(money: eventhub_guest::bindings::eventhub::common::types::Money) -> Self {
        Self {
            amount: money.amount,
            currency: money.currency,
        }
    }
}

#[cfg(test)]
mod tests {
    use eventhub_manifest::Manifest;

    use super::*;

    #[test]
    fn every_provider_of_the_manifest_is_found_by_its_name() {
        let manifest = Manifest::read(std::path::Path::new("../../wadm.yaml")).unwrap();
        let links = &manifest.component("payment").unwrap().links;
        let targets = links
            .iter()
            .filter(|link| link.interfaces == ["provider"])
            .map(|link| link.target.trim_start_matches("payment-"));
        let targets: Vec<_> = targets.collect();
        assert!(targets.contains(&"stripe"), "{targets:?}");
        for target in targets {
            assert!(Linked.has_provider(target), "{target}");
        }
        assert!(!Linked.has_provider("cash") && !Linked.has_provider("payment-stripe"));
        assert_eq!(
            Linked.get_intent("cash", "pi_1"),
            Err(ProviderError::Unknown("cash".into()))
        );
    }
}

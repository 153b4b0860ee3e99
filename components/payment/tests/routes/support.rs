//! A service with a database and a provider of its own.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use eventhub_guest::ids::{BookingId, UserId};
use eventhub_guest::{Money, Timestamp};
use eventhub_native::{Environment, Exchange, post, send};
use payment::domain::payment::{NewPayment, Payment, Status};
use payment::domain::provider::{
    Amount, Intent, IntentStatus, Notice, Refund, RefundStatus, Subject,
};
use payment::ports::{NewIntent, NewRefund, Ports, ProviderError};
use payment::routes::router;
use payment::{store, usecases};
use serde_json::Value;

pub const DATABASE: &str = "payment_db";
pub const BOOKING: BookingId = BookingId::from_u128(2);

/// A provider called `stripe`. The body of a webhook is the name of a notice.
#[derive(Default)]
pub struct TestProvider {
    pub intents: RefCell<BTreeMap<String, Intent>>,
    pub refunds: RefCell<BTreeMap<String, Refund>>,
    pub notices: RefCell<BTreeMap<String, Notice>>,
    /// The idempotency keys of all creations, in order.
    pub keys: RefCell<Vec<String>>,
    /// What every call answers instead.
    pub failure: RefCell<Option<ProviderError>>,
    /// Whether it refuses to cancel: the buyer has paid.
    pub refuses_to_cancel: Cell<bool>,
    /// What a new refund is.
    pub refund_status: Cell<Option<RefundStatus>>,
}

impl TestProvider {
    fn check(&self, provider: &str) -> Result<(), ProviderError> {
        if provider != "stripe" {
            return Err(ProviderError::Unknown(provider.into()));
        }
        self.failure.borrow().clone().map_or(Ok(()), Err)
    }

    pub fn set_intent(&self, id: &str, status: IntentStatus) {
        let mut intents = self.intents.borrow_mut();
        intents
            .entry(id.into())
            .or_insert_with(|| intent(id))
            .status = status;
    }
}

pub fn amount(amount: i64) -> Amount {
    Amount {
        amount,
        currency: "EUR".into(),
    }
}

pub fn intent(id: &str) -> Intent {
    Intent {
        id: id.into(),
        status: IntentStatus::RequiresPayment,
        total: amount(4500),
        client_secret: Some(format!("{id}_secret")),
        decline: None,
    }
}

pub fn refund(id: &str, intent_id: &str, status: RefundStatus) -> Refund {
    Refund {
        id: id.into(),
        intent_id: intent_id.into(),
        status,
        total: amount(4500),
    }
}

impl Ports for TestProvider {
    fn has_provider(&self, provider: &str) -> bool {
        provider == "stripe"
    }

    fn publishable_key(&self, _: &str) -> Option<String> {
        Some("pk_test".into())
    }

    fn create_intent(&self, provider: &str, new: &NewIntent) -> Result<Intent, ProviderError> {
        self.keys.borrow_mut().push(new.idempotency_key.clone());
        self.check(provider)?;
        let created = intent("pi_1");
        self.intents
            .borrow_mut()
            .insert("pi_1".into(), created.clone());
        Ok(created)
    }

    fn get_intent(&self, provider: &str, id: &str) -> Result<Intent, ProviderError> {
        self.check(provider)?;
        let intents = self.intents.borrow();
        intents.get(id).cloned().ok_or(ProviderError::NotFound)
    }

    fn cancel_intent(&self, provider: &str, id: &str) -> Result<Intent, ProviderError> {
        self.check(provider)?;
        if self.refuses_to_cancel.get() {
            return Err(ProviderError::Refused("it is paid".into()));
        }
        self.set_intent(id, IntentStatus::Cancelled);
        self.get_intent(provider, id)
    }

    fn create_refund(&self, provider: &str, new: &NewRefund) -> Result<Refund, ProviderError> {
        self.keys.borrow_mut().push(new.idempotency_key.clone());
        self.check(provider)?;
        let status = self.refund_status.get().unwrap_or(RefundStatus::Pending);
        let id = format!("re_{}", self.refunds.borrow().len() + 1);
        let created = refund(&id, &new.intent_id, status);
        self.refunds.borrow_mut().insert(id, created.clone());
        Ok(created)
    }

    fn get_refund(&self, provider: &str, id: &str) -> Result<Refund, ProviderError> {
        self.check(provider)?;
        let refunds = self.refunds.borrow();
        refunds.get(id).cloned().ok_or(ProviderError::NotFound)
    }

    fn verify_notice(
        &self,
        provider: &str,
        headers: &[(String, String)],
        body: &str,
        _: Timestamp,
    ) -> Result<Notice, ProviderError> {
        self.check(provider)?;
        if !headers.contains(&("x-signature".into(), "good".into())) {
            return Err(ProviderError::BadSignature("no signature fits".into()));
        }
        let notices = self.notices.borrow();
        let notice = notices.get(body).cloned();
        notice.ok_or_else(|| ProviderError::Refused("it is no event".into()))
    }
}

/// The service under test.
pub struct Service {
    pub environment: Environment,
    pub provider: TestProvider,
}

impl Service {
    pub fn start() -> Self {
        Self {
            environment: Environment::start(&[DATABASE]),
            provider: TestProvider::default(),
        }
    }

    pub fn send(&self, exchange: &Exchange) -> Value {
        send::<dyn Ports>(&router(), &self.provider, exchange)
    }

    /// Runs SQL; what it answers without the line's end.
    pub fn sql(&self, text: &str) -> String {
        self.environment.sql(DATABASE, text).trim().to_string()
    }

    /// The names of the facts so far.
    pub fn fact_names(&self) -> Vec<String> {
        let facts = self.environment.facts(DATABASE).into_iter();
        facts.map(|(name, _)| name).collect()
    }

    /// A webhook of the provider about `subject`.
    pub fn send_notice(&self, id: &str, subject: Subject) -> Value {
        let notice = Notice {
            id: id.into(),
            kind: "test".into(),
            subject,
        };
        self.provider.notices.borrow_mut().insert(id.into(), notice);
        self.send(&signed_webhook(id))
    }

    /// A webhook that says that the intent has that status.
    pub fn send_intent(&self, id: &str, status: IntentStatus) -> Value {
        self.provider.set_intent("pi_1", status);
        let intent = self.provider.intents.borrow()["pi_1"].clone();
        self.send_notice(id, Subject::Intent(intent))
    }

    /// A payment of 45.00 EUR whose intent the provider has made.
    pub fn create_payment(&self) -> Payment {
        usecases::create_payment(&self.provider, new_payment()).unwrap()
    }

    /// A payment that is paid.
    pub fn create_paid(&self) -> Payment {
        self.create_payment();
        self.send_intent("evt_paid", IntentStatus::Succeeded);
        self.stored()
    }

    /// The payment of [`BOOKING`] as the database has it.
    pub fn stored(&self) -> Payment {
        store::find_by_booking(BOOKING).unwrap().unwrap()
    }

    pub fn stored_status(&self) -> Status {
        self.stored().status
    }
}

/// Of 45.00 EUR, with an hour to pay.
pub fn new_payment() -> NewPayment {
    NewPayment {
        booking_id: BOOKING,
        user_id: UserId::from_u128(3),
        provider: "stripe".into(),
        total: Money::new(4500, "EUR".parse().unwrap()),
        email: Some("ada@example.org".into()),
        expires_at: Timestamp::now().plus(std::time::Duration::from_secs(3600)),
    }
}

/// A webhook that is signed.
pub fn signed_webhook(body: &str) -> Exchange {
    post("/webhooks/stripe")
        .header("x-signature", "good")
        .body("application/json", body.as_bytes())
}

/// The code of a refusal, with its status: `404 not_found`.
pub fn code_of(answer: &Value) -> String {
    let code = answer["body"]["code"].as_str();
    let code = code.unwrap_or_else(|| panic!("not a problem: {answer}"));
    format!("{} {code}", answer["status"])
}

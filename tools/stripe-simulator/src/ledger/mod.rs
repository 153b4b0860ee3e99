//! The state and its rules, without I/O and without a clock: a [`Tx`] takes the time as an
//! argument, applies one call, and holds what changed so that the caller can write it down and tell
//! the webhook endpoints. `intents` and `refunds` hold the state machines; a new kind of object
//! gets a table here and a file beside them.

mod endpoints;
mod events;
mod intents;
mod refunds;
mod table;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use events::EventLog;
use parking_lot::Mutex;
use serde_json::Value;
pub use table::{Row, Table};

use crate::call::{Call, Of, Page};
use crate::error::{ApiError, Result};
use crate::ids;
use crate::objects::{Charge, Endpoint, Event, Intent, Object, Refund};

/// Everything there is.
#[derive(Debug)]
pub struct Ledger {
    /// Payment intents.
    pub intents: Table<Intent>,
    /// Charges.
    pub charges: Table<Charge>,
    /// Refunds.
    pub refunds: Table<Refund>,
    /// The latest events.
    pub events: EventLog,
    /// Webhook endpoints.
    pub endpoints: Vec<Arc<Endpoint>>,
    /// The version of the latest change.
    pub version: u64,
    /// Refunds that will change by themselves.
    pub waiting: Vec<String>,
}

impl Ledger {
    /// An empty one that remembers this many events.
    pub fn new(max_events: usize) -> Self {
        Self {
            intents: Table::default(),
            charges: Table::default(),
            refunds: Table::default(),
            events: EventLog::new(max_events),
            endpoints: Vec::new(),
            version: 0,
            waiting: Vec::new(),
        }
    }

    /// Puts an object where it belongs, unless a later version of it is there.
    pub fn restore(&mut self, object: &Object) {
        let version = object.version();
        self.version = self.version.max(version);
        match object {
            Object::Intent(new)
                if self
                    .intents
                    .find(&new.id)
                    .is_none_or(|old| old.version < version) =>
            {
                self.intents.put(new.clone());
            }
            Object::Charge(new)
                if self
                    .charges
                    .find(&new.id)
                    .is_none_or(|old| old.version < version) =>
            {
                self.charges.put(new.clone());
            }
            Object::Refund(new)
                if self
                    .refunds
                    .find(&new.id)
                    .is_none_or(|old| old.version < version) =>
            {
                self.refunds.put(new.clone());
                self.waiting.retain(|id| *id != new.id);
                if new.later.is_some() {
                    self.waiting.push(new.id.clone());
                }
            }
            _ => {}
        }
    }
}

/// Who asks.
#[derive(Debug, Clone)]
pub enum Caller {
    /// A server, with the secret key.
    Server,
    /// A browser, with the publishable key and an intent's secret.
    Browser(Option<String>),
}

/// What to answer with; [`crate::api`] makes JSON of it.
#[derive(Debug, Clone)]
pub enum Answer {
    /// An intent, a charge, a refund.
    Object(Object),
    /// An event.
    Event(Arc<Event>),
    /// A payment method's id.
    PaymentMethod(String),
    /// A webhook endpoint, and whether to show its secret.
    Endpoint(Arc<Endpoint>, bool),
    /// An endpoint that is no more.
    Deleted(String),
    /// One page: the address, the items, whether there are more.
    List(&'static str, Vec<Answer>, bool),
}

/// What a transaction changed.
#[derive(Debug, Default)]
pub struct Change {
    /// New versions, in order.
    pub objects: Vec<Object>,
    /// What happened, in order.
    pub events: Vec<Arc<Event>>,
    /// An endpoint that is new or different.
    pub endpoint: Option<Arc<Endpoint>>,
    /// An endpoint that is gone.
    pub endpoint_removed: Option<String>,
}

impl Change {
    /// Nothing changed.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
            && self.events.is_empty()
            && self.endpoint.is_none()
            && self.endpoint_removed.is_none()
    }
}

/// One call applied to the ledger. What a refused call changed (a decline leaves a failed charge)
/// is in `change` too.
#[derive(Debug)]
pub struct Tx<'a> {
    /// The state.
    pub ledger: &'a mut Ledger,
    /// Seconds since 1970.
    pub now: i64,
    /// The request's id and its idempotency key.
    pub cause: (Option<String>, Option<String>),
    /// What changed so far.
    pub change: Change,
}

impl<'a> Tx<'a> {
    /// Begins.
    pub fn new(ledger: &'a mut Ledger, now: i64, cause: (Option<String>, Option<String>)) -> Self {
        Self {
            ledger,
            now,
            cause,
            change: Change::default(),
        }
    }

    /// Applies one call.
    ///
    /// # Errors
    /// Whatever Stripe would answer.
    pub fn execute(&mut self, call: Call, caller: &Caller) -> Result<Answer> {
        if let Caller::Browser(secret) = caller {
            match &call {
                Call::GetIntent(id) | Call::ConfirmIntent(id, _) => {
                    self.check_secret(id, secret.as_deref())?
                }
                Call::CreatePaymentMethod(_) => {}
                _ => return Err(ApiError::secret_key_required()),
            }
        }
        let object = match call {
            Call::CreateIntent(new) => Object::Intent(self.create_intent(*new)?),
            Call::GetIntent(id) => Object::Intent(self.ledger.intents.get(&id, "intent")?.clone()),
            Call::UpdateIntent(id, changes) => Object::Intent(self.update_intent(&id, *changes)?),
            Call::ConfirmIntent(id, confirm) => Object::Intent(self.confirm_intent(&id, confirm)?),
            Call::CaptureIntent(id, amount, metadata) => {
                Object::Intent(self.capture_intent(&id, amount, metadata)?)
            }
            Call::CancelIntent(id, reason) => Object::Intent(self.cancel_intent(&id, reason)?),
            Call::CreateRefund(new) => Object::Refund(self.create_refund(new)?),
            Call::GetRefund(id) => Object::Refund(self.ledger.refunds.get(&id, "refund")?.clone()),
            Call::UpdateRefund(id, metadata) => Object::Refund(self.update_refund(&id, metadata)?),
            Call::GetCharge(id) => Object::Charge(self.ledger.charges.get(&id, "id")?.clone()),
            other => return self.execute_other(other),
        };
        Ok(Answer::Object(object))
    }

    fn execute_other(&mut self, call: Call) -> Result<Answer> {
        Ok(match call {
            Call::ListIntents(page) => list(
                "/v1/payment_intents",
                self.ledger.intents.page(&page)?,
                Object::Intent,
            ),
            Call::ListRefunds(page, of) => {
                list("/v1/refunds", self.refunds_of(&page, &of)?, Object::Refund)
            }
            Call::ListCharges(page, of) => {
                list("/v1/charges", self.charges_of(&page, &of)?, Object::Charge)
            }
            Call::ListEvents(page, kinds) => {
                let (events, more) = self.ledger.events.page(&page, &kinds)?;
                Answer::List(
                    "/v1/events",
                    events.into_iter().map(Answer::Event).collect(),
                    more,
                )
            }
            Call::GetEvent(id) => Answer::Event(self.ledger.events.get(&id)?.clone()),
            Call::CreatePaymentMethod(card) => {
                Answer::PaymentMethod(ids::payment_method(card, self.now))
            }
            Call::GetPaymentMethod(id) => {
                let card = crate::cards::by_payment_method(&id)?;
                let made = ids::read_payment_method(&id).is_some();
                Answer::PaymentMethod(if made {
                    id
                } else {
                    ids::payment_method(card, self.now)
                })
            }
            Call::CreateEndpoint(changes) => Answer::Endpoint(self.create_endpoint(changes), true),
            Call::UpdateEndpoint(id, changes) => {
                Answer::Endpoint(self.update_endpoint(&id, changes)?, false)
            }
            Call::GetEndpoint(id) => Answer::Endpoint(self.ledger.endpoint(&id)?.clone(), false),
            Call::DeleteEndpoint(id) => Answer::Deleted(self.delete_endpoint(&id)?),
            _ => {
                let endpoints = self
                    .ledger
                    .endpoints
                    .iter()
                    .map(|endpoint| Answer::Endpoint(endpoint.clone(), false));
                Answer::List("/v1/webhook_endpoints", endpoints.collect(), false)
            }
        })
    }

    fn check_secret(&self, id: &str, secret: Option<&str>) -> Result<()> {
        let Some(secret) = secret else {
            let message = "Missing required param: client_secret.";
            return Err(ApiError::parameter(
                Some("parameter_missing"),
                "client_secret",
                message,
            ));
        };
        let intent = self.ledger.intents.get(id, "intent")?;
        if intent.client_secret != secret {
            let message = "The client_secret provided does not match the client_secret associated with the PaymentIntent.";
            return Err(ApiError::parameter(
                Some("payment_intent_invalid_parameter"),
                "client_secret",
                message,
            ));
        }
        Ok(())
    }

    fn refunds_of(&self, page: &Page, of: &Of) -> Result<(Vec<Arc<Refund>>, bool)> {
        if of.intent.is_none() && of.charge.is_none() {
            return self.ledger.refunds.page(page);
        }
        let mut all = Vec::new();
        for charge in self.charges_named(of)? {
            all.extend(
                charge
                    .refunds
                    .iter()
                    .filter_map(|id| self.ledger.refunds.find(id))
                    .cloned(),
            );
        }
        Ok(narrow(all, page))
    }

    fn charges_of(&self, page: &Page, of: &Of) -> Result<(Vec<Arc<Charge>>, bool)> {
        if of.intent.is_none() {
            return self.ledger.charges.page(page);
        }
        Ok(narrow(self.charges_named(of)?, page))
    }

    fn charges_named(&self, of: &Of) -> Result<Vec<Arc<Charge>>> {
        if let Some(id) = &of.charge {
            return Ok(vec![self.ledger.charges.get(id, "charge")?.clone()]);
        }
        let Some(id) = &of.intent else {
            return Ok(Vec::new());
        };
        let intent = self.ledger.intents.get(id, "payment_intent")?;
        Ok(intent
            .charges
            .iter()
            .filter_map(|id| self.ledger.charges.find(id))
            .cloned()
            .collect())
    }

    fn next_version(&mut self) -> u64 {
        self.ledger.version += 1;
        self.ledger.version
    }

    pub(crate) fn save_intent(&mut self, mut intent: Intent) -> Arc<Intent> {
        intent.version = self.next_version();
        let intent = Arc::new(intent);
        self.ledger.intents.put(intent.clone());
        self.change.objects.push(Object::Intent(intent.clone()));
        intent
    }

    pub(crate) fn save_charge(&mut self, mut charge: Charge) -> Arc<Charge> {
        charge.version = self.next_version();
        let charge = Arc::new(charge);
        self.ledger.charges.put(charge.clone());
        self.change.objects.push(Object::Charge(charge.clone()));
        charge
    }

    pub(crate) fn save_refund(&mut self, mut refund: Refund) -> Arc<Refund> {
        refund.version = self.next_version();
        let refund = Arc::new(refund);
        let object = Object::Refund(refund.clone());
        self.ledger.restore(&object);
        self.change.objects.push(object);
        refund
    }

    pub(crate) fn emit(&mut self, kind: &str, object: Object, previous: Option<Value>) {
        let wanting = self
            .ledger
            .endpoints
            .iter()
            .filter(|endpoint| endpoint.wants(kind));
        let event = Arc::new(Event {
            id: ids::new("evt"),
            kind: kind.to_owned(),
            created: self.now,
            object,
            previous,
            request: self.cause.0.clone(),
            idempotency_key: self.cause.1.clone(),
            owed: Mutex::new(wanting.map(|endpoint| endpoint.id.clone()).collect()),
        });
        self.ledger.events.push(event.clone());
        self.change.events.push(event);
    }
}

/// Merges metadata as Stripe does: an empty value removes the key.
pub(crate) fn merge(into: &mut BTreeMap<String, String>, from: BTreeMap<String, String>) {
    into.extend(from);
    into.retain(|_, value| !value.is_empty());
}

fn narrow<T: Row>(mut rows: Vec<Arc<T>>, page: &Page) -> (Vec<Arc<T>>, bool) {
    let place = |rows: &[Arc<T>], id: &Option<String>| {
        rows.iter().position(|row| Some(row.id()) == id.as_deref())
    };
    if let Some(end) = place(&rows, &page.starting_after) {
        rows.truncate(end);
    }
    if let Some(start) = place(&rows, &page.ending_before) {
        rows.drain(..=start);
    }
    rows.retain(|row| (page.from..=page.to).contains(&row.created()));
    table::cut(&rows, page)
}

fn list<T>(
    url: &'static str,
    (rows, more): (Vec<Arc<T>>, bool),
    object: fn(Arc<T>) -> Object,
) -> Answer {
    Answer::List(
        url,
        rows.into_iter()
            .map(|row| Answer::Object(object(row)))
            .collect(),
        more,
    )
}

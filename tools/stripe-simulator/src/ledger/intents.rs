//! The life of a payment intent: created, confirmed, authenticated, captured, cancelled.
//! Source: https://docs.stripe.com/payments/paymentintents/lifecycle.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Tx, merge};
use crate::call::{Confirm, IntentChanges, NewIntent};
use crate::cards::{self, CARDS, Charging, Decline};
use crate::error::{ApiError, Kind, Result};
use crate::objects::{Charge, Intent, Object, PaymentError, Status};
use crate::{currency, ids};

const UNEXPECTED: Option<&str> = Some("payment_intent_unexpected_state");

const NOT_AUTHENTICATED: Decline = Decline {
    code: "payment_intent_authentication_failure",
    decline_code: None,
    message: "We are unable to authenticate your payment method. Please choose a different payment method and try again.",
};
const NOBODY_THERE: Decline = Decline {
    code: "authentication_required",
    decline_code: Some("authentication_required"),
    message: "Your card was declined. This transaction requires authentication.",
};

impl Tx<'_> {
    pub(super) fn create_intent(&mut self, new: NewIntent) -> Result<Arc<Intent>> {
        let id = ids::new("pi");
        let intent = Intent {
            version: 0,
            client_secret: ids::client_secret(&id),
            id,
            created: self.now,
            amount: new.amount,
            amount_received: 0,
            amount_capturable: 0,
            currency: new.currency,
            status: if new.with.card.is_some() {
                Status::RequiresConfirmation
            } else {
                Status::RequiresPaymentMethod
            },
            capture_manually: new.capture_manually,
            confirm_manually: new.confirm_manually,
            automatic: new.automatic,
            metadata: new.metadata,
            payment_method: self.chosen_method(&new.with),
            last_error: None,
            charges: Vec::new(),
            return_url: None,
            canceled_at: None,
            cancellation_reason: None,
            echoed: new.echoed,
        };
        let intent = self.save_intent(intent);
        self.emit(
            "payment_intent.created",
            Object::Intent(intent.clone()),
            None,
        );
        if new.confirm {
            self.confirm(
                &intent,
                Confirm {
                    card: None,
                    payment_method: None,
                    ..new.with
                },
            )
        } else {
            Ok(intent)
        }
    }

    pub(super) fn update_intent(
        &mut self,
        id: &str,
        changes: IntentChanges,
    ) -> Result<Arc<Intent>> {
        let old = self.ledger.intents.get(id, "intent")?.clone();
        let mut intent = Intent::clone(&old);
        let open = matches!(
            old.status,
            Status::RequiresPaymentMethod | Status::RequiresConfirmation | Status::RequiresAction
        );
        let changes_money = changes.amount.is_some()
            || changes.currency.is_some()
            || changes.with.card.is_some()
            || changes.capture_manually.is_some();
        if changes_money && !open {
            let message = format!(
                "This PaymentIntent's amount, currency, capture method and payment method could not be updated because it has a status of {}. \
                 You may only update these with one of the following statuses: requires_payment_method, requires_confirmation, requires_action.",
                old.status.as_str()
            );
            return Err(ApiError::state(UNEXPECTED, Some(&old), message));
        }
        intent.amount = changes.amount.unwrap_or(intent.amount);
        intent.currency = changes.currency.unwrap_or(intent.currency);
        currency::check_amount(intent.amount, &intent.currency)?;
        intent.capture_manually = changes.capture_manually.unwrap_or(intent.capture_manually);
        if let Some(method) = self.chosen_method(&changes.with) {
            intent.payment_method = Some(method);
            intent.status = Status::RequiresConfirmation;
        }
        merge(&mut intent.metadata, changes.metadata);
        merge(&mut intent.echoed, changes.echoed);
        Ok(self.save_intent(intent))
    }

    pub(super) fn confirm_intent(&mut self, id: &str, confirm: Confirm) -> Result<Arc<Intent>> {
        let intent = self.ledger.intents.get(id, "intent")?.clone();
        self.confirm(&intent, confirm)
    }

    fn confirm(&mut self, old: &Arc<Intent>, confirm: Confirm) -> Result<Arc<Intent>> {
        if matches!(
            old.status,
            Status::Succeeded | Status::RequiresCapture | Status::Canceled
        ) {
            let why = match old.status {
                Status::Canceled => {
                    "it has a status of canceled. Only a PaymentIntent with one of the following statuses may be \
                     confirmed: requires_confirmation, requires_action, requires_payment_method."
                }
                _ => "it has already succeeded after being previously confirmed.",
            };
            let message = format!("You cannot confirm this PaymentIntent because {why}");
            return Err(ApiError::state(UNEXPECTED, Some(old), message));
        }
        let Some(method) = self
            .chosen_method(&confirm)
            .or_else(|| old.payment_method.clone())
        else {
            let message = "You cannot confirm this PaymentIntent because it's missing a payment method. \
                Update the PaymentIntent with a payment method and then confirm it again.";
            return Err(ApiError::state(UNEXPECTED, Some(old), message));
        };
        let mut intent = Intent::clone(old);
        intent.payment_method = Some(method.clone());
        intent.return_url = confirm.return_url.or(intent.return_url);
        intent.last_error = None;
        match charging(&method)? {
            Charging::Approve => Ok(self.charge(intent, &method)),
            Charging::Refuse(decline) => Err(self.refuse(intent, &method, decline, true)),
            Charging::Authenticate(_) if confirm.refuse_action => {
                Err(self.refuse(intent, &method, &NOBODY_THERE, true))
            }
            Charging::Authenticate(_) => {
                intent.status = Status::RequiresAction;
                let intent = self.save_intent(intent);
                self.emit(
                    "payment_intent.requires_action",
                    Object::Intent(intent.clone()),
                    None,
                );
                Ok(intent)
            }
        }
    }

    /// What the buyer did on the authentication page.
    ///
    /// # Errors
    /// 404 for an unknown intent, 400 where none is awaited; a refusal is not an error here, it is
    /// in the intent.
    pub fn authenticate(&mut self, id: &str, secret: &str, complete: bool) -> Result<Arc<Intent>> {
        self.check_secret(id, Some(secret))?;
        let old = self.ledger.intents.get(id, "intent")?.clone();
        let (Status::RequiresAction, Some(method)) = (old.status, old.payment_method.clone())
        else {
            let message = format!(
                "This PaymentIntent awaits no authentication: it has a status of {}.",
                old.status.as_str()
            );
            return Err(ApiError::state(UNEXPECTED, Some(&old), message));
        };
        let intent = Intent::clone(&old);
        let refused = match charging(&method)? {
            _ if !complete => self.refuse(intent, &method, &NOT_AUTHENTICATED, false),
            Charging::Authenticate(Some(decline)) => self.refuse(intent, &method, decline, true),
            _ => return Ok(self.charge(intent, &method)),
        };
        Ok(refused.intent.unwrap_or(old))
    }

    pub(super) fn capture_intent(
        &mut self,
        id: &str,
        amount: Option<i64>,
        metadata: BTreeMap<String, String>,
    ) -> Result<Arc<Intent>> {
        let old = self.ledger.intents.get(id, "intent")?.clone();
        let charge = old
            .charges
            .last()
            .and_then(|charge| self.ledger.charges.find(charge))
            .cloned();
        let (Status::RequiresCapture, Some(charge)) = (old.status, charge) else {
            let message = format!(
                "This PaymentIntent could not be captured because it has a status of {}. \
                 Only a PaymentIntent with one of the following statuses may be captured: requires_capture.",
                old.status.as_str()
            );
            return Err(ApiError::state(UNEXPECTED, Some(&old), message));
        };
        let amount = amount.unwrap_or(old.amount_capturable);
        if amount > old.amount_capturable {
            let message = format!(
                "The amount_to_capture ({}) is greater than the amount that can be captured ({}).",
                currency::show(amount, &old.currency),
                currency::show(old.amount_capturable, &old.currency)
            );
            return Err(ApiError::parameter(
                Some("amount_too_large"),
                "amount_to_capture",
                message,
            ));
        }
        let mut charge = Charge::clone(&charge);
        charge.captured = amount;
        charge.released = charge.amount - amount;
        let mut intent = Intent::clone(&old);
        intent.status = Status::Succeeded;
        intent.amount_received = amount;
        intent.amount_capturable = 0;
        merge(&mut intent.metadata, metadata);
        let charge = self.save_charge(charge);
        let intent = self.save_intent(intent);
        self.emit("charge.captured", Object::Charge(charge), None);
        self.emit(
            "payment_intent.succeeded",
            Object::Intent(intent.clone()),
            None,
        );
        Ok(intent)
    }

    pub(super) fn cancel_intent(
        &mut self,
        id: &str,
        reason: Option<String>,
    ) -> Result<Arc<Intent>> {
        let old = self.ledger.intents.get(id, "intent")?.clone();
        if matches!(old.status, Status::Succeeded | Status::Canceled) {
            let message = format!(
                "You cannot cancel this PaymentIntent because it has a status of {}. Only a PaymentIntent with one of the \
                 following statuses may be canceled: requires_payment_method, requires_capture, requires_confirmation, \
                 requires_action, processing.",
                old.status.as_str()
            );
            return Err(ApiError::state(UNEXPECTED, Some(&old), message));
        }
        if old.status == Status::RequiresCapture
            && let Some(charge) = old
                .charges
                .last()
                .and_then(|charge| self.ledger.charges.find(charge))
                .cloned()
        {
            let released = charge.amount;
            self.save_charge(Charge {
                released,
                ..Charge::clone(&charge)
            });
        }
        let mut intent = Intent::clone(&old);
        intent.status = Status::Canceled;
        intent.amount_capturable = 0;
        intent.canceled_at = Some(self.now);
        intent.cancellation_reason = reason;
        let intent = self.save_intent(intent);
        self.emit(
            "payment_intent.canceled",
            Object::Intent(intent.clone()),
            None,
        );
        Ok(intent)
    }

    fn charge(&mut self, mut intent: Intent, method: &str) -> Arc<Intent> {
        let mut charge = new_charge(&intent, method, self.now);
        intent.charges.push(charge.id.clone());
        if intent.capture_manually {
            intent.status = Status::RequiresCapture;
            intent.amount_capturable = intent.amount;
        } else {
            charge.captured = intent.amount;
            intent.status = Status::Succeeded;
            intent.amount_received = intent.amount;
        }
        let charge = self.save_charge(charge);
        let intent = self.save_intent(intent);
        self.emit("charge.succeeded", Object::Charge(charge), None);
        let kind = if intent.capture_manually {
            "payment_intent.amount_capturable_updated"
        } else {
            "payment_intent.succeeded"
        };
        self.emit(kind, Object::Intent(intent.clone()), None);
        intent
    }

    fn refuse(
        &mut self,
        mut intent: Intent,
        method: &str,
        decline: &Decline,
        charged: bool,
    ) -> Box<ApiError> {
        let charge = charged.then(|| new_charge(&intent, method, self.now));
        let failure = PaymentError {
            kind: if charged {
                Kind::Card
            } else {
                Kind::InvalidRequest
            }
            .as_str()
            .to_owned(),
            code: decline.code.to_owned(),
            decline_code: decline.decline_code.map(str::to_owned),
            message: decline.message.to_owned(),
            payment_method: method.to_owned(),
            charge: charge.as_ref().map(|charge| charge.id.clone()),
        };
        if let Some(mut charge) = charge {
            intent.charges.push(charge.id.clone());
            charge.failure = Some(failure.clone());
            let charge = self.save_charge(charge);
            self.emit("charge.failed", Object::Charge(charge), None);
        }
        let mut error = ApiError::card(decline.code, decline.decline_code, decline.message);
        error.charge.clone_from(&failure.charge);
        error.payment_method = Some(method.to_owned());
        intent.status = Status::RequiresPaymentMethod;
        intent.payment_method = None;
        intent.last_error = Some(failure);
        let intent = self.save_intent(intent);
        self.emit(
            "payment_intent.payment_failed",
            Object::Intent(intent.clone()),
            None,
        );
        error.intent = Some(intent);
        error
    }

    /// The id of the method chosen in a request: one made before, or a new one for a test card.
    fn chosen_method(&self, confirm: &Confirm) -> Option<String> {
        confirm
            .payment_method
            .clone()
            .or_else(|| Some(ids::payment_method(confirm.card?, self.now)))
    }
}

fn charging(method: &str) -> Result<Charging> {
    Ok(CARDS[cards::by_payment_method(method)?].charging)
}

fn new_charge(intent: &Intent, method: &str, now: i64) -> Charge {
    Charge {
        version: 0,
        id: ids::new("ch"),
        created: now,
        amount: intent.amount,
        captured: 0,
        refunded: 0,
        released: 0,
        currency: intent.currency.clone(),
        intent: intent.id.clone(),
        payment_method: method.to_owned(),
        metadata: intent.metadata.clone(),
        failure: None,
        refunds: Vec::new(),
    }
}

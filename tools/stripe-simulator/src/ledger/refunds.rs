//! Refunds: never more than what was captured, at once or later, and some that come back.
//! Source: https://docs.stripe.com/api/refunds and https://docs.stripe.com/testing#refunds.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::json;

use super::{Tx, merge};
use crate::call::NewRefund;
use crate::cards::{self, CARDS, Refunding};
use crate::error::{ApiError, Result};
use crate::objects::{Charge, Object, Refund, RefundStatus};
use crate::{currency, ids};

/// Seconds after which a refund that does not end at once does.
const LATER: i64 = 2;

impl Tx<'_> {
    pub(super) fn create_refund(&mut self, new: NewRefund) -> Result<Arc<Refund>> {
        let charge = self.charge_to_refund(&new)?;
        let left = charge.captured - charge.refunded;
        if left == 0 {
            let message = format!("Charge {} has already been refunded.", charge.id);
            return Err(ApiError::state(
                Some("charge_already_refunded"),
                None,
                message,
            ));
        }
        let amount = new.amount.unwrap_or(left);
        if amount > left {
            let message = format!(
                "Refund amount ({}) is greater than unrefunded amount on charge ({})",
                currency::show(amount, &charge.currency),
                currency::show(left, &charge.currency)
            );
            let mut error = ApiError::parameter(None, "amount", message);
            error.executed = true;
            return Err(error);
        }
        let (status, later) =
            match CARDS[cards::by_payment_method(&charge.payment_method)?].refunding {
                Refunding::AtOnce => (RefundStatus::Succeeded, None),
                Refunding::Later => (
                    RefundStatus::Pending,
                    Some((self.now + LATER, RefundStatus::Succeeded)),
                ),
                Refunding::FailsLater => (
                    RefundStatus::Succeeded,
                    Some((self.now + LATER, RefundStatus::Failed)),
                ),
            };
        let refund = self.save_refund(Refund {
            version: 0,
            id: ids::new("re"),
            created: self.now,
            amount,
            currency: charge.currency.clone(),
            charge: charge.id.clone(),
            intent: charge.intent.clone(),
            status,
            reason: new.reason,
            metadata: new.metadata,
            later,
        });
        let before = charge.refunded + charge.released;
        let mut charge = charge;
        charge.refunded += amount;
        charge.refunds.push(refund.id.clone());
        let charge = self.save_charge(charge);
        self.emit("refund.created", Object::Refund(refund.clone()), None);
        self.emit(
            "charge.refunded",
            Object::Charge(charge),
            Some(json!({"amount_refunded": before})),
        );
        if status == RefundStatus::Succeeded {
            // Stripe sends it when the reference number of the refund is known.
            self.emit("refund.updated", Object::Refund(refund.clone()), None);
        }
        Ok(refund)
    }

    fn charge_to_refund(&self, new: &NewRefund) -> Result<Charge> {
        let charges = self.charges_named(&new.of)?;
        if let (Some(intent), Some(charge)) = (&new.of.intent, charges.first())
            && charge.intent != *intent
        {
            let message = format!(
                "Charge {} does not belong to PaymentIntent {intent}.",
                charge.id
            );
            return Err(ApiError::parameter(None, "charge", message));
        }
        let paid = charges.iter().rev().find(|charge| charge.captured > 0);
        paid.map(|charge| Charge::clone(charge)).ok_or_else(|| {
            let named = charges
                .first()
                .map(|charge| charge.intent.as_str())
                .or(new.of.intent.as_deref())
                .unwrap_or_default();
            let message = format!(
                "This PaymentIntent ({named}) does not have a successful charge to refund."
            );
            ApiError::state(None, None, message)
        })
    }

    pub(super) fn update_refund(
        &mut self,
        id: &str,
        metadata: BTreeMap<String, String>,
    ) -> Result<Arc<Refund>> {
        let mut refund = Refund::clone(self.ledger.refunds.get(id, "refund")?);
        merge(&mut refund.metadata, metadata);
        let refund = self.save_refund(refund);
        self.emit("refund.updated", Object::Refund(refund.clone()), None);
        Ok(refund)
    }

    /// Ends the refunds whose time has come.
    pub fn settle_refunds(&mut self) {
        let waiting = self
            .ledger
            .waiting
            .iter()
            .filter_map(|id| self.ledger.refunds.find(id));
        let due: Vec<_> = waiting
            .filter(|refund| refund.later.is_some_and(|(at, _)| at <= self.now))
            .cloned()
            .collect();
        for old in due {
            let Some((_, status)) = old.later else {
                continue;
            };
            let refund = self.save_refund(Refund {
                status,
                later: None,
                ..Refund::clone(&old)
            });
            if status == RefundStatus::Failed
                && let Some(charge) = self.ledger.charges.find(&refund.charge).cloned()
            {
                let refunded = charge.refunded - refund.amount;
                self.save_charge(Charge {
                    refunded,
                    ..Charge::clone(&charge)
                });
            }
            let previous = json!({"status": old.status.as_str()});
            if status == RefundStatus::Failed {
                self.emit(
                    "refund.failed",
                    Object::Refund(refund.clone()),
                    Some(previous.clone()),
                );
            }
            self.emit("refund.updated", Object::Refund(refund), Some(previous));
        }
    }
}

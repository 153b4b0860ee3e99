//! The payment's state machine: forward only, fed alike by webhooks, by answers and by look-ups.

use std::time::Duration;

use eventhub_guest::ids::{BookingId, PaymentId, UserId};
use eventhub_guest::{Money, Timestamp};

use super::provider::{Intent, IntentStatus, Refund, RefundStatus};

/// How far another host's clock may be ahead of ours.
const CLOCK_SKEW: Duration = Duration::from_secs(5);

/// Where a payment stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, strum::Display, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum Status {
    /// Stored; the provider has not answered yet.
    Created,
    RequiresPayment,
    Processing,
    Succeeded,
    Cancelled,
    Refunding,
    Refunded,
    /// Amount or currency differ from what was asked: an operator must look.
    Quarantined,
}

impl Status {
    /// Whether the provider may still get the money.
    pub fn is_open(self) -> bool {
        matches!(
            self,
            Status::Created | Status::RequiresPayment | Status::Processing
        )
    }

    /// As far as we know, the provider never had the money.
    pub fn is_unpaid(self) -> bool {
        self.is_open() || self == Status::Cancelled
    }
}

/// A payment, as it is stored.
#[derive(Clone, PartialEq, Debug)]
pub struct Payment {
    pub id: PaymentId,
    pub booking_id: BookingId,
    pub user_id: UserId,
    pub provider: String,
    pub status: Status,
    pub total: Money,
    pub email: Option<String>,
    pub intent_key: String,
    pub intent_id: Option<String>,
    pub client_secret: Option<String>,
    pub decline: Option<String>,
    pub refund_attempt: i32,
    pub refund_id: Option<String>,
    pub refund_reason: Option<String>,
    pub expires_at: Timestamp,
    pub version: i64,
}

/// What happened to a payment, as other services learn of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PaymentEvent {
    Succeeded,
    /// One attempt was declined; another may be made.
    Failed,
    Cancelled,
    Refunded,
    RefundFailed,
}

/// The payment as it is next, and what happened to it. None: nothing changes.
pub type Change = Option<(Payment, Option<PaymentEvent>)>;

/// What a booking asks for: a payment that does not exist yet.
#[derive(Clone, PartialEq, Debug)]
pub struct NewPayment {
    pub booking_id: BookingId,
    pub user_id: UserId,
    /// `stripe`
    pub provider: String,
    pub total: Money,
    /// The buyer's, for the provider's receipt.
    pub email: Option<String>,
    pub expires_at: Timestamp,
}

impl Payment {
    /// A payment as it is stored before the provider is asked.
    pub fn new(id: PaymentId, new: NewPayment) -> Self {
        Self {
            id,
            booking_id: new.booking_id,
            user_id: new.user_id,
            provider: new.provider,
            status: Status::Created,
            total: new.total,
            email: new.email,
            intent_key: format!("{id}:intent:1"),
            intent_id: None,
            client_secret: None,
            decline: None,
            refund_attempt: 0,
            refund_id: None,
            refund_reason: None,
            expires_at: new.expires_at,
            version: 1,
        }
    }

    /// Applies what the provider says of the intent.
    pub fn apply_intent(&self, intent: &Intent) -> Change {
        let mut next = self.clone();
        next.intent_id = Some(intent.id.clone());
        next.client_secret = intent.client_secret.clone().or(next.client_secret);
        let differs = !intent.total.equals(self.total);
        let event = match intent.status {
            // Another amount than was asked for pays for no ticket.
            IntentStatus::Succeeded if differs && self.status.is_unpaid() => {
                next.status = Status::Quarantined;
                None
            }
            // Also after we gave up: the money is ours, the saga gives it back.
            IntentStatus::Succeeded if self.status.is_unpaid() => {
                next.status = Status::Succeeded;
                next.decline = None;
                Some(PaymentEvent::Succeeded)
            }
            IntentStatus::Cancelled if self.status.is_open() => {
                next.status = Status::Cancelled;
                Some(PaymentEvent::Cancelled)
            }
            IntentStatus::Processing
                if matches!(self.status, Status::Created | Status::RequiresPayment) =>
            {
                next.status = Status::Processing;
                None
            }
            IntentStatus::RequiresPayment
                if matches!(self.status, Status::Created | Status::RequiresPayment) =>
            {
                next.status = Status::RequiresPayment;
                next.decline = intent.decline.clone().or(next.decline);
                (next.decline != self.decline).then_some(PaymentEvent::Failed)
            }
            // Late or repeated; the ids may still be new to us.
            _ => None,
        };
        (next != *self).then_some((next, event))
    }

    /// Applies what the provider says of a refund, also of one that somebody made there by hand.
    pub fn apply_refund(&self, refund: &Refund) -> Change {
        let ours = self.refund_id.as_ref() == Some(&refund.id);
        if !self.is_undone_by(refund) {
            return None;
        }
        match self.status {
            Status::Succeeded | Status::Refunding => {}
            // A bank may send back days later what seemed done.
            Status::Refunded if ours && matches!(refund.status, RefundStatus::Failed) => {}
            _ => return None,
        }
        let mut next = self.clone();
        next.refund_id = Some(refund.id.clone());
        let event = match refund.status {
            RefundStatus::Succeeded => {
                next.status = Status::Refunded;
                Some(PaymentEvent::Refunded)
            }
            // The first one that we asked for may fail before we have its id. The failure of an
            // earlier one may be reported again.
            RefundStatus::Failed
                if ours
                    || (self.status == Status::Refunding
                        && self.refund_id.is_none()
                        && self.refund_attempt == 0) =>
            {
                // The next attempt has a key of its own.
                next.refund_id = None;
                next.refund_attempt += 1;
                next.status = Status::Refunding;
                Some(PaymentEvent::RefundFailed)
            }
            RefundStatus::Pending if ours || self.refund_id.is_none() => {
                next.status = Status::Refunding;
                None
            }
            // Not of the refund that we wait for.
            RefundStatus::Failed | RefundStatus::Pending => return None,
        };
        (next != *self).then_some((next, event))
    }

    /// Whether its time is over and no end of it is known. It may have been paid in its last
    /// moment: only the provider knows.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.status.is_open() && self.expires_at <= now.plus(CLOCK_SKEW)
    }

    /// Whether nothing of the payment is left once the refund is done: the refund is of everything,
    /// or it is ours, which asks for all that is left. A part that somebody gives back by hand does
    /// not undo the booking, whatever becomes of it.
    pub fn is_undone_by(&self, refund: &Refund) -> bool {
        self.refund_id.as_ref() == Some(&refund.id) || refund.total.amount == self.total.amount
    }

    /// Applies the answer to our own attempt to refund, unless that attempt has failed in the
    /// meantime.
    pub fn apply_own_refund(&self, attempt: i32, refund: &Refund) -> Change {
        if self.refund_attempt != attempt {
            return None;
        }
        let own = Self {
            refund_id: Some(refund.id.clone()),
            ..self.clone()
        };
        own.apply_refund(refund)
            .or_else(|| (own != *self).then_some((own, None)))
    }

    /// The key of the current attempt to refund.
    pub fn refund_key(&self) -> String {
        format!("{}:refund:{}", self.id, self.refund_attempt)
    }
}

#[cfg(test)]
pub mod tests {
    use super::super::provider::Amount;
    use super::*;

    /// 45.00 EUR.
    pub fn payment(status: Status) -> Payment {
        Payment {
            id: PaymentId::from_u128(1),
            booking_id: BookingId::from_u128(2),
            user_id: UserId::from_u128(3),
            provider: "stripe".into(),
            status,
            total: Money::new(4500, "EUR".parse().unwrap()),
            email: None,
            intent_key: "k".into(),
            intent_id: Some("pi_1".into()),
            client_secret: Some("pi_1_secret".into()),
            decline: None,
            refund_attempt: 0,
            refund_id: None,
            refund_reason: None,
            expires_at: Timestamp::from_micros(0),
            version: 1,
        }
    }

    pub fn intent(status: IntentStatus, amount: i64) -> Intent {
        let total = Amount {
            amount,
            currency: "EUR".into(),
        };
        Intent {
            id: "pi_1".into(),
            status,
            total,
            client_secret: Some("pi_1_secret".into()),
            decline: None,
        }
    }

    fn refund(status: RefundStatus, amount: i64) -> Refund {
        Refund {
            id: "re_1".into(),
            intent_id: "pi_1".into(),
            status,
            total: Amount {
                amount,
                currency: "EUR".into(),
            },
        }
    }

    #[test]
    fn no_intent_takes_a_payment_back() {
        use IntentStatus::*;
        for status in [
            Status::Succeeded,
            Status::Refunding,
            Status::Refunded,
            Status::Quarantined,
        ] {
            for reported in [RequiresPayment, Processing, Succeeded, Cancelled] {
                assert_eq!(
                    payment(status).apply_intent(&intent(reported, 4500)),
                    None,
                    "{status:?}"
                );
            }
        }
        assert_eq!(
            payment(Status::Processing).apply_intent(&intent(RequiresPayment, 4500)),
            None
        );
    }

    #[test]
    fn money_that_arrives_after_cancelling_is_an_event() {
        let (next, event) = payment(Status::Cancelled)
            .apply_intent(&intent(IntentStatus::Succeeded, 4500))
            .unwrap();
        assert_eq!(
            (next.status, event),
            (Status::Succeeded, Some(PaymentEvent::Succeeded))
        );
    }

    #[test]
    fn another_amount_is_quarantined_without_an_event() {
        let (next, event) = payment(Status::RequiresPayment)
            .apply_intent(&intent(IntentStatus::Succeeded, 4499))
            .unwrap();
        assert_eq!((next.status, event), (Status::Quarantined, None));
    }

    #[test]
    fn a_refund_counts_unasked_but_only_after_the_money() {
        let whole = refund(RefundStatus::Succeeded, 4500);
        assert_eq!(payment(Status::RequiresPayment).apply_refund(&whole), None);
        let (next, event) = payment(Status::Succeeded).apply_refund(&whole).unwrap();
        assert_eq!(
            (next.status, event),
            (Status::Refunded, Some(PaymentEvent::Refunded))
        );
        assert_eq!(next.apply_refund(&whole), None);
        assert_eq!(
            payment(Status::Succeeded).apply_refund(&refund(RefundStatus::Succeeded, 100)),
            None
        );
    }

    #[test]
    fn a_failed_refund_is_tried_again_under_another_key() {
        let before = payment(Status::Refunding);
        let (next, event) = before
            .apply_refund(&refund(RefundStatus::Failed, 4500))
            .unwrap();
        assert_eq!(
            (next.status, event),
            (Status::Refunding, Some(PaymentEvent::RefundFailed))
        );
        assert_ne!(next.refund_key(), before.refund_key());
        assert_eq!(
            next.apply_refund(&refund(RefundStatus::Failed, 4500)),
            None,
            "the same failure again is no second one"
        );
    }

    #[test]
    fn the_answer_to_an_attempt_that_has_failed_is_ignored() {
        let asked = payment(Status::Refunding);
        let answer = refund(RefundStatus::Succeeded, 4500);
        assert_eq!(
            asked.apply_own_refund(0, &answer).unwrap().0.status,
            Status::Refunded
        );
        let (failed, _) = asked
            .apply_own_refund(0, &refund(RefundStatus::Failed, 4500))
            .unwrap();
        assert_eq!(failed.apply_own_refund(0, &answer), None);
        let (waits, event) = failed
            .apply_own_refund(1, &refund(RefundStatus::Pending, 4500))
            .unwrap();
        assert_eq!((waits.refund_id.as_deref(), event), (Some("re_1"), None));
    }

    #[test]
    fn a_refund_that_seemed_done_and_failed_later_is_tried_again() {
        let (done, _) = payment(Status::Succeeded)
            .apply_refund(&refund(RefundStatus::Succeeded, 4500))
            .unwrap();
        let (next, event) = done
            .apply_refund(&refund(RefundStatus::Failed, 4500))
            .unwrap();
        assert_eq!(
            (next.status, next.refund_id.as_deref(), event),
            (Status::Refunding, None, Some(PaymentEvent::RefundFailed))
        );
    }

    #[test]
    fn a_part_given_back_by_hand_changes_nothing() {
        use RefundStatus::*;
        for status in [Status::Succeeded, Status::Refunding, Status::Refunded] {
            for reported in [Pending, Succeeded, Failed] {
                assert_eq!(
                    payment(status).apply_refund(&refund(reported, 1000)),
                    None,
                    "{status:?} {reported:?}"
                );
            }
        }
    }

    #[test]
    fn our_refund_of_the_rest_counts_as_the_whole() {
        let asked = payment(Status::Refunding);
        let (waits, _) = asked
            .apply_own_refund(0, &refund(RefundStatus::Pending, 3500))
            .unwrap();
        assert_eq!(
            (waits.status, waits.refund_id.as_deref()),
            (Status::Refunding, Some("re_1"))
        );
        let rest = refund(RefundStatus::Succeeded, 3500);
        let (done, event) = waits.apply_refund(&rest).unwrap();
        assert_eq!(
            (done.status, event),
            (Status::Refunded, Some(PaymentEvent::Refunded))
        );
        assert_eq!(
            asked.apply_own_refund(0, &rest).unwrap().0.status,
            Status::Refunded
        );
        let (next, event) = done
            .apply_refund(&refund(RefundStatus::Failed, 3500))
            .unwrap();
        assert_eq!(
            (next.status, next.refund_attempt, event),
            (Status::Refunding, 1, Some(PaymentEvent::RefundFailed))
        );
    }

    #[test]
    fn a_failed_refund_that_we_did_not_ask_for_is_ignored() {
        assert_eq!(
            payment(Status::Succeeded).apply_refund(&refund(RefundStatus::Failed, 4500)),
            None
        );
    }

    #[test]
    fn another_refund_does_not_replace_ours() {
        let ours = Payment {
            refund_id: Some("re_2".into()),
            ..payment(Status::Refunding)
        };
        assert_eq!(
            ours.apply_refund(&refund(RefundStatus::Pending, 4500)),
            None
        );
    }

    #[test]
    fn a_declined_attempt_is_one_event() {
        let mut declined = intent(IntentStatus::RequiresPayment, 4500);
        declined.decline = Some("insufficient funds".into());
        let (next, event) = payment(Status::RequiresPayment)
            .apply_intent(&declined)
            .unwrap();
        assert_eq!(event, Some(PaymentEvent::Failed));
        assert_eq!(next.apply_intent(&declined), None);
    }
}

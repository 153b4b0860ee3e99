//! The payment's state machine: forward only, fed alike by webhooks, by answers and by looking up.
//! No I/O.

use std::time::Duration;

use eventhub_guest::ids::{BookingId, PaymentId, UserId};
use eventhub_guest::{Money, Timestamp};
use serde_json::{Value, json};

use crate::bindings::eventhub::payment_provider::types as provider;
use crate::bindings::exports::eventhub::payment::payments as wit;

/// Another host's clock may be ahead of ours by so much.
const CLOCKS: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
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
    const ALL: [(Status, &str); 8] = [
        (Status::Created, "created"),
        (Status::RequiresPayment, "requires_payment"),
        (Status::Processing, "processing"),
        (Status::Succeeded, "succeeded"),
        (Status::Cancelled, "cancelled"),
        (Status::Refunding, "refunding"),
        (Status::Refunded, "refunded"),
        (Status::Quarantined, "quarantined"),
    ];

    pub fn as_str(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(status, _)| *status == self)
            .map_or("created", |(_, text)| text)
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(_, known)| *known == text)
            .map(|(status, _)| *status)
    }

    /// Before the money is ours or the payment is given up.
    fn is_open(self) -> bool {
        matches!(
            self,
            Status::Created | Status::RequiresPayment | Status::Processing
        )
    }

    /// As far as we know, no money was ever ours.
    pub fn is_unpaid(self) -> bool {
        self.is_open() || self == Status::Cancelled
    }
}

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
    pub publishable_key: Option<String>,
}

/// What others must hear of, as the outbox has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fact {
    PaymentSucceeded,
    /// One attempt was declined; another may be made.
    PaymentFailed,
    PaymentCancelled,
    PaymentRefunded,
    RefundFailed,
}

impl Fact {
    pub fn name(self) -> &'static str {
        match self {
            Fact::PaymentSucceeded => "PaymentSucceeded",
            Fact::PaymentFailed => "PaymentFailed",
            Fact::PaymentCancelled => "PaymentCancelled",
            Fact::PaymentRefunded => "PaymentRefunded",
            Fact::RefundFailed => "RefundFailed",
        }
    }
}

/// The payment as it is next, and what to tell. None: what was heard changes nothing.
pub type Change = Option<(Payment, Option<Fact>)>;

impl Payment {
    /// What the provider says of the intent.
    pub fn hear_intent(&self, intent: &provider::Intent) -> Change {
        use provider::IntentStatus as Heard;
        let mut next = self.clone();
        next.intent_id = Some(intent.id.clone());
        next.client_secret = intent.client_secret.clone().or(next.client_secret);
        let differs = intent.total.amount != self.total.amount
            || intent.total.currency != self.total.currency.to_string();
        let fact = match intent.status {
            // Money of another amount than was asked for is nobody's ticket.
            Heard::Succeeded if differs && self.status.is_unpaid() => {
                next.status = Status::Quarantined;
                None
            }
            // Also after we gave up: the money is ours, the saga gives it back.
            Heard::Succeeded if self.status.is_unpaid() => {
                next.status = Status::Succeeded;
                next.decline = None;
                Some(Fact::PaymentSucceeded)
            }
            Heard::Cancelled if self.status.is_open() => {
                next.status = Status::Cancelled;
                Some(Fact::PaymentCancelled)
            }
            Heard::Processing
                if matches!(self.status, Status::Created | Status::RequiresPayment) =>
            {
                next.status = Status::Processing;
                None
            }
            Heard::RequiresPayment
                if matches!(self.status, Status::Created | Status::RequiresPayment) =>
            {
                next.status = Status::RequiresPayment;
                next.decline = intent.decline.clone().or(next.decline);
                (next.decline != self.decline).then_some(Fact::PaymentFailed)
            }
            // Late or repeated: the ids may still be new to us.
            _ => None,
        };
        (next != *self).then_some((next, fact))
    }

    /// What the provider says of a refund, also of one that somebody made there by hand.
    pub fn hear_refund(&self, refund: &provider::Refund) -> Change {
        use provider::RefundStatus as Heard;
        let ours = self.refund_id.as_ref() == Some(&refund.id);
        if !self.is_undone_by(refund) {
            return None;
        }
        match self.status {
            Status::Succeeded | Status::Refunding => {}
            // A bank may send back days later what seemed done.
            Status::Refunded if ours && matches!(refund.status, Heard::Failed) => {}
            _ => return None,
        }
        let mut next = self.clone();
        next.refund_id = Some(refund.id.clone());
        let fact = match refund.status {
            Heard::Succeeded => {
                next.status = Status::Refunded;
                Some(Fact::PaymentRefunded)
            }
            // The first one that we asked for may fail before we have its id; one that failed
            // before is told again, perhaps.
            Heard::Failed
                if ours
                    || (self.status == Status::Refunding
                        && self.refund_id.is_none()
                        && self.refund_attempt == 0) =>
            {
                // The next attempt is another one, with a key of its own.
                next.refund_id = None;
                next.refund_attempt += 1;
                next.status = Status::Refunding;
                Some(Fact::RefundFailed)
            }
            Heard::Pending if ours || self.refund_id.is_none() => {
                next.status = Status::Refunding;
                None
            }
            // Of another one than the one that we wait for.
            Heard::Failed | Heard::Pending => return None,
        };
        (next != *self).then_some((next, fact))
    }

    /// Whether its time is over and we know of no end. It may have been paid in its last moment:
    /// only the provider knows.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.status.is_open() && self.expires_at <= now.plus(CLOCKS)
    }

    /// Whether nothing of the payment is left once the refund is done: it is of everything, or
    /// ours, which asks for all that is left. A part that somebody gives back by hand does not
    /// undo the booking, whatever becomes of it.
    pub fn is_undone_by(&self, refund: &provider::Refund) -> bool {
        self.refund_id.as_ref() == Some(&refund.id) || refund.total.amount == self.total.amount
    }

    /// What the provider answers to our own attempt to refund, unless that has failed in the
    /// meantime.
    pub fn hear_own_refund(&self, attempt: i32, refund: &provider::Refund) -> Change {
        if self.refund_attempt != attempt {
            return None;
        }
        let own = Self {
            refund_id: Some(refund.id.clone()),
            ..self.clone()
        };
        own.hear_refund(refund)
            .or_else(|| (own != *self).then_some((own, None)))
    }

    /// The key of the current attempt to refund.
    pub fn refund_key(&self) -> String {
        format!("{}:refund:{}", self.id, self.refund_attempt)
    }

    /// The payload of a fact.
    pub fn payload(&self) -> Value {
        json!({
            "payment_id": self.id,
            "booking_id": self.booking_id,
            "provider": self.provider,
            "status": self.status.as_str(),
            "amount": self.total.amount,
            "currency": self.total.currency,
            "reason": self.decline,
        })
    }

    pub fn to_wit(&self) -> wit::Payment {
        wit::Payment {
            id: self.id.to_string(),
            booking_id: self.booking_id.to_string(),
            provider: self.provider.clone(),
            status: match self.status {
                Status::Created => wit::Status::Created,
                Status::RequiresPayment => wit::Status::RequiresPayment,
                Status::Processing => wit::Status::Processing,
                Status::Succeeded => wit::Status::Succeeded,
                Status::Cancelled => wit::Status::Cancelled,
                Status::Refunding => wit::Status::Refunding,
                Status::Refunded => wit::Status::Refunded,
                Status::Quarantined => wit::Status::Quarantined,
            },
            total: self.total.to_wit(),
            client_secret: self.client_secret.clone().filter(|_| self.status.is_open()),
            publishable_key: self.publishable_key.clone(),
        }
    }
}

#[cfg(test)]
pub mod tests {
    use eventhub_guest::bindings::eventhub::common::types::Money as WitMoney;

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
            publishable_key: None,
        }
    }

    pub fn intent(status: provider::IntentStatus, amount: i64) -> provider::Intent {
        let total = WitMoney {
            amount,
            currency: "EUR".into(),
        };
        provider::Intent {
            id: "pi_1".into(),
            status,
            total,
            client_secret: Some("pi_1_secret".into()),
            decline: None,
        }
    }

    fn refund(status: provider::RefundStatus, amount: i64) -> provider::Refund {
        provider::Refund {
            id: "re_1".into(),
            intent_id: "pi_1".into(),
            status,
            total: WitMoney {
                amount,
                currency: "EUR".into(),
            },
        }
    }

    #[test]
    fn nothing_heard_takes_a_payment_back() {
        use provider::IntentStatus::*;
        for status in [
            Status::Succeeded,
            Status::Refunding,
            Status::Refunded,
            Status::Quarantined,
        ] {
            for heard in [RequiresPayment, Processing, Succeeded, Cancelled] {
                assert_eq!(
                    payment(status).hear_intent(&intent(heard, 4500)),
                    None,
                    "{status:?}"
                );
            }
        }
        assert_eq!(
            payment(Status::Processing).hear_intent(&intent(RequiresPayment, 4500)),
            None
        );
    }

    #[test]
    fn money_that_arrives_after_we_gave_up_is_still_told() {
        let (next, fact) = payment(Status::Cancelled)
            .hear_intent(&intent(provider::IntentStatus::Succeeded, 4500))
            .unwrap();
        assert_eq!(
            (next.status, fact),
            (Status::Succeeded, Some(Fact::PaymentSucceeded))
        );
    }

    #[test]
    fn another_amount_is_quarantined_and_told_to_nobody() {
        let (next, fact) = payment(Status::RequiresPayment)
            .hear_intent(&intent(provider::IntentStatus::Succeeded, 4499))
            .unwrap();
        assert_eq!((next.status, fact), (Status::Quarantined, None));
    }

    #[test]
    fn a_refund_may_be_heard_of_before_it_was_asked_for_but_not_before_the_money() {
        let whole = refund(provider::RefundStatus::Succeeded, 4500);
        assert_eq!(payment(Status::RequiresPayment).hear_refund(&whole), None);
        let (next, fact) = payment(Status::Succeeded).hear_refund(&whole).unwrap();
        assert_eq!(
            (next.status, fact),
            (Status::Refunded, Some(Fact::PaymentRefunded))
        );
        assert_eq!(next.hear_refund(&whole), None);
        assert_eq!(
            payment(Status::Succeeded).hear_refund(&refund(provider::RefundStatus::Succeeded, 100)),
            None
        );
    }

    #[test]
    fn a_failed_refund_is_told_and_tried_again_under_another_key() {
        let before = payment(Status::Refunding);
        let (next, fact) = before
            .hear_refund(&refund(provider::RefundStatus::Failed, 4500))
            .unwrap();
        assert_eq!(
            (next.status, fact),
            (Status::Refunding, Some(Fact::RefundFailed))
        );
        assert_ne!(next.refund_key(), before.refund_key());
        assert_eq!(
            next.hear_refund(&refund(provider::RefundStatus::Failed, 4500)),
            None,
            "told again, it is no second failure"
        );
    }

    #[test]
    fn the_answer_to_an_attempt_that_failed_meanwhile_does_not_count() {
        let asked = payment(Status::Refunding);
        let answer = refund(provider::RefundStatus::Succeeded, 4500);
        assert_eq!(
            asked.hear_own_refund(0, &answer).unwrap().0.status,
            Status::Refunded
        );
        let (failed, _) = asked
            .hear_own_refund(0, &refund(provider::RefundStatus::Failed, 4500))
            .unwrap();
        assert_eq!(failed.hear_own_refund(0, &answer), None);
        let (waits, fact) = failed
            .hear_own_refund(1, &refund(provider::RefundStatus::Pending, 4500))
            .unwrap();
        assert_eq!((waits.refund_id.as_deref(), fact), (Some("re_1"), None));
    }

    #[test]
    fn a_refund_that_seemed_done_and_failed_later_is_tried_again() {
        let (done, _) = payment(Status::Succeeded)
            .hear_refund(&refund(provider::RefundStatus::Succeeded, 4500))
            .unwrap();
        let (next, fact) = done
            .hear_refund(&refund(provider::RefundStatus::Failed, 4500))
            .unwrap();
        assert_eq!(
            (next.status, next.refund_id.as_deref(), fact),
            (Status::Refunding, None, Some(Fact::RefundFailed))
        );
    }

    #[test]
    fn a_part_given_back_by_hand_changes_nothing_whatever_becomes_of_it() {
        use provider::RefundStatus::*;
        for status in [Status::Succeeded, Status::Refunding, Status::Refunded] {
            for heard in [Pending, Succeeded, Failed] {
                assert_eq!(
                    payment(status).hear_refund(&refund(heard, 1000)),
                    None,
                    "{status:?} {heard:?}"
                );
            }
        }
    }

    #[test]
    fn what_was_left_after_a_part_is_the_whole_when_it_is_ours() {
        let asked = payment(Status::Refunding);
        let (waits, _) = asked
            .hear_own_refund(0, &refund(provider::RefundStatus::Pending, 3500))
            .unwrap();
        assert_eq!(
            (waits.status, waits.refund_id.as_deref()),
            (Status::Refunding, Some("re_1"))
        );
        let rest = refund(provider::RefundStatus::Succeeded, 3500);
        let (done, fact) = waits.hear_refund(&rest).unwrap();
        assert_eq!(
            (done.status, fact),
            (Status::Refunded, Some(Fact::PaymentRefunded))
        );
        assert_eq!(
            asked.hear_own_refund(0, &rest).unwrap().0.status,
            Status::Refunded
        );
        let (next, fact) = done
            .hear_refund(&refund(provider::RefundStatus::Failed, 3500))
            .unwrap();
        assert_eq!(
            (next.status, next.refund_attempt, fact),
            (Status::Refunding, 1, Some(Fact::RefundFailed))
        );
    }

    #[test]
    fn a_refund_that_nobody_here_asked_for_and_that_fails_begins_none() {
        assert_eq!(
            payment(Status::Succeeded).hear_refund(&refund(provider::RefundStatus::Failed, 4500)),
            None
        );
    }

    #[test]
    fn late_news_of_another_refund_does_not_take_the_place_of_ours() {
        let ours = Payment {
            refund_id: Some("re_2".into()),
            ..payment(Status::Refunding)
        };
        assert_eq!(
            ours.hear_refund(&refund(provider::RefundStatus::Pending, 4500)),
            None
        );
    }

    #[test]
    fn a_declined_attempt_is_told_once() {
        let mut declined = intent(provider::IntentStatus::RequiresPayment, 4500);
        declined.decline = Some("insufficient funds".into());
        let (next, fact) = payment(Status::RequiresPayment)
            .hear_intent(&declined)
            .unwrap();
        assert_eq!(fact, Some(Fact::PaymentFailed));
        assert_eq!(next.hear_intent(&declined), None);
    }
}

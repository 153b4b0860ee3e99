//! The payment as a booking knows it, and what its status means to the saga.

use eventhub_guest::ids::PaymentId;
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr};

use super::booking::Failure;
use super::fact::Fact;
use super::saga::{Event, MoneyState};

/// How far a payment is, as `eventhub:payment/payments` describes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, EnumString, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum PaymentStatus {
    Created,
    RequiresPayment,
    Processing,
    Succeeded,
    Cancelled,
    Refunding,
    Refunded,
    Quarantined,
}

/// Stored in the booking as JSON.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Payment {
    pub id: PaymentId,
    pub provider: String,
    pub status: PaymentStatus,
    pub client_secret: Option<String>,
    pub publishable_key: Option<String>,
}

/// What the payment service publishes about a payment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PaymentEvent {
    Succeeded,
    Failed,
    Cancelled,
    Refunded,
    RefundFailed,
}

/// The meaning of an event of the payment service. `reason` is the provider's, for people.
pub fn fact_from_event(event: PaymentEvent, payment: Payment, reason: Option<String>) -> Fact {
    let reason = |default: &str| {
        reason
            .filter(|text| !text.is_empty())
            .unwrap_or_else(|| default.into())
    };
    let fact = match event {
        PaymentEvent::Succeeded => Fact::new(Event::PaymentCaptured),
        // One attempt was declined; the buyer may try another card until the deadline.
        PaymentEvent::Failed => Fact {
            event: None,
            payment: None,
            failure: Some(Failure::new(
                "payment_declined",
                reason("The payment was declined."),
            )),
        },
        PaymentEvent::Cancelled => Fact::new(Event::PaymentCancelled).with_failure(Failure::new(
            "payment_cancelled",
            reason("The payment was given up."),
        )),
        PaymentEvent::Refunded => Fact::new(Event::RefundDone),
        PaymentEvent::RefundFailed => Fact::new(Event::RefundFailed),
    };
    fact.with_payment(payment)
}

/// How far a payment has come. It never goes back, except that a declined card waits for another
/// one and a refund may fail.
const fn progress(status: PaymentStatus) -> u8 {
    match status {
        PaymentStatus::Created => 0,
        PaymentStatus::RequiresPayment | PaymentStatus::Processing => 1,
        PaymentStatus::Cancelled | PaymentStatus::Quarantined => 2,
        PaymentStatus::Succeeded => 3,
        PaymentStatus::Refunding => 4,
        PaymentStatus::Refunded => 5,
    }
}

/// Adds news to a known payment. Late news does not take the payment back, but may bring a member
/// that was not known.
pub fn merge_payment(known: Option<&Payment>, news: &Payment) -> Payment {
    let Some(known) = known else {
        return news.clone();
    };
    let refund_failed =
        known.status == PaymentStatus::Refunding && news.status == PaymentStatus::Succeeded;
    let follows = progress(news.status) >= progress(known.status) || refund_failed;
    Payment {
        id: known.id,
        provider: known.provider.clone(),
        status: if follows { news.status } else { known.status },
        client_secret: news
            .client_secret
            .clone()
            .or_else(|| known.client_secret.clone()),
        publishable_key: news
            .publishable_key
            .clone()
            .or_else(|| known.publishable_key.clone()),
    }
}

/// The meaning of a payment's status to a booking whose money is in state `money`; none where it
/// has no meaning yet.
///
/// Captured money that the booking believes to be on its way back is a refund that failed. A
/// quarantined payment waits for an operator: to the booking it is one that nobody pays.
pub fn event_from_status(status: PaymentStatus, money: MoneyState) -> Option<Event> {
    match status {
        PaymentStatus::Created => None,
        PaymentStatus::RequiresPayment | PaymentStatus::Processing | PaymentStatus::Quarantined => {
            Some(Event::PaymentRequested)
        }
        PaymentStatus::Succeeded if money == MoneyState::Refunding => Some(Event::RefundFailed),
        PaymentStatus::Succeeded => Some(Event::PaymentCaptured),
        PaymentStatus::Cancelled => Some(Event::PaymentCancelled),
        PaymentStatus::Refunding => Some(Event::RefundStarted),
        PaymentStatus::Refunded => Some(Event::RefundDone),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payment(status: PaymentStatus, secret: Option<&str>) -> Payment {
        Payment {
            id: PaymentId::from_u128(1),
            provider: "stripe".into(),
            status,
            client_secret: secret.map(Into::into),
            publishable_key: None,
        }
    }

    #[test]
    fn late_news_does_not_take_a_payment_back() {
        let paid = payment(PaymentStatus::Succeeded, Some("s"));
        assert_eq!(
            merge_payment(Some(&paid), &payment(PaymentStatus::RequiresPayment, None)),
            paid
        );
        assert_eq!(
            merge_payment(
                Some(&payment(PaymentStatus::Refunded, None)),
                &payment(PaymentStatus::Succeeded, None)
            )
            .status,
            PaymentStatus::Refunded
        );
    }

    #[test]
    fn a_declined_card_and_a_failed_refund_take_it_back() {
        assert_eq!(
            merge_payment(
                Some(&payment(PaymentStatus::Processing, None)),
                &payment(PaymentStatus::RequiresPayment, None)
            )
            .status,
            PaymentStatus::RequiresPayment
        );
        assert_eq!(
            merge_payment(
                Some(&payment(PaymentStatus::Refunding, None)),
                &payment(PaymentStatus::Succeeded, None)
            )
            .status,
            PaymentStatus::Succeeded
        );
    }

    #[test]
    fn news_without_the_secret_keeps_the_secret() {
        let merged = merge_payment(
            Some(&payment(PaymentStatus::RequiresPayment, Some("s"))),
            &payment(PaymentStatus::Processing, None),
        );
        assert_eq!(
            (merged.status, merged.client_secret.as_deref()),
            (PaymentStatus::Processing, Some("s"))
        );
    }
}

//! The payment as a booking knows it, and what its status means to the saga.

use serde::{Deserialize, Serialize};

use super::saga::{Event, MoneyState, PaymentStatus};

/// Stored in the booking as JSON.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Payment {
    /// `pay_…`
    pub id: String,
    pub provider: String,
    pub status: PaymentStatus,
    pub client_secret: Option<String>,
    pub publishable_key: Option<String>,
}

/// How far a payment has come. It never goes back, except that a declined card waits for another
/// one and a refund may fail.
const fn rank(status: PaymentStatus) -> u8 {
    match status {
        PaymentStatus::Created => 0,
        PaymentStatus::RequiresPayment | PaymentStatus::Processing => 1,
        PaymentStatus::Cancelled | PaymentStatus::Quarantined => 2,
        PaymentStatus::Succeeded => 3,
        PaymentStatus::Refunding => 4,
        PaymentStatus::Refunded => 5,
    }
}

/// What is known after some news: late news does not take a payment back, but may bring what was
/// not known.
pub fn merge(known: Option<&Payment>, news: &Payment) -> Payment {
    let Some(known) = known else {
        return news.clone();
    };
    let refund_failed =
        known.status == PaymentStatus::Refunding && news.status == PaymentStatus::Succeeded;
    let follows = rank(news.status) >= rank(known.status) || refund_failed;
    Payment {
        id: known.id.clone(),
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

/// What the payment service's answer means, to a booking whose money stands at `money`; none where
/// it means nothing yet.
///
/// Captured money that is thought to be on its way back is a refund that failed. A quarantined
/// payment is an operator's: the booking waits for it as for one that nobody pays.
pub fn meaning(status: PaymentStatus, money: MoneyState) -> Option<Event> {
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
            id: "pay_1".into(),
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
            merge(Some(&paid), &payment(PaymentStatus::RequiresPayment, None)),
            paid
        );
        assert_eq!(
            merge(
                Some(&payment(PaymentStatus::Refunded, None)),
                &payment(PaymentStatus::Succeeded, None)
            )
            .status,
            PaymentStatus::Refunded
        );
    }

    #[test]
    fn a_declined_card_and_a_failed_refund_do() {
        assert_eq!(
            merge(
                Some(&payment(PaymentStatus::Processing, None)),
                &payment(PaymentStatus::RequiresPayment, None)
            )
            .status,
            PaymentStatus::RequiresPayment
        );
        assert_eq!(
            merge(
                Some(&payment(PaymentStatus::Refunding, None)),
                &payment(PaymentStatus::Succeeded, None)
            )
            .status,
            PaymentStatus::Succeeded
        );
    }

    #[test]
    fn an_event_without_the_secret_does_not_lose_it() {
        let merged = merge(
            Some(&payment(PaymentStatus::RequiresPayment, Some("s"))),
            &payment(PaymentStatus::Processing, None),
        );
        assert_eq!(
            (merged.status, merged.client_secret.as_deref()),
            (PaymentStatus::Processing, Some("s"))
        );
    }
}

//! The saga asks what became of a payment.

use eventhub_guest::Timestamp;

use super::{find_payment, look_up_payment};
use crate::domain::payment::Payment;
use crate::error::Error;
use crate::ports::Ports;

/// The payment as the database has it; an overdue one as the provider has it, because the caller
/// then gives up what is not paid, and the webhook may have been lost.
///
/// # Errors [`Error::NotFound`]; [`Error::Unavailable`] where the payment is overdue and the
/// provider does not answer.
pub fn get_payment(ports: &dyn Ports, booking_id: &str, now: Timestamp) -> Result<Payment, Error> {
    resolve_overdue(find_payment(booking_id)?, now, |payment| {
        look_up_payment(ports, payment, "")
    })
}

fn resolve_overdue(
    payment: Payment,
    now: Timestamp,
    look_up: impl FnOnce(Payment) -> Result<Payment, Error>,
) -> Result<Payment, Error> {
    if payment.is_overdue(now) {
        look_up(payment)
    } else {
        Ok(payment)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::payment::Status;
    use crate::domain::payment::tests::{intent, payment};
    use crate::domain::provider::IntentStatus;
    use crate::ports::ProviderError;

    const SECOND: Duration = Duration::from_secs(1);
    const START: Timestamp = Timestamp::from_micros(0);

    /// The answer about a payment that is over at 100 s, where the provider answers `reported`.
    fn answer_at(
        stored: Status,
        now: Duration,
        reported: Result<IntentStatus, ProviderError>,
    ) -> Result<Status, Error> {
        let payment = Payment {
            expires_at: START.plus(100 * SECOND),
            ..payment(stored)
        };
        let look_up = |payment: Payment| {
            let intent = intent(reported?, payment.total.amount);
            Ok(payment
                .apply_intent(&intent)
                .map_or(payment, |(next, _)| next))
        };
        resolve_overdue(payment, START.plus(now), look_up).map(|payment| payment.status)
    }

    #[test]
    fn a_payment_in_its_last_second_counts_without_a_webhook() {
        for open in [Status::RequiresPayment, Status::Processing] {
            assert_eq!(
                answer_at(open, 100 * SECOND, Ok(IntentStatus::Succeeded)).unwrap(),
                Status::Succeeded
            );
        }
        // The caller's clock may be ahead of ours.
        assert_eq!(
            answer_at(
                Status::RequiresPayment,
                99 * SECOND,
                Ok(IntentStatus::Succeeded)
            )
            .unwrap(),
            Status::Succeeded
        );
        assert_eq!(
            answer_at(
                Status::RequiresPayment,
                100 * SECOND,
                Ok(IntentStatus::RequiresPayment)
            )
            .unwrap(),
            Status::RequiresPayment
        );
    }

    #[test]
    fn an_overdue_payment_is_unknown_while_the_provider_is_away() {
        let away = || Err(ProviderError::Unavailable("no answer".into()));
        assert!(matches!(
            answer_at(Status::RequiresPayment, 101 * SECOND, away()),
            Err(Error::Unavailable(_))
        ));
        // A payment that may still be paid, or that has ended, needs no provider.
        assert_eq!(
            answer_at(Status::RequiresPayment, 90 * SECOND, away()).unwrap(),
            Status::RequiresPayment
        );
        for ended in [
            Status::Succeeded,
            Status::Cancelled,
            Status::Refunding,
            Status::Refunded,
            Status::Quarantined,
        ] {
            assert_eq!(answer_at(ended, 101 * SECOND, away()).unwrap(), ended);
        }
    }
}

//! Facts from Kafka: new bookings of this service, what became of payments, cancelled events. A
//! batch is read ahead in one round trip; then each booking takes its step. The timer does whatever
//! a fact leaves undone.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use eventhub_facts::{
    BookingCreated, EventCancelled, PaymentCancelled, PaymentDetails, PaymentFailed,
    PaymentRefunded, PaymentSucceeded, RefundFailed,
};
use eventhub_guest::bindings::eventhub::kafka::types::{Delivery, Message, Outcome};
use eventhub_guest::ids::{BookingId, EventId};
use eventhub_guest::inbox::{self, Envelope};
use eventhub_guest::{Timestamp, sql};

use crate::domain::booking::Booking;
use crate::domain::fact::Fact;
use crate::domain::payment::{Payment, PaymentEvent, fact_from_event};
use crate::domain::saga::{Command, Event};
use crate::ports::Ports;
use crate::store::bookings::{Batch, read_batch};
use crate::usecases::advance::{self, Driver, Run};
use crate::usecases::cancel_event::{self, cancel_event};

/// The meaning of a message to this service.
#[derive(Debug, PartialEq)]
pub enum Notice {
    BookingCreated(BookingId),
    Payment(BookingId, Fact),
    EventCancelled(EventId),
    /// Of a known topic, but without a meaning here.
    Irrelevant,
}

/// Why a message can never be understood: it goes to the dead letters.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum Unreadable {
    #[error(transparent)]
    Envelope(#[from] inbox::Error),
    #[error("this service does not consume facts about {0}")]
    Aggregate(String),
    #[error("{0:?} is not a status of payments")]
    PaymentStatus(String),
}

/// Reads a message: its id, and its meaning.
///
/// # Errors
/// [`Unreadable`].
pub fn read_message(message: &Message) -> Result<(u128, Notice), Unreadable> {
    let envelope = Envelope::open(message)?;
    let notice = match envelope.aggregate() {
        "booking" => envelope
            .fact::<BookingCreated>()?
            .map(|BookingCreated { details }| Notice::BookingCreated(details.booking_id)),
        "event" => envelope
            .fact::<EventCancelled>()?
            .map(|cancelled| Notice::EventCancelled(cancelled.event_id)),
        "payment" => read_payment_event(&envelope)?
            .map(|(event, details)| payment_notice(event, details))
            .transpose()?,
        other => return Err(Unreadable::Aggregate(other.into())),
    };
    Ok((envelope.id, notice.unwrap_or(Notice::Irrelevant)))
}

fn read_payment_event(
    envelope: &Envelope,
) -> Result<Option<(PaymentEvent, PaymentDetails)>, inbox::Error> {
    if let Some(PaymentSucceeded { details }) = envelope.fact()? {
        return Ok(Some((PaymentEvent::Succeeded, details)));
    }
    if let Some(PaymentFailed { details }) = envelope.fact()? {
        return Ok(Some((PaymentEvent::Failed, details)));
    }
    if let Some(PaymentCancelled { details }) = envelope.fact()? {
        return Ok(Some((PaymentEvent::Cancelled, details)));
    }
    if let Some(PaymentRefunded { details }) = envelope.fact()? {
        return Ok(Some((PaymentEvent::Refunded, details)));
    }
    if let Some(RefundFailed { details }) = envelope.fact()? {
        return Ok(Some((PaymentEvent::RefundFailed, details)));
    }
    Ok(None)
}

fn payment_notice(event: PaymentEvent, details: PaymentDetails) -> Result<Notice, Unreadable> {
    let Ok(status) = details.status.parse() else {
        return Err(Unreadable::PaymentStatus(details.status));
    };
    let payment = Payment {
        id: details.payment_id,
        provider: details.provider,
        status,
        client_secret: None,
        publishable_key: None,
    };
    let fact = fact_from_event(event, payment, details.reason);
    Ok(Notice::Payment(details.booking_id, fact))
}

/// After this time the rest of a batch is left to the next one: each fact may take a call to the
/// payment provider, and the whole call has a deadline.
const SOFT_DEADLINE: Duration = Duration::from_secs(10);

/// Handles a batch. One outcome for each delivery, in order.
pub fn handle_batch(ports: &dyn Ports, batch: &[Delivery]) -> Vec<Outcome> {
    let messages: Vec<_> = batch
        .iter()
        .map(|delivery| read_message(&delivery.message))
        .collect();
    let notices = || messages.iter().filter_map(|message| message.as_ref().ok());
    let facts: Vec<u128> = notices()
        .filter(|(_, notice)| *notice != Notice::Irrelevant)
        .map(|(id, _)| *id)
        .collect();
    if facts.is_empty() {
        return all_outcomes(messages, || Outcome::Done);
    }
    let bookings: HashSet<BookingId> = notices()
        .filter_map(|(_, notice)| booking_of(notice))
        .collect();
    let Batch { bookings, handled } = match read_batch(bookings.into_iter().collect(), facts) {
        Ok(batch) => batch,
        Err(error) => return all_outcomes(messages, || outcome_of_sql_error(&error)),
    };
    let mut handled = handled;
    let mut consumer = Consumer {
        driver: Driver::new(ports),
        bookings: bookings
            .into_iter()
            .map(|booking| (booking.id, booking))
            .collect(),
    };
    let soft_deadline = Timestamp::now().plus(SOFT_DEADLINE);
    let handle_message = |message: Result<(u128, Notice), Unreadable>| match message {
        Err(cause) => Outcome::DeadLetter(cause.to_string()),
        Ok((_, Notice::Irrelevant)) => Outcome::Done,
        Ok((id, _)) if !handled.insert(id) => Outcome::Done,
        Ok((id, notice)) => {
            let outcome = if Timestamp::now() >= soft_deadline {
                Outcome::Unavailable("the batch takes too long".into())
            } else {
                consumer.handle_notice(id, notice)
            };
            if outcome != Outcome::Done {
                // A second copy in this batch must not count as handled.
                handled.remove(&id);
            }
            outcome
        }
    };
    messages.into_iter().map(handle_message).collect()
}

/// One outcome for all messages that can be read.
fn all_outcomes(
    messages: Vec<Result<(u128, Notice), Unreadable>>,
    outcome: impl Fn() -> Outcome,
) -> Vec<Outcome> {
    messages
        .into_iter()
        .map(|message| match message {
            Ok(_) => outcome(),
            Err(cause) => Outcome::DeadLetter(cause.to_string()),
        })
        .collect()
}

const fn booking_of(notice: &Notice) -> Option<BookingId> {
    match notice {
        Notice::BookingCreated(id) | Notice::Payment(id, _) => Some(*id),
        Notice::EventCancelled(_) | Notice::Irrelevant => None,
    }
}

/// Handles the notices of one batch.
struct Consumer<'a> {
    driver: Driver<'a>,
    /// The bookings as they were read ahead.
    bookings: HashMap<BookingId, Booking>,
}

impl Consumer<'_> {
    fn handle_notice(&mut self, id: u128, notice: Notice) -> Outcome {
        let (booking, fact) = match notice {
            Notice::Irrelevant => return Outcome::Done,
            Notice::EventCancelled(event) => {
                return cancel_event(self.driver.ports, id, event)
                    .map_or_else(outcome_of_cancellation, |()| Outcome::Done);
            }
            Notice::BookingCreated(booking) => (booking, Fact::new(Event::Created)),
            Notice::Payment(booking, fact) => (booking, fact),
        };
        // Only the first fact about a booking finds it as it was read ahead; the next one would be
        // a step behind.
        let found = self.bookings.remove(&booking).map_or_else(
            || self.driver.store.load(booking),
            |booking| Ok(Some(booking)),
        );
        match found {
            Ok(Some(booking)) => {
                let run = run_for_fact(id, fact, &booking, Timestamp::now());
                self.driver
                    .advance(booking, run)
                    .map_or_else(outcome_of_error, |_| Outcome::Done)
            }
            // The relay reads the log before the transaction is visible to others. A booking that
            // never appears ends as a dead letter all the same, after the last attempt.
            Ok(None) => Outcome::Retry(format!("there is no booking {booking} yet")),
            Err(cause) => Outcome::Unavailable(cause.0),
        }
    }
}

/// The outcome for a fact that the database did not take. No fact may be given up because the
/// database was away: nobody would repeat a payment or a cancellation.
fn outcome_of_sql_error(error: &sql::Error) -> Outcome {
    match error {
        sql::Error::Invalid(_) | sql::Error::Violation { .. } => Outcome::Retry(error.to_string()),
        _ => Outcome::Unavailable(error.to_string()),
    }
}

/// The outcome for a fact whose booking did not go on.
fn outcome_of_error(error: advance::Error) -> Outcome {
    match error {
        advance::Error::Unavailable(cause) => Outcome::Unavailable(cause.0),
        advance::Error::NotFound | advance::Error::Refused(_) => {
            Outcome::DeadLetter(error.to_string())
        }
    }
}

/// The outcome for a cancelled event that still has live bookings.
fn outcome_of_cancellation(error: cancel_event::Error) -> Outcome {
    match error {
        cancel_event::Error::Sql(error) => outcome_of_sql_error(&error),
        cancel_event::Error::Unavailable(cause) => Outcome::Unavailable(cause.0),
        cancel_event::Error::Advance(error) => outcome_of_error(error),
        cancel_event::Error::Refused(_) => Outcome::DeadLetter(error.to_string()),
        cancel_event::Error::Endless => Outcome::Retry(error.to_string()),
    }
}

fn run_for_fact(id: u128, fact: Fact, booking: &Booking, now: Timestamp) -> Run {
    let mut facts = vec![];
    // A payment that is given up because its time is over is an expired booking, not a failed one.
    if fact.event == Some(Event::PaymentCancelled) && booking.expires_at <= now {
        facts.push(Fact::new(Event::DeadlinePassed));
    }
    // The provider has just refused it: the timer tries again, with back-off.
    let postponed = if fact.event == Some(Event::RefundFailed) {
        vec![Command::RefundPayment]
    } else {
        vec![]
    };
    facts.push(fact);
    Run {
        facts,
        inbox: Some(id),
        postponed,
        ..Run::default()
    }
}

#[cfg(test)]
mod tests {
    use eventhub_guest::ids::PaymentId;

    use super::*;
    use crate::domain::payment::PaymentStatus;
    use crate::error::Unavailable;

    fn message(topic: &str, headers: &[(&str, &str)], value: &str) -> Message {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect();
        Message {
            topic: topic.into(),
            key: None,
            headers,
            value: value.as_bytes().to_vec(),
        }
    }

    const ID: (&str, &str) = ("id", "0198c0de-0000-7000-8000-000000000001");

    #[test]
    fn a_payment_event_is_read_with_and_without_its_reason() {
        let booking = BookingId::from_u128(9);
        let payment = PaymentId::from_u128(1);
        let body = format!(
            r#"{{"payment_id":"{payment}","booking_id":"{booking}","provider":"stripe","status":"requires_payment","amount":4500,"currency":"EUR","reason":"card_declined"}}"#
        );
        let (id, notice) = read_message(&message(
            "outbox.event.payment",
            &[ID, ("eventType", "PaymentFailed")],
            &body,
        ))
        .unwrap();
        assert_eq!(id, 0x0198_c0de_0000_7000_8000_0000_0000_0001);
        let Notice::Payment(of, fact) = notice else {
            panic!("{notice:?}")
        };
        assert_eq!(
            (of, fact.event, fact.failure.unwrap().detail.as_str()),
            (booking, None, "card_declined")
        );
        assert_eq!(fact.payment.unwrap().status, PaymentStatus::RequiresPayment);
        let body = body
            .replace(r#","reason":"card_declined""#, "")
            .replace("requires_payment", "succeeded");
        let (_, notice) = read_message(&message(
            "outbox.event.payment",
            &[ID, ("eventType", "PaymentSucceeded")],
            &body,
        ))
        .unwrap();
        assert!(matches!(
            notice,
            Notice::Payment(
                _,
                Fact {
                    event: Some(Event::PaymentCaptured),
                    ..
                }
            )
        ));
        let unknown = message(
            "outbox.event.payment",
            &[ID, ("eventType", "PaymentSucceeded")],
            &body.replace("succeeded", "sent"),
        );
        assert_eq!(
            read_message(&unknown),
            Err(Unreadable::PaymentStatus("sent".into()))
        );
    }

    #[test]
    fn no_fact_is_given_up_because_a_service_was_away() {
        assert!(matches!(
            outcome_of_sql_error(&sql::Error::Unavailable("no connection".into())),
            Outcome::Unavailable(_)
        ));
        assert!(matches!(
            outcome_of_sql_error(&sql::Error::Serialization("again".into())),
            Outcome::Unavailable(_)
        ));
        assert!(matches!(
            outcome_of_sql_error(&sql::Error::Invalid("no such column".into())),
            Outcome::Retry(_)
        ));
        assert!(matches!(
            outcome_of_error(Unavailable("payment is away".into()).into()),
            Outcome::Unavailable(_)
        ));
        assert!(matches!(
            outcome_of_error(advance::Error::NotFound),
            Outcome::DeadLetter(_)
        ));
    }

    #[test]
    fn other_facts_are_done_and_unreadable_ones_dead_letters() {
        let read = |topic, kind| {
            read_message(&message(topic, &[ID, ("eventType", kind)], "{}"))
                .map(|(_, notice)| notice)
        };
        assert_eq!(
            read("outbox.event.booking", "BookingConfirmed"),
            Ok(Notice::Irrelevant)
        );
        assert_eq!(
            read("outbox.event.event", "EventPublished"),
            Ok(Notice::Irrelevant)
        );
        assert_eq!(
            read("outbox.event.payment", "SomethingNew"),
            Ok(Notice::Irrelevant)
        );
        assert!(read("outbox.event.user", "UserCreated").is_err());
        assert!(read("outbox.event.booking", "BookingCreated").is_err());
        assert!(
            read_message(&message(
                "outbox.event.booking",
                &[("eventType", "BookingCreated")],
                "{}"
            ))
            .is_err()
        );
        assert!(read_message(&message("outbox.event.booking", &[ID], "{}")).is_err());
    }
}

//! What Kafka tells: our own new bookings, what became of payments, cancelled events. A batch is
//! read ahead in one round trip; then each booking takes its step. Whatever an event leaves undone
//! is the timer's.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use eventhub_guest::bindings::eventhub::kafka::types::{Delivery, Message, Outcome};
use eventhub_guest::ids::{BookingId, EventId};
use eventhub_guest::{Timestamp, sql};

use crate::domain::booking::{Booking, Failure};
use crate::domain::fact::{BookingTold, EventTold, Fact, PaymentTold, of_payment};
use crate::domain::saga::{Command, Event};
use crate::driver::{Error, Record, Run, SaveError, World, advance};
use crate::services::Services;
use crate::store;

/// An event that concerns this service.
#[derive(Debug, PartialEq)]
pub enum Told {
    Created(BookingId),
    Payment(BookingId, Fact),
    EventCancelled(EventId),
    /// Of a known topic, but nothing to us.
    Nothing,
}

/// The event's id, and what it tells.
///
/// # Errors
/// Why it can never be understood: it goes to the dead letters.
pub fn read(message: &Message) -> Result<(u128, Told), String> {
    let header = |name: &str| {
        message
            .headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    };
    let id = header("id")
        .and_then(|text| uuid::Uuid::parse_str(text).ok())
        .ok_or("the header id is missing or no uuid")?
        .as_u128();
    let kind = header("eventType").ok_or("the header eventType is missing")?;
    let told = match (message.topic.as_str(), kind) {
        ("outbox.event.booking", "BookingCreated") => {
            Told::Created(payload::<BookingTold>(message)?.booking_id)
        }
        ("outbox.event.event", "EventCancelled") => {
            Told::EventCancelled(payload::<EventTold>(message)?.event_id)
        }
        (
            "outbox.event.payment",
            "PaymentSucceeded" | "PaymentFailed" | "PaymentCancelled" | "PaymentRefunded"
            | "RefundFailed",
        ) => {
            let told: PaymentTold = payload(message)?;
            of_payment(kind, &told)
                .map_or(Told::Nothing, |fact| Told::Payment(told.booking_id, fact))
        }
        ("outbox.event.booking" | "outbox.event.event" | "outbox.event.payment", _) => {
            Told::Nothing
        }
        (topic, _) => return Err(format!("topic {topic} is not one of this service")),
    };
    Ok((id, told))
}

fn payload<T: serde::de::DeserializeOwned>(message: &Message) -> Result<T, String> {
    serde_json::from_slice(&message.value)
        .map_err(|error| format!("the payload cannot be read: {error}"))
}

/// After this time the rest of a batch is left to the next one: each event may take a call to the
/// payment provider, and the whole call has a deadline.
const ENOUGH: Duration = Duration::from_secs(10);

/// One outcome for each delivery, in order.
pub fn handle(batch: &[Delivery]) -> Vec<Outcome> {
    let read: Vec<_> = batch
        .iter()
        .map(|delivery| read(&delivery.message))
        .collect();
    let understood = || read.iter().filter_map(|told| told.as_ref().ok());
    let bookings: HashSet<BookingId> = understood()
        .filter_map(|(_, told)| booking_of(told))
        .collect();
    let events: Vec<u128> = understood()
        .filter(|(_, told)| *told != Told::Nothing)
        .map(|(id, _)| *id)
        .collect();
    if events.is_empty() {
        return read
            .into_iter()
            .map(|told| told.map_or_else(Outcome::DeadLetter, |_| Outcome::Done))
            .collect();
    }
    let (bookings, seen) = match store::bookings::ahead(bookings.into_iter().collect(), events) {
        Ok(ahead) => ahead,
        Err(error) => {
            return read
                .into_iter()
                .map(|told| told.map_or_else(Outcome::DeadLetter, |_| not_stored(&error)))
                .collect();
        }
    };
    let mut bookings: HashMap<BookingId, Booking> = bookings
        .into_iter()
        .map(|booking| (booking.id, booking))
        .collect();
    let mut seen: HashSet<u128> = seen.into_iter().collect();
    let enough = Timestamp::now().plus(ENOUGH);
    let mut outcomes = Vec::with_capacity(read.len());
    for told in read {
        outcomes.push(match told {
            Err(cause) => Outcome::DeadLetter(cause),
            Ok((_, Told::Nothing)) => Outcome::Done,
            Ok((id, _)) if !seen.insert(id) => Outcome::Done,
            Ok((id, told)) => {
                let is_late = Timestamp::now() >= enough;
                let outcome = if is_late {
                    Outcome::Unavailable("its batch takes too long".into())
                } else {
                    act(id, told, &mut bookings)
                };
                if outcome != Outcome::Done {
                    // A second copy in this batch must not be taken for handled.
                    seen.remove(&id);
                }
                outcome
            }
        });
    }
    outcomes
}

const fn booking_of(told: &Told) -> Option<BookingId> {
    match told {
        Told::Created(id) | Told::Payment(id, _) => Some(*id),
        Told::EventCancelled(_) | Told::Nothing => None,
    }
}

fn act(id: u128, told: Told, ahead: &mut HashMap<BookingId, Booking>) -> Outcome {
    let (booking, fact) = match told {
        Told::Nothing => return Outcome::Done,
        Told::EventCancelled(event) => {
            return cancel_event(id, event).err().unwrap_or(Outcome::Done);
        }
        Told::Created(booking) => (booking, Fact::of(Event::Created)),
        Told::Payment(booking, fact) => (booking, fact),
    };
    // Only the first event of a booking finds it as it was read ahead; the next one would be a step
    // behind.
    let found = ahead
        .remove(&booking)
        .map_or_else(|| Services.load(booking), |booking| Ok(Some(booking)));
    let booking = match found {
        Ok(Some(booking)) => booking,
        // The log is read before a transaction is visible to others: it will be, a moment later.
        // What never is ends as a dead letter all the same, after the last attempt.
        Ok(None) => return Outcome::Retry(format!("there is no booking {booking} yet")),
        Err(trouble) => return Outcome::Unavailable(trouble.0),
    };
    advance(
        &Services,
        booking.clone(),
        run_for(id, fact, &booking, &Services),
    )
    .map_or_else(stopped, |_| Outcome::Done)
}

/// What a database's error makes of an event. No event may be given up because the database was
/// away: of a payment or a cancellation nobody would tell again.
fn not_stored(error: &sql::Error) -> Outcome {
    match error {
        sql::Error::Invalid(_) | sql::Error::Violation { .. } => Outcome::Retry(error.to_string()),
        _ => Outcome::Unavailable(error.to_string()),
    }
}

/// The same for a booking that did not go on.
fn stopped(error: Error) -> Outcome {
    match error {
        Error::Trouble(trouble) => Outcome::Unavailable(trouble.0),
        Error::NotFound | Error::Refused(..) => Outcome::DeadLetter(error.to_string()),
    }
}

fn run_for(id: u128, fact: Fact, booking: &Booking, world: &impl World) -> Run {
    let mut facts = vec![];
    // A payment that is given up because its time is over is an expired booking, not a failed one.
    if fact.event == Some(Event::PaymentCancelled) && booking.expires_at <= world.now() {
        facts.push(Fact::of(Event::DeadlinePassed));
    }
    // What the provider has just refused is tried again with back-off.
    let not_now = if fact.event == Some(Event::RefundFailed) {
        vec![Command::RefundPayment]
    } else {
        vec![]
    };
    facts.push(fact);
    Run {
        facts,
        inbox: Some(id),
        not_now,
        ..Run::default()
    }
}

/// Bookings in one transaction.
const PAGE: i64 = 100;
/// A guard against going round for ever; a cancelled event gets no new bookings, so each round
/// leaves fewer.
const ROUNDS: u32 = 10_000;

/// Ends every live booking of an event; what that demands (refunds, releases) is due at once and
/// done by the timer. Repeating it after a crash finds only what is left.
fn cancel_event(id: u128, event: EventId) -> Result<(), Outcome> {
    let failure = Failure::new(
        "event_cancelled",
        "The event was cancelled by its organizer.",
    );
    let fact = Fact::of(Event::EventCancelled).because(failure.clone());
    for _ in 0..ROUNDS {
        let bookings =
            store::bookings::live_of_event(event, PAGE).map_err(|error| not_stored(&error))?;
        if bookings.is_empty() {
            return match store::DB.execute(store::record::handled(id)) {
                Err(error) if !error.violates("inbox_pkey") => Err(not_stored(&error)),
                _ => Ok(()),
            };
        }
        let mut drafts = vec![];
        for booking in &bookings {
            let mut draft = booking.clone();
            let step = Services.step(draft.state, Event::EventCancelled);
            draft.state = step
                .map_err(|_| {
                    Outcome::DeadLetter("the cancellation of an event was refused".into())
                })?
                .state;
            draft.failure = Some(failure.clone());
            drafts.push(draft);
        }
        let record = |(booking, draft)| -> Record {
            let (booking, draft): (&Booking, &Booking) = (booking, draft);
            Record {
                booking: draft,
                changed: true,
                from: booking.state.status,
                inbox: None,
                attempts: 0,
                next_look: Some(0.0),
            }
        };
        let records: Vec<Record> = bookings.iter().zip(&drafts).map(record).collect();
        match store::record::save_all(&records) {
            Ok(()) => {
                tracing::info!(event.id = %event, bookings = bookings.len(), "bookings of a cancelled event ended")
            }
            // Somebody acts on one of them just now: one by one, each follows its own.
            Err(SaveError::Conflict) => {
                for booking in bookings {
                    advance(&Services, booking, Run::of(vec![fact.clone()])).map_err(stopped)?;
                }
            }
            Err(error) => return Err(Outcome::Unavailable(error.to_string())),
        }
    }
    Err(Outcome::Retry("the event still gets bookings".into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::saga::PaymentStatus;

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
        let body = format!(
            r#"{{"payment_id":"pay_1","booking_id":"{booking}","provider":"stripe","status":"requires_payment","amount":4500,"currency":"EUR","reason":"card_declined"}}"#
        );
        let (id, told) = read(&message(
            "outbox.event.payment",
            &[ID, ("eventType", "PaymentFailed")],
            &body,
        ))
        .unwrap();
        assert_eq!(id, 0x0198_c0de_0000_7000_8000_0000_0000_0001);
        let Told::Payment(of, fact) = told else {
            panic!("{told:?}")
        };
        assert_eq!(
            (of, fact.event, fact.failure.unwrap().detail.as_str()),
            (booking, None, "card_declined")
        );
        assert_eq!(fact.payment.unwrap().status, PaymentStatus::RequiresPayment);
        let body = body
            .replace(r#","reason":"card_declined""#, "")
            .replace("requires_payment", "succeeded");
        let (_, told) = read(&message(
            "outbox.event.payment",
            &[ID, ("eventType", "PaymentSucceeded")],
            &body,
        ))
        .unwrap();
        assert!(matches!(
            told,
            Told::Payment(
                _,
                Fact {
                    event: Some(Event::PaymentCaptured),
                    ..
                }
            )
        ));
    }

    #[test]
    fn no_event_is_given_up_because_something_else_was_away() {
        assert!(matches!(
            not_stored(&sql::Error::Unavailable("no connection".into())),
            Outcome::Unavailable(_)
        ));
        assert!(matches!(
            not_stored(&sql::Error::Serialization("again".into())),
            Outcome::Unavailable(_)
        ));
        assert!(matches!(
            not_stored(&sql::Error::Invalid("no such column".into())),
            Outcome::Retry(_)
        ));
        assert!(matches!(
            stopped(Error::Trouble(crate::driver::Trouble(
                "payment is away".into()
            ))),
            Outcome::Unavailable(_)
        ));
        assert!(matches!(stopped(Error::NotFound), Outcome::DeadLetter(_)));
    }

    #[test]
    fn what_does_not_concern_us_is_done_and_what_cannot_be_read_is_a_dead_letter() {
        let quiet = |topic, kind| {
            read(&message(topic, &[ID, ("eventType", kind)], "{}")).map(|(_, told)| told)
        };
        assert_eq!(
            quiet("outbox.event.booking", "BookingConfirmed"),
            Ok(Told::Nothing)
        );
        assert_eq!(
            quiet("outbox.event.event", "EventPublished"),
            Ok(Told::Nothing)
        );
        assert_eq!(
            quiet("outbox.event.payment", "SomethingNew"),
            Ok(Told::Nothing)
        );
        assert!(quiet("outbox.event.user", "UserCreated").is_err());
        assert!(quiet("outbox.event.booking", "BookingCreated").is_err());
        assert!(
            read(&message(
                "outbox.event.booking",
                &[("eventType", "BookingCreated")],
                "{}"
            ))
            .is_err()
        );
        assert!(read(&message("outbox.event.booking", &[ID], "{}")).is_err());
    }
}

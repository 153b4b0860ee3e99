//! The body of `POST /bookings`, parsed once.

use eventhub_guest::Check;
use eventhub_guest::ids::HoldId;
use eventhub_guest::problem::Fault;
use eventhub_guest::validate::{check_line, is_email_address};
use serde::{Deserialize, Serialize};

/// `{"hold_id","payment":{"provider"},"contact"?:{"name","email"},"attendees"?:[{"seat","name"}]}`
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct CreateBooking {
    hold_id: String,
    payment: ChosenPayment,
    contact: Option<Contact>,
    attendees: Option<Vec<Attendee>>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct ChosenPayment {
    provider: String,
}

/// Who books; the payment provider sends its receipt there.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    pub name: String,
    pub email: String,
}

/// Who sits where.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attendee {
    pub seat: String,
    pub name: String,
}

/// A booking as the buyer wants it, valid as far as the body alone can tell.
#[derive(Debug, PartialEq)]
pub struct NewBooking {
    pub hold_id: HoldId,
    pub provider: String,
    pub contact: Option<Contact>,
    pub attendees: Vec<Attendee>,
}

/// Why a body is no booking.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum InvalidBooking {
    #[error("the body has {} faults", .0.len())]
    Faults(Vec<Fault>),
    /// The hold id is malformed, and so the id of no hold.
    #[error("the hold id is malformed")]
    UnknownHold,
}

const MAX_NAME_LENGTH: usize = 200;
const MAX_ATTENDEES: usize = 100;

impl CreateBooking {
    /// Checks the body. `providers` are the payment providers in use.
    ///
    /// # Errors
    /// [`InvalidBooking`], with all faults at once.
    pub fn parse(self, providers: &[String]) -> Result<NewBooking, InvalidBooking> {
        let mut check = Check::new();
        check.that(
            providers.contains(&self.payment.provider),
            "/payment/provider",
            "unknown_provider",
            format!("must be one of: {}", providers.join(", ")),
        );
        if let Some(contact) = &self.contact {
            check_line(
                &mut check,
                "/contact/name",
                &contact.name,
                1,
                MAX_NAME_LENGTH,
            );
            check.that(
                is_email_address(&contact.email),
                "/contact/email",
                "invalid",
                "must be an e-mail address such as ada@example.org",
            );
        }
        let attendees = self.attendees.unwrap_or_default();
        check_attendees(&mut check, &attendees);
        let faults = check.into_faults();
        if !faults.is_empty() {
            return Err(InvalidBooking::Faults(faults));
        }
        Ok(NewBooking {
            hold_id: self
                .hold_id
                .parse()
                .map_err(|_| InvalidBooking::UnknownHold)?,
            provider: self.payment.provider,
            contact: self.contact,
            attendees,
        })
    }
}

fn check_attendees(check: &mut Check, attendees: &[Attendee]) {
    check.that(
        attendees.len() <= MAX_ATTENDEES,
        "/attendees",
        "too_many",
        format!("must be at most {MAX_ATTENDEES}"),
    );
    for (index, attendee) in attendees.iter().enumerate().take(MAX_ATTENDEES) {
        check.that(
            is_seat_key(&attendee.seat),
            format!("/attendees/{index}/seat"),
            "invalid",
            "must be a seat key such as A-1-14",
        );
        check_line(
            check,
            &format!("/attendees/{index}/name"),
            &attendee.name,
            1,
            MAX_NAME_LENGTH,
        );
        let is_repeated = attendees[..index]
            .iter()
            .any(|other| other.seat == attendee.seat);
        check.that(
            !is_repeated,
            format!("/attendees/{index}/seat"),
            "duplicate",
            "has an attendee already",
        );
    }
}

impl NewBooking {
    /// The seats that have an attendee.
    pub fn named_seats(&self) -> Vec<String> {
        self.attendees
            .iter()
            .map(|attendee| attendee.seat.clone())
            .collect()
    }

    /// The faults of attendees whose seats the hold does not have.
    pub fn faults_not_in_hold(&self, seats: &[String]) -> Vec<Fault> {
        let index_of = |seat: &String| {
            self.attendees
                .iter()
                .position(|attendee| attendee.seat == *seat)
                .unwrap_or_default()
        };
        let fault = |seat| {
            Fault::new(
                format!("/attendees/{}/seat", index_of(seat)),
                "not_in_hold",
                "is not a seat of the hold",
            )
        };
        seats.iter().map(fault).collect()
    }
}

/// Three ids of a layout, joined.
fn is_seat_key(text: &str) -> bool {
    let id = |id: &str| {
        (1..=8).contains(&id.len()) && id.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'.')
    };
    text.split('-').count() == 3 && text.split('-').all(id)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(body: &serde_json::Value) -> Result<NewBooking, InvalidBooking> {
        let body: CreateBooking = serde_json::from_value(body.clone()).unwrap();
        body.parse(&["stripe".into()])
    }

    fn faults(body: &serde_json::Value) -> Vec<(String, &'static str)> {
        match parse(body) {
            Err(InvalidBooking::Faults(faults)) => faults
                .into_iter()
                .map(|fault| (fault.pointer, fault.code))
                .collect(),
            other => panic!("{other:?}"),
        }
    }

    fn hold() -> String {
        HoldId::from_u128(5).to_string()
    }

    #[test]
    fn all_faults_are_reported_at_once_with_their_pointers() {
        let body = json!({
            "hold_id": hold(), "payment": {"provider": "cash"}, "contact": {"name": "", "email": "a@b"},
            "attendees": [{"seat": "A-1-1", "name": "Ada"}, {"seat": "A-1-1", "name": "a\nb"}],
        });
        let expected = [
            ("/payment/provider", "unknown_provider"),
            ("/contact/name", "too_short"),
            ("/contact/email", "invalid"),
            ("/attendees/1/name", "invalid_character"),
            ("/attendees/1/seat", "duplicate"),
        ];
        assert_eq!(
            faults(&body),
            expected.map(|(pointer, code)| (pointer.to_string(), code))
        );
    }

    #[test]
    fn unknown_members_are_refused_and_optional_ones_may_be_missing() {
        let body = json!({"hold_id": hold(), "payment": {"provider": "stripe"}});
        let booking = parse(&body).unwrap();
        assert_eq!((booking.contact, booking.attendees), (None, vec![]));
        let unknown = r#"{"hold_id":"x","payment":{"provider":"stripe","token":"x"}}"#;
        let fault = eventhub_guest::json::parse::<CreateBooking>(unknown.as_bytes())
            .unwrap_err()
            .faults
            .remove(0);
        assert_eq!(
            (fault.pointer.as_str(), fault.code),
            ("/payment/token", "unknown_field")
        );
    }

    #[test]
    fn a_malformed_hold_id_is_like_an_unknown_hold() {
        let body = json!({"hold_id": "x", "payment": {"provider": "stripe"}});
        assert_eq!(parse(&body), Err(InvalidBooking::UnknownHold));
    }

    #[test]
    fn an_attendee_of_a_seat_that_is_not_held_is_refused() {
        let body = json!({
            "hold_id": hold(), "payment": {"provider": "stripe"},
            "attendees": [{"seat": "A-1-1", "name": "Ada"}, {"seat": "A-1-2", "name": "Bob"}],
        });
        let booking = parse(&body).unwrap();
        assert_eq!(booking.named_seats(), ["A-1-1", "A-1-2"]);
        let faults = booking.faults_not_in_hold(&["A-1-2".into()]);
        assert_eq!(faults[0].pointer, "/attendees/1/seat");
    }

    #[test]
    fn a_contact_needs_an_address_that_mail_can_be_sent_to() {
        let faults_of = |email: &str| {
            let contact = json!({"name": "Ada", "email": email});
            let body =
                json!({"hold_id": hold(), "payment": {"provider": "stripe"}, "contact": contact});
            parse(&body).err()
        };
        for good in ["ada@example.org", "a+b.c@x-y.example.org"] {
            assert_eq!(faults_of(good), None, "{good}");
        }
        for bad in [
            "",
            "a",
            "@b.org",
            "a@b",
            "a@b..org",
            "a@-b.org",
            "a b@c.org",
            "a@b@c.org",
            "ä@b.org",
            "a@b.org\n",
        ] {
            assert!(faults_of(bad).is_some(), "{bad}");
        }
    }
}

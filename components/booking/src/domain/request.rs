//! The body of `POST /bookings`, parsed once.

use eventhub_guest::ids::HoldId;
use eventhub_guest::problem::Fault;
use eventhub_guest::{Check, Code, Problem};
use serde::{Deserialize, Serialize};

/// `{"hold_id","payment":{"provider"},"contact"?:{"name","email"},"attendees"?:[{"seat","name"}]}`
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
pub struct CreateBooking {
    hold_id: String,
    payment: PaymentWish,
    #[serde(default)]
    contact: Option<Contact>,
    #[serde(default)]
    attendees: Option<Vec<Attendee>>,
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct PaymentWish {
    provider: String,
}

/// Who books; the payment provider's receipt goes there.
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

/// What is wanted, valid as far as the body alone can tell.
#[derive(Debug, PartialEq)]
pub struct Wish {
    pub hold_id: HoldId,
    pub provider: String,
    pub contact: Option<Contact>,
    pub attendees: Vec<Attendee>,
}

const NAME: usize = 200;
const ATTENDEES: usize = 100;

impl CreateBooking {
    /// # Errors
    /// 422 with all faults at once; 404 for a hold id that is none.
    pub fn parse(self, providers: &[String]) -> Result<Wish, Problem> {
        let mut check = Check::new();
        let known = providers.contains(&self.payment.provider);
        check.that(
            known,
            "/payment/provider",
            "unknown_provider",
            format!("must be one of: {}", providers.join(", ")),
        );
        if let Some(contact) = &self.contact {
            name(&mut check, "/contact/name", &contact.name);
            check.that(
                is_email(&contact.email),
                "/contact/email",
                "invalid",
                "must be an e-mail address such as ada@example.org",
            );
        }
        let attendees = self.attendees.unwrap_or_default();
        check.that(
            attendees.len() <= ATTENDEES,
            "/attendees",
            "too_many",
            format!("must be at most {ATTENDEES}"),
        );
        for (at, attendee) in attendees.iter().enumerate().take(ATTENDEES) {
            check.that(
                is_seat_key(&attendee.seat),
                format!("/attendees/{at}/seat"),
                "invalid",
                "must be a seat key such as A-1-14",
            );
            name(&mut check, &format!("/attendees/{at}/name"), &attendee.name);
            let earlier = attendees[..at]
                .iter()
                .any(|other| other.seat == attendee.seat);
            check.that(
                !earlier,
                format!("/attendees/{at}/seat"),
                "duplicate",
                "has an attendee already",
            );
        }
        check.finish()?;
        let hold_id = self
            .hold_id
            .parse()
            .map_err(|_| Problem::not_found("hold"))?;
        Ok(Wish {
            hold_id,
            provider: self.payment.provider,
            contact: self.contact,
            attendees,
        })
    }
}

impl Wish {
    /// The seats that it names.
    pub fn seats(&self) -> Vec<String> {
        self.attendees
            .iter()
            .map(|attendee| attendee.seat.clone())
            .collect()
    }

    /// 422: attendees of these seats, which the hold does not have.
    pub fn not_in_hold(&self, seats: &[String]) -> Problem {
        let at = |seat: &String| {
            self.attendees
                .iter()
                .position(|attendee| attendee.seat == *seat)
                .unwrap_or_default()
        };
        let fault = |seat| {
            Fault::new(
                format!("/attendees/{}/seat", at(seat)),
                "not_in_hold",
                "is not a seat of the hold",
            )
        };
        Problem::faults(Code::ValidationFailed, seats.iter().map(fault).collect())
    }
}

fn name(check: &mut Check, pointer: &str, name: &str) {
    check.text(pointer, name, 1, NAME);
    check.that(
        !name.contains(['\n', '\t']),
        pointer,
        "invalid_character",
        "must be one line",
    );
}

/// Three ids of a layout, joined.
fn is_seat_key(text: &str) -> bool {
    let id = |id: &str| {
        (1..=8).contains(&id.len()) && id.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'.')
    };
    text.split('-').count() == 3 && text.split('-').all(id)
}

/// The rule of the HTML standard ("valid e-mail address"), with a dot in the domain.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    let local_ok = (1..=64).contains(&local.len())
        && local
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&c));
    let label = |label: &str| {
        let inner = label
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || c == b'-');
        (1..=63).contains(&label.len()) && inner && !label.starts_with('-') && !label.ends_with('-')
    };
    text.len() <= 254 && local_ok && domain.contains('.') && domain.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use eventhub_guest::json;

    use super::*;

    fn faults(body: serde_json::Value) -> Vec<(String, &'static str)> {
        let parsed = json::parse::<CreateBooking>(body.to_string().as_bytes())
            .and_then(|body| body.parse(&["stripe".into()]));
        parsed.map_or_else(
            |problem| {
                problem
                    .faults
                    .into_iter()
                    .map(|fault| (fault.pointer, fault.code))
                    .collect()
            },
            |_| vec![],
        )
    }

    fn hold() -> String {
        HoldId::from_u128(5).to_string()
    }

    #[test]
    fn all_faults_are_told_at_once_and_where() {
        let body = serde_json::json!({
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
            faults(body),
            expected.map(|(pointer, code)| (pointer.to_string(), code))
        );
    }

    #[test]
    fn unknown_members_are_refused_and_optional_ones_may_be_missing() {
        assert_eq!(
            faults(serde_json::json!({"hold_id": hold(), "payment": {"provider": "stripe"}})),
            []
        );
        let extra =
            serde_json::json!({"hold_id": hold(), "payment": {"provider": "stripe", "token": "x"}});
        assert_eq!(
            faults(extra),
            [("/payment/token".to_string(), "unknown_field")]
        );
    }

    #[test]
    fn a_hold_id_that_is_none_is_like_an_unknown_hold() {
        let body: CreateBooking =
            json::parse(br#"{"hold_id":"x","payment":{"provider":"stripe"}}"#).unwrap();
        assert_eq!(
            body.parse(&["stripe".into()]).unwrap_err().code.status(),
            404
        );
    }

    #[test]
    fn an_attendee_of_a_seat_that_is_not_held_is_refused() {
        let body = serde_json::json!({"hold_id": hold(), "payment": {"provider": "stripe"}, "attendees": [{"seat": "A-1-1", "name": "Ada"}, {"seat": "A-1-2", "name": "Bob"}]});
        let wish = json::parse::<CreateBooking>(body.to_string().as_bytes())
            .unwrap()
            .parse(&["stripe".into()])
            .unwrap();
        assert_eq!(wish.seats(), ["A-1-1", "A-1-2"]);
        let problem = wish.not_in_hold(&["A-1-2".into()]);
        assert_eq!(
            (problem.code.status(), problem.faults[0].pointer.as_str()),
            (422, "/attendees/1/seat")
        );
    }

    #[test]
    fn what_no_mail_can_be_sent_to_is_refused() {
        for good in ["ada@example.org", "a+b.c@x-y.example.org"] {
            assert!(is_email(good), "{good}");
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
            assert!(!is_email(bad), "{bad}");
        }
    }
}

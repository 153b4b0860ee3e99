//! A booking: what was taken, for whom, what is to be paid, and where it stands; and how its owner
//! sees it.

use eventhub_guest::bindings::eventhub::common::types::Money as WitMoney;
use eventhub_guest::ids::{BookingId, EventId, HoldId, SessionId, UserId};
use eventhub_guest::{Money, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::payment::Payment;
use super::request::{Attendee, Contact};
use super::saga::State;
use crate::bindings::eventhub::seat_inventory::holds;

/// A seat as it was held. `{"seat":"A-1-14","category":"stalls","price":{…},"flags":[]}`
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Seat {
    pub seat: String,
    pub category: String,
    pub price: Money,
    pub flags: Vec<String>,
}

/// Places of an area as they were held; the price is of one.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Area {
    pub area: String,
    pub category: String,
    pub quantity: u32,
    pub price: Money,
}

/// Why a booking came to nothing, or why the last attempt to pay did.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Failure {
    /// `seats_unavailable`, `session_closed`, `hold_expired`, `payment_refused`,
    /// `payment_cancelled`, `payment_declined`, `event_cancelled`.
    pub code: String,
    pub detail: String,
}

impl Failure {
    pub fn new(code: &str, detail: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            detail: detail.into(),
        }
    }
}

#[derive(Clone, PartialEq, Debug)]
pub struct Booking {
    pub id: BookingId,
    pub user_id: UserId,
    pub event_id: EventId,
    pub session_id: SessionId,
    pub hold_id: HoldId,
    pub state: State,
    pub version: i64,
    pub fence: i64,
    pub seats: Vec<Seat>,
    pub areas: Vec<Area>,
    pub total: Money,
    pub provider: String,
    pub payment: Option<Payment>,
    pub failure: Option<Failure>,
    pub contact: Option<Contact>,
    pub attendees: Vec<Attendee>,
    pub idempotency_key: String,
    pub expires_at: Timestamp,
    /// How often the timer has looked at it since its status changed.
    pub attempts: i32,
    pub traceparent: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A hold that the seat inventory describes in words that nobody can read: its fault.
#[derive(Debug, thiserror::Error, PartialEq)]
#[error("the hold's {0} makes no sense")]
pub struct StrangeHold(pub &'static str);

/// What a hold has in it, parsed.
#[derive(Debug, PartialEq)]
pub struct Held {
    pub event_id: EventId,
    pub session_id: SessionId,
    pub seats: Vec<Seat>,
    pub areas: Vec<Area>,
    pub total: Money,
}

impl Held {
    /// # Errors
    /// [`StrangeHold`], also where there is nothing in it or it costs less than nothing.
    pub fn parse(hold: &holds::Hold) -> Result<Self, StrangeHold> {
        let money = |money: &WitMoney| {
            Money::from_wit(money)
                .ok()
                .filter(|money| money.amount >= 0)
        };
        let seat = |held: &holds::HeldSeat| {
            let price = money(&held.price)?;
            Some(Seat {
                seat: held.seat.clone(),
                category: held.category.clone(),
                price,
                flags: held.flags.clone(),
            })
        };
        let area = |held: &holds::HeldArea| {
            let price = money(&held.price)?;
            Some(Area {
                area: held.area.clone(),
                category: held.category.clone(),
                quantity: held.quantity,
                price,
            })
        };
        let held = Self {
            event_id: hold.event_id.parse().map_err(|_| StrangeHold("event"))?,
            session_id: hold
                .session_id
                .parse()
                .map_err(|_| StrangeHold("session"))?,
            seats: hold
                .seats
                .iter()
                .map(seat)
                .collect::<Option<_>>()
                .ok_or(StrangeHold("price of a seat"))?,
            areas: hold
                .areas
                .iter()
                .map(area)
                .collect::<Option<_>>()
                .ok_or(StrangeHold("price of an area"))?,
            total: money(&hold.total).ok_or(StrangeHold("total"))?,
        };
        let places = held.seats.len() as u64
            + held
                .areas
                .iter()
                .map(|area| u64::from(area.quantity))
                .sum::<u64>();
        if places == 0 {
            Err(StrangeHold("emptiness"))
        } else {
            Ok(held)
        }
    }
}

/// The one booking that a hold can become. Derived, so that a request repeated after a crash claims
/// the hold for the same booking instead of finding it claimed by one that was never written. A
/// UUIDv7 with the hold's time.
pub fn id_for(hold: HoldId) -> BookingId {
    let digest = Sha256::new()
        .chain_update(b"eventhub booking of hold ")
        .chain_update(hold.as_u128().to_be_bytes())
        .finalize();
    let mut bytes = [0u8; 16];
    bytes.copy_from_slice(&digest[..16]);
    bytes[..6].copy_from_slice(&hold.as_u128().to_be_bytes()[..6]);
    bytes[6] = 0x70 | (bytes[6] & 0x0f);
    bytes[8] = 0x80 | (bytes[8] & 0x3f);
    BookingId::from_u128(u128::from_be_bytes(bytes))
}

impl Booking {
    /// As the seat inventory speaks of them.
    pub fn places(&self) -> holds::Places {
        holds::Places {
            session_id: self.session_id.to_string(),
            seats: self.seats.iter().map(|seat| seat.seat.clone()).collect(),
            areas: self
                .areas
                .iter()
                .map(|area| (area.area.clone(), area.quantity))
                .collect(),
        }
    }

    /// As the API shows it to its owner.
    pub fn view(&self) -> Value {
        // The secret lets its bearer pay: it is shown only while there is something to pay.
        let payable = self.state.waits_for_buyer();
        let payment = self.payment.as_ref().map(|payment| {
            json!({
                "id": payment.id,
                "provider": payment.provider,
                "status": payment.status,
                "client_secret": payment.client_secret.as_ref().filter(|_| payable),
                "publishable_key": payment.publishable_key,
            })
        });
        json!({
            "id": self.id,
            "status": self.state.status,
            "event_id": self.event_id,
            "session_id": self.session_id,
            "hold_id": self.hold_id,
            "seats": self.seats,
            "areas": self.areas,
            "total": self.total,
            "payment": payment,
            "failure": self.failure,
            "expires_at": self.expires_at,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
        })
    }

    /// What others are told of it. No secret, no personal data; `seats` and `areas` are left out
    /// where there are none.
    pub fn announcement(&self) -> Value {
        let mut told = json!({
            "booking_id": self.id,
            "user_id": self.user_id,
            "event_id": self.event_id,
            "session_id": self.session_id,
            "hold_id": self.hold_id,
            "status": self.state.status,
            "total": self.total,
        });
        if !self.seats.is_empty() {
            told["seats"] = self.seats.iter().map(|seat| &*seat.seat).collect();
        }
        if !self.areas.is_empty() {
            told["areas"] = self
                .areas
                .iter()
                .map(|area| json!({"area": area.area, "quantity": area.quantity}))
                .collect();
        }
        told
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::domain::saga::{MoneyState, PaymentStatus, Places, Status};

    pub fn booking() -> Booking {
        let eur = |amount| Money::new(amount, "EUR".parse().unwrap());
        let hold_id = HoldId::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);
        Booking {
            id: id_for(hold_id),
            user_id: UserId::from_u128(2),
            event_id: EventId::from_u128(3),
            session_id: SessionId::from_u128(4),
            hold_id,
            state: State {
                status: Status::Pending,
                places: Places::None,
                money: MoneyState::None,
                free_of_charge: false,
            },
            version: 1,
            fence: 7,
            seats: vec![Seat {
                seat: "A-1-14".into(),
                category: "stalls".into(),
                price: eur(4500),
                flags: vec![],
            }],
            areas: vec![Area {
                area: "floor".into(),
                category: "standing".into(),
                quantity: 2,
                price: eur(1000),
            }],
            total: eur(6500),
            provider: "stripe".into(),
            payment: None,
            failure: None,
            contact: None,
            attendees: vec![],
            idempotency_key: "key-1".into(),
            expires_at: Timestamp::from_micros(600_000_000),
            attempts: 0,
            traceparent: String::new(),
            created_at: Timestamp::from_micros(0),
            updated_at: Timestamp::from_micros(0),
        }
    }

    #[test]
    fn one_hold_makes_one_booking_id_that_is_a_uuid_v7_of_the_same_time() {
        let hold = HoldId::new();
        let id = id_for(hold);
        assert_eq!(id, id_for(hold));
        assert_ne!(id, id_for(HoldId::from_u128(hold.as_u128() ^ 1)));
        let uuid = uuid::Uuid::from_u128(id.as_u128());
        assert_eq!(
            (uuid.get_version_num(), uuid.get_variant()),
            (7, uuid::Variant::RFC4122)
        );
        assert_eq!(id.as_u128() >> 80, hold.as_u128() >> 80);
    }

    #[test]
    fn the_secret_is_shown_only_while_there_is_something_to_pay() {
        let mut booking = booking();
        let secret = Some("pi_1_secret_2".to_string());
        booking.payment = Some(Payment {
            id: "pay_1".into(),
            provider: "stripe".into(),
            status: PaymentStatus::RequiresPayment,
            client_secret: secret,
            publishable_key: Some("pk_1".into()),
        });
        assert_eq!(booking.view()["payment"]["client_secret"], Value::Null);
        booking.state = State {
            status: Status::AwaitingPayment,
            places: Places::Reserved,
            money: MoneyState::Requested,
            free_of_charge: false,
        };
        assert_eq!(booking.view()["payment"]["client_secret"], "pi_1_secret_2");
        booking.state.money = MoneyState::Captured;
        assert_eq!(booking.view()["payment"]["client_secret"], Value::Null);
        assert!(!booking.announcement().to_string().contains("secret"));
    }

    #[test]
    fn a_booking_has_the_members_of_the_contract() {
        let view = booking().view();
        let mut members: Vec<_> = view
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        members.sort_unstable();
        let expected = [
            "areas",
            "created_at",
            "event_id",
            "expires_at",
            "failure",
            "hold_id",
            "id",
            "payment",
            "seats",
            "session_id",
            "status",
            "total",
            "updated_at",
        ];
        assert_eq!(members, expected);
        assert_eq!(
            view["seats"][0],
            json!({"seat": "A-1-14", "category": "stalls", "price": {"amount": 4500, "currency": "EUR"}, "flags": []})
        );
    }

    #[test]
    fn a_hold_with_nothing_in_it_or_a_price_below_nothing_is_not_booked() {
        let price = |amount| eventhub_guest::bindings::eventhub::common::types::Money {
            amount,
            currency: "EUR".into(),
        };
        let seat = |amount| holds::HeldSeat {
            seat: "A-1-1".into(),
            category: "a".into(),
            price: price(amount),
            flags: vec![],
        };
        let hold = |seats, total| holds::Hold {
            id: HoldId::from_u128(1).to_string(),
            user_id: UserId::from_u128(1).to_string(),
            session_id: SessionId::from_u128(1).to_string(),
            event_id: EventId::from_u128(1).to_string(),
            seats,
            areas: vec![],
            total: price(total),
            expires_at: 0,
            fence: 1,
        };
        assert!(Held::parse(&hold(vec![seat(5)], 5)).is_ok());
        assert_eq!(Held::parse(&hold(vec![], 0)), Err(StrangeHold("emptiness")));
        assert_eq!(
            Held::parse(&hold(vec![seat(-5)], 5)),
            Err(StrangeHold("price of a seat"))
        );
        assert_eq!(
            Held::parse(&hold(vec![seat(5)], -5)),
            Err(StrangeHold("total"))
        );
    }
}

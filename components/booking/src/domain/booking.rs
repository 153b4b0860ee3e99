//! A booking: the places, the buyer, the price, the state; and how its owner sees it.

use eventhub_facts::{AreaQuantity, BookingDetails};
use eventhub_guest::ids::{BookingId, EventId, HoldId, SessionId, UserId};
use eventhub_guest::{Money, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::new_booking::{Attendee, Contact};
use super::payment::Payment;
use super::saga::State;

/// A seat as it was held, and as the booking stores it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Seat {
    /// Seat key: `A-1-14`.
    pub seat: String,
    /// Its index in the layout; none in bookings that were stored before holds had it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seat_index: Option<u32>,
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

/// Why a booking failed, or why the last attempt to pay for it did.
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

/// One purchase of the places of one hold.
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
    /// How often the timer has polled it since its status changed.
    pub attempts: i32,
    pub traceparent: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// The id of the one booking that a hold can become. It is derived from the hold's id, so that a
/// request that is repeated after a crash binds the hold to the same booking, instead of finding it
/// bound to one that was never written. A UUIDv7 with the hold's time.
pub fn booking_id_of_hold(hold: HoldId) -> BookingId {
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
        // Without the seat's index, which only services exchange.
        let seat = |seat: &Seat| {
            json!({
                "seat": seat.seat,
                "category": seat.category,
                "price": seat.price,
                "flags": seat.flags,
            })
        };
        let seats: Vec<Value> = self.seats.iter().map(seat).collect();
        json!({
            "id": self.id,
            "status": self.state.status,
            "event_id": self.event_id,
            "session_id": self.session_id,
            "hold_id": self.hold_id,
            "seats": seats,
            "areas": self.areas,
            "total": self.total,
            "payment": payment,
            "failure": self.failure,
            "expires_at": self.expires_at,
            "created_at": self.created_at,
            "updated_at": self.updated_at,
        })
    }

    /// The members of the facts about it: no secret, no personal data.
    pub fn details(&self) -> BookingDetails {
        BookingDetails {
            booking_id: self.id,
            user_id: self.user_id,
            event_id: self.event_id,
            session_id: self.session_id,
            hold_id: self.hold_id,
            status: self.state.status.into_str().into(),
            total: self.total,
            seats: self.seats.iter().map(|seat| seat.seat.clone()).collect(),
            areas: self
                .areas
                .iter()
                .map(|area| AreaQuantity {
                    area: area.area.clone(),
                    quantity: area.quantity,
                })
                .collect(),
        }
    }
}

#[cfg(test)]
pub mod tests {
    use eventhub_guest::ids::PaymentId;

    use super::*;
    use crate::domain::payment::PaymentStatus;
    use crate::domain::saga::{MoneyState, Places, Status};

    pub fn booking() -> Booking {
        let eur = |amount| Money::new(amount, "EUR".parse().unwrap());
        let hold_id = HoldId::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);
        Booking {
            id: booking_id_of_hold(hold_id),
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
                seat_index: Some(13),
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
    fn a_hold_has_one_booking_id_a_uuid_v7_of_its_time() {
        let hold = HoldId::new();
        let id = booking_id_of_hold(hold);
        assert_eq!(id, booking_id_of_hold(hold));
        assert_ne!(
            id,
            booking_id_of_hold(HoldId::from_u128(hold.as_u128() ^ 1))
        );
        let uuid = uuid::Uuid::from_u128(id.as_u128());
        assert_eq!(
            (uuid.get_version_num(), uuid.get_variant()),
            (7, uuid::Variant::RFC4122)
        );
        assert_eq!(id.as_u128() >> 80, hold.as_u128() >> 80);
    }

    #[test]
    fn the_secret_is_shown_only_while_the_buyer_must_pay() {
        let mut booking = booking();
        let secret = Some("pi_1_secret_2".to_string());
        booking.payment = Some(Payment {
            id: PaymentId::from_u128(1),
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
        let details = serde_json::to_string(&booking.details()).unwrap();
        assert!(!details.contains("secret"), "{details}");
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
    fn a_stored_seat_may_lack_its_index() {
        let old = json!({"seat": "A-1-14", "category": "stalls", "price": {"amount": 1, "currency": "EUR"}, "flags": []});
        let seat: Seat = serde_json::from_value(old.clone()).unwrap();
        assert_eq!(seat.seat_index, None);
        assert_eq!(serde_json::to_value(&seat).unwrap(), old);
        let new = serde_json::to_value(&booking().seats[0]).unwrap();
        assert_eq!(new["seat_index"], 13);
    }
}

//! Facts about bookings. Published by the booking service.

use eventhub_guest::Money;
use eventhub_guest::ids::{BookingId, EventId, HoldId, SessionId, UserId};
use serde::{Deserialize, Serialize};

/// The members of all facts about a booking.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub struct BookingDetails {
    pub booking_id: BookingId,
    pub user_id: UserId,
    pub event_id: EventId,
    pub session_id: SessionId,
    pub hold_id: HoldId,
    /// As in the API: `confirmed`.
    pub status: String,
    pub total: Money,
    /// Seat keys; absent where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seats: Vec<String>,
    /// Absent where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub areas: Vec<AreaQuantity>,
}

/// So many places of an area.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub struct AreaQuantity {
    pub area: String,
    pub quantity: u32,
}

same_members! {
    BookingDetails {
        booking_id: BookingId::from_u128(1),
        user_id: UserId::from_u128(2),
        event_id: EventId::from_u128(3),
        session_id: SessionId::from_u128(4),
        hold_id: HoldId::from_u128(5),
        status: "confirmed".into(),
        total: Money { amount: 4500, currency: "EUR".parse()? },
        seats: vec!["A-1-14".into()],
        areas: vec![AreaQuantity { area: "floor".into(), quantity: 2 }],
    }:
    BookingCreated BookingConfirmed BookingCancelled BookingExpired BookingFailed BookingRefunded
}

facts! {
    "booking";
    /// A booking waits for its seats and its payment.
    BookingCreated keyed by details.booking_id;
    /// A booking is paid, and its tickets are issued.
    BookingConfirmed keyed by details.booking_id;
    /// The buyer cancelled a booking before it was paid.
    BookingCancelled keyed by details.booking_id;
    /// A booking was not paid in time.
    BookingExpired keyed by details.booking_id;
    /// A booking ended because its seats or its payment were refused.
    BookingFailed keyed by details.booking_id;
    /// The money of a booking was given back.
    BookingRefunded keyed by details.booking_id;
}

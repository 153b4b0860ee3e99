//! A hold: as Redis keeps it (the record and its body), and as clients see it.

use eventhub_guest::ids::{BookingId, HoldId, SessionId, UserId};
use eventhub_guest::{Currency, Money, Timestamp};
use serde::{Deserialize, Serialize};

use super::sale::Sale;
use crate::bindings::eventhub::seat_lock::lock::Selection;

/// Flags of seats, as the contract names them; bit i of a stored seat's flags is flag i.
const FLAGS: [&str; 4] = ["accessible", "companion", "restricted_view", "aisle"];

/// What is held, with the prices of that moment; scripts never look inside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    #[serde(rename = "c")]
    pub currency: Currency,
    #[serde(rename = "s")]
    pub seats: Vec<Seat>,
    #[serde(rename = "a")]
    pub areas: Vec<Area>,
}

/// Key, category, price, flags: as an array, since there are many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seat(pub String, pub String, pub i64, u8);

/// Area, category, quantity, price of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Area(pub String, pub String, pub u32, pub i64);

/// No price for a category, or a sum that does not fit: opening the sale should have ruled it out.
#[derive(Debug, thiserror::Error)]
#[error("no price for category {0}, or prices too large")]
pub struct Unpriced(String);

impl Body {
    /// A selection with the prices of its session.
    pub fn priced(sale: &Sale, selection: &Selection) -> Result<Self, Unpriced> {
        let price = |category: &String| {
            sale.price(category)
                .ok_or_else(|| Unpriced(category.clone()))
        };
        let seats = selection.seats.iter().map(|place| {
            let bits = FLAGS
                .iter()
                .enumerate()
                .filter(|(_, flag)| place.flags.iter().any(|has| has == *flag));
            let bits = bits.fold(0, |bits, (at, _)| bits | 1 << at);
            Ok(Seat(
                place.seat.clone(),
                place.category.clone(),
                price(&place.category)?,
                bits,
            ))
        });
        let areas = selection.areas.iter().map(|area| {
            Ok(Area(
                area.area.clone(),
                area.category.clone(),
                area.quantity,
                price(&area.category)?,
            ))
        });
        let body = Self {
            currency: sale.currency,
            seats: seats.collect::<Result<_, _>>()?,
            areas: areas.collect::<Result<_, _>>()?,
        };
        body.total()
            .map(|_| body)
            .ok_or_else(|| Unpriced("of all".into()))
    }

    /// Whether the seat of this key is held.
    pub fn has_seat(&self, key: &str) -> bool {
        self.seats.iter().any(|seat| seat.0 == key)
    }

    pub fn total(&self) -> Option<Money> {
        let seats = self
            .seats
            .iter()
            .map(|seat| Some(Money::new(seat.2, self.currency)));
        let areas = self
            .areas
            .iter()
            .map(|area| Money::new(area.3, self.currency).times(area.2));
        seats
            .chain(areas)
            .try_fold(Money::new(0, self.currency), |sum, price| sum.plus(price?))
    }
}

impl Seat {
    pub fn flags(&self) -> Vec<&'static str> {
        FLAGS
            .into_iter()
            .enumerate()
            .filter(|(at, _)| self.3 >> at & 1 == 1)
            .map(|(_, flag)| flag)
            .collect()
    }
}

/// A hold as it stands in Redis: the scripts write it, `library.lua` has its form.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    status: Status,
    user: UserId,
    booking: Option<BookingId>,
    fence: i64,
    expires_ms: i64,
    /// Until when its places are held; before its end where a booking has claimed it and has not
    /// reserved yet.
    due_ms: i64,
    extended: bool,
    body: Body,
}

/// As the contract has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Active,
    Expired,
    Released,
    Booked,
}

/// A hold at a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Hold {
    pub id: HoldId,
    pub user: UserId,
    pub booking: Option<BookingId>,
    pub fence: i64,
    pub expires_at: Timestamp,
    pub extended: bool,
    pub status: Status,
    pub body: Body,
}

impl Record {
    /// None where it is no record.
    pub fn parse(text: &str) -> Option<Self> {
        // counted|status|user|booking|fence|expires|due|extended|quantity|seats|areas|body
        let parts: Vec<&str> = text.splitn(12, '|').collect();
        let [
            _,
            status,
            user,
            booking,
            fence,
            expires,
            due,
            extended,
            _,
            _,
            _,
            body,
        ] = parts[..]
        else {
            return None;
        };
        let status = match status {
            "active" => Status::Active,
            "expired" => Status::Expired,
            "released" => Status::Released,
            "booked" => Status::Booked,
            _ => return None,
        };
        let booking = if booking.is_empty() {
            None
        } else {
            Some(booking.parse().ok()?)
        };
        Some(Self {
            status,
            user: user.parse().ok()?,
            booking,
            fence: fence.parse().ok()?,
            expires_ms: expires.parse().ok()?,
            due_ms: due.parse().ok()?,
            extended: extended == "1",
            body: serde_json::from_str(body).ok()?,
        })
    }

    /// The hold at that moment of Redis' clock: what is past has expired, whether or not it was
    /// swept.
    pub fn at(self, id: HoldId, now_ms: i64) -> Hold {
        let ends = match self.status {
            Status::Active => true,
            // Its booking was not written, or does not reserve.
            Status::Booked => self.due_ms < self.expires_ms,
            Status::Expired | Status::Released => false,
        };
        let status = if ends && self.due_ms <= now_ms {
            Status::Expired
        } else {
            self.status
        };
        Hold {
            id,
            user: self.user,
            booking: self.booking,
            fence: self.fence,
            expires_at: at_ms(self.expires_ms),
            extended: self.extended,
            status,
            body: self.body,
        }
    }
}

/// A time of Redis' clock.
pub fn at_ms(ms: i64) -> Timestamp {
    Timestamp::from_micros(ms.saturating_mul(1000))
}

/// A hold as JSON.
#[derive(Debug, Serialize)]
pub struct View {
    id: HoldId,
    session_id: SessionId,
    seats: Vec<SeatView>,
    areas: Vec<AreaView>,
    total: Money,
    expires_at: Timestamp,
    extended: bool,
    status: Status,
}

#[derive(Debug, Serialize)]
struct SeatView {
    seat: String,
    category: String,
    price: Money,
    flags: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
struct AreaView {
    area: String,
    category: String,
    quantity: u32,
    price: Money,
}

impl Hold {
    pub fn view(self, session: SessionId) -> View {
        let total = self
            .body
            .total()
            .unwrap_or(Money::new(0, self.body.currency));
        let money = |amount| Money::new(amount, self.body.currency);
        let seats = self.body.seats.into_iter().map(|seat| {
            let flags = seat.flags();
            SeatView {
                seat: seat.0,
                category: seat.1,
                price: money(seat.2),
                flags,
            }
        });
        let areas = self.body.areas.into_iter().map(|area| AreaView {
            area: area.0,
            category: area.1,
            quantity: area.2,
            price: money(area.3),
        });
        View {
            id: self.id,
            session_id: session,
            seats: seats.collect(),
            areas: areas.collect(),
            total,
            expires_at: self.expires_at,
            extended: self.extended,
            status: self.status,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{"c":"EUR","s":[["A-1-1","stalls",4500,9],["A-1-2","stalls",4500,0]],"a":[["floor","standing",3,1000]]}"#;

    #[test]
    fn the_total_is_the_sum_of_all_places() {
        let body: Body = serde_json::from_str(BODY).unwrap();
        assert_eq!(body.total().unwrap().amount, 12_000);
        assert_eq!(body.seats[0].flags(), ["accessible", "aisle"]);
    }

    #[test]
    fn an_active_hold_expires_by_itself_and_a_booked_one_only_until_its_booking_reserves() {
        let user = UserId::from_u128(5);
        let due = |status: &str, due: i64| {
            Record::parse(&format!(
                "1|{status}|{user}||17|2000|{due}|0|2|1,2|floor=3|{BODY}"
            ))
            .unwrap()
        };
        let record = |status: &str| due(status, 2000);
        let id = HoldId::from_u128(9);
        assert_eq!(record("active").at(id, 1999).status, Status::Active);
        assert_eq!(record("active").at(id, 2000).status, Status::Expired);
        assert_eq!(record("booked").at(id, 3000).status, Status::Booked);
        assert_eq!(due("booked", 1000).at(id, 999).status, Status::Booked);
        assert_eq!(due("booked", 1000).at(id, 1000).status, Status::Expired);
        assert_eq!(due("released", 1000).at(id, 1000).status, Status::Released);
        assert_eq!(
            Record::parse("1|active|nobody||17|2000|2000|0|2|1,2||{}"),
            None
        );
        assert_eq!(Record::parse(""), None);
    }

    #[test]
    fn clients_see_a_hold_as_the_contract_has_it() {
        let user = UserId::from_u128(5);
        let record = Record::parse(&format!(
            "1|active|{user}||17|1777660200000|1777660200000|1|5|1,2|floor=3|{BODY}"
        ))
        .unwrap();
        let view = record
            .at(HoldId::from_u128(9), 0)
            .view(SessionId::from_u128(3));
        let expected = serde_json::json!({
            "id": HoldId::from_u128(9).to_string(), "session_id": SessionId::from_u128(3).to_string(),
            "seats": [
                {"seat": "A-1-1", "category": "stalls", "price": {"amount": 4500, "currency": "EUR"}, "flags": ["accessible", "aisle"]},
                {"seat": "A-1-2", "category": "stalls", "price": {"amount": 4500, "currency": "EUR"}, "flags": []}],
            "areas": [{"area": "floor", "category": "standing", "quantity": 3, "price": {"amount": 1000, "currency": "EUR"}}],
            "total": {"amount": 12000, "currency": "EUR"}, "expires_at": "2026-05-01T18:30:00Z", "extended": true, "status": "active",
        });
        assert_eq!(serde_json::to_value(view).unwrap(), expected);
    }
}

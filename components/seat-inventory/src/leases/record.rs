//! A hold as it stands in Redis. The scripts write the record (`library.lua` has its form); its last
//! part, the places with their prices, is JSON that they never look into.

use std::borrow::Cow;

use eventhub_guest::Currency;
use eventhub_guest::ids::{BookingId, HoldId, UserId};
use serde::{Deserialize, Serialize};

use crate::domain::flags::Flags;
use crate::domain::hold::{HeldArea, HeldPlaces, HeldSeat, Hold, Status, time_from_millis};

/// The places without the indexes of the seats, which the record has.
#[derive(Serialize, Deserialize)]
struct StoredPlaces<'a> {
    #[serde(rename = "c")]
    currency: Currency,
    #[serde(rename = "s", borrow)]
    seats: Vec<StoredSeat<'a>>,
    #[serde(rename = "a", borrow)]
    areas: Vec<StoredArea<'a>>,
}

/// Key, category, price, flags: an array, since there are many.
#[derive(Serialize, Deserialize)]
struct StoredSeat<'a>(
    #[serde(borrow)] Cow<'a, str>,
    #[serde(borrow)] Cow<'a, str>,
    i64,
    u8,
);

/// Area, category, quantity, price of one.
#[derive(Serialize, Deserialize)]
struct StoredArea<'a>(
    #[serde(borrow)] Cow<'a, str>,
    #[serde(borrow)] Cow<'a, str>,
    u32,
    i64,
);

/// The JSON of a record's places.
///
/// # Errors
/// They cannot be written as JSON.
pub fn write_places(places: &HeldPlaces) -> Result<String, serde_json::Error> {
    let seats = places.seats.iter().map(|held| {
        StoredSeat(
            held.seat.as_str().into(),
            held.category.as_str().into(),
            held.price,
            held.flags.0,
        )
    });
    let areas = places.areas.iter().map(|held| {
        StoredArea(
            held.area.as_str().into(),
            held.category.as_str().into(),
            held.quantity,
            held.price,
        )
    });
    serde_json::to_string(&StoredPlaces {
        currency: places.currency,
        seats: seats.collect(),
        areas: areas.collect(),
    })
}

fn read_places(text: &str, indexes: &str) -> Option<HeldPlaces> {
    let stored: StoredPlaces = serde_json::from_str(text).ok()?;
    let indexes = indexes.split(',').filter(|index| !index.is_empty());
    let indexes: Vec<u32> = indexes
        .map(|index| index.parse().ok())
        .collect::<Option<_>>()?;
    if indexes.len() != stored.seats.len() {
        return None;
    }
    let seats = stored.seats.into_iter().zip(indexes);
    let seats = seats.map(
        |(StoredSeat(seat, category, price, flags), index)| HeldSeat {
            index,
            seat: seat.into_owned(),
            category: category.into_owned(),
            price,
            flags: Flags(flags),
        },
    );
    let areas = stored.areas.into_iter();
    let areas = areas.map(|StoredArea(area, category, quantity, price)| HeldArea {
        area: area.into_owned(),
        category: category.into_owned(),
        quantity,
        price,
    });
    Some(HeldPlaces {
        currency: stored.currency,
        seats: seats.collect(),
        areas: areas.collect(),
    })
}

/// A record.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    status: Status,
    user: UserId,
    booking: Option<BookingId>,
    fence: i64,
    expires_ms: i64,
    /// Until when its places are held; see [`Status::at`].
    due_ms: i64,
    extended: bool,
    places: HeldPlaces,
}

impl Record {
    /// None where the text is no record.
    pub fn parse(text: &str) -> Option<Self> {
        // counted|status|user|booking|fence|expires|due|extended|quantity|seats|areas|places
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
            seats,
            _,
            places,
        ] = parts[..]
        else {
            return None;
        };
        let booking = if booking.is_empty() {
            None
        } else {
            Some(booking.parse().ok()?)
        };
        Some(Self {
            status: status.parse().ok()?,
            user: user.parse().ok()?,
            booking,
            fence: fence.parse().ok()?,
            expires_ms: expires.parse().ok()?,
            due_ms: due.parse().ok()?,
            extended: extended == "1",
            places: read_places(places, seats)?,
        })
    }

    /// The hold at that moment of Redis' clock.
    pub fn at(self, id: HoldId, now_ms: i64) -> Hold {
        let status = self.status.at(self.due_ms, self.expires_ms, now_ms);
        Hold {
            status,
            ..self.found_alive(id)
        }
    }

    /// The hold whose script has just found that its time is not over.
    pub fn found_alive(self, id: HoldId) -> Hold {
        Hold {
            id,
            user: self.user,
            booking: self.booking,
            fence: self.fence,
            expires_at: time_from_millis(self.expires_ms),
            extended: self.extended,
            status: self.status,
            places: self.places,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACES: &str = r#"{"c":"EUR","s":[["A-1-1","stalls",4500,9],["A-1-2","stalls",4500,0]],"a":[["floor","standing",3,1000]]}"#;

    fn record(status: &str, due: i64) -> Record {
        let user = UserId::from_u128(5);
        let text = format!("1|{status}|{user}||17|2000|{due}|0|5|7,8|floor=3|{PLACES}");
        Record::parse(&text).unwrap()
    }

    #[test]
    fn a_record_keeps_its_places() {
        let hold = record("active", 2000).found_alive(HoldId::from_u128(9));
        let seat = &hold.places.seats[0];
        assert_eq!(
            (seat.index, seat.seat.as_str(), seat.price),
            (7, "A-1-1", 4500)
        );
        assert_eq!(
            seat.flags.names().collect::<Vec<_>>(),
            ["accessible", "aisle"]
        );
        assert_eq!(hold.places.total().unwrap().amount, 12_000);
        assert_eq!(write_places(&hold.places).unwrap(), PLACES);
    }

    #[test]
    fn a_record_expires_by_itself() {
        let id = HoldId::from_u128(9);
        assert_eq!(record("active", 2000).at(id, 1999).status, Status::Active);
        assert_eq!(record("active", 2000).at(id, 2000).status, Status::Expired);
        assert_eq!(record("booked", 1000).at(id, 1000).status, Status::Expired);
        assert_eq!(
            record("booked", 1000).found_alive(id).status,
            Status::Booked
        );
    }

    #[test]
    fn other_text_is_no_record() {
        let user = UserId::from_u128(5);
        for text in [
            String::new(),
            "1|active|nobody||17|2000|2000|0|2|1,2||{}".into(),
            format!("1|asleep|{user}||17|2000|2000|0|5|7,8|floor=3|{PLACES}"),
            format!("1|active|{user}||17|2000|2000|0|5|7|floor=3|{PLACES}"),
        ] {
            assert_eq!(Record::parse(&text), None, "{text}");
        }
    }
}

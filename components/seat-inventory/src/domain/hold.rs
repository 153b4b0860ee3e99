//! A hold: the places of one buyer, with the prices of that moment, for some minutes.

use eventhub_guest::ids::{BookingId, HoldId, UserId};
use eventhub_guest::{Currency, Money, Timestamp};

use super::flags::Flags;
use super::sale::Sale;
use super::selection::Selection;

/// What is held, with the prices of the moment when it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldPlaces {
    pub currency: Currency,
    pub seats: Vec<HeldSeat>,
    pub areas: Vec<HeldArea>,
}

/// One seat of a hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldSeat {
    /// In the layout.
    pub index: u32,
    /// Its key.
    pub seat: String,
    pub category: String,
    /// Minor units.
    pub price: i64,
    pub flags: Flags,
}

/// Places of one area of a hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldArea {
    pub area: String,
    pub category: String,
    pub quantity: u32,
    /// Of one place, in minor units.
    pub price: i64,
}

/// No price for a category, or a sum that does not fit: opening the sale should have ruled it out.
#[derive(Debug, thiserror::Error)]
#[error("category {0} has no price, or the prices are too large")]
pub struct Unpriced(String);

impl HeldPlaces {
    /// A selection with the prices of its session.
    ///
    /// # Errors
    /// A category has no price, or the total does not fit.
    pub fn price_selection(sale: &Sale, selection: Selection) -> Result<Self, Unpriced> {
        let price = |category: &str| {
            sale.price(category)
                .ok_or_else(|| Unpriced(category.to_string()))
        };
        let seats = selection.seats.into_iter().map(|place| {
            Ok(HeldSeat {
                price: price(&place.category)?,
                index: place.index,
                seat: place.seat,
                category: place.category,
                flags: place.flags,
            })
        });
        let areas = selection.areas.into_iter().map(|place| {
            Ok(HeldArea {
                price: price(&place.category)?,
                area: place.area,
                category: place.category,
                quantity: place.quantity,
            })
        });
        let places = Self {
            currency: sale.currency,
            seats: seats.collect::<Result<_, _>>()?,
            areas: areas.collect::<Result<_, _>>()?,
        };
        match places.total() {
            Some(_) => Ok(places),
            None => Err(Unpriced("of all".into())),
        }
    }

    /// Those of the seat keys that are not held here.
    pub fn missing_seats(&self, keys: &[String]) -> Vec<String> {
        let is_held = |key: &String| self.seats.iter().any(|held| held.seat == *key);
        keys.iter().filter(|key| !is_held(key)).cloned().collect()
    }

    /// The sum of all prices; none where it does not fit.
    pub fn total(&self) -> Option<Money> {
        let seats = self
            .seats
            .iter()
            .map(|seat| Some(Money::new(seat.price, self.currency)));
        let areas = self
            .areas
            .iter()
            .map(|area| Money::new(area.price, self.currency).times(area.quantity));
        seats
            .chain(areas)
            .try_fold(Money::new(0, self.currency), |sum, price| sum.plus(price?))
    }
}

/// As the contract has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Status {
    Active,
    Expired,
    Released,
    Booked,
}

impl Status {
    /// What a stored status means at a time. A hold whose time is over has expired, whether or not
    /// it was swept. `due_ms`: until when its places are held. `expires_ms`: until when they are to
    /// be held; later than `due_ms` where a booking is bound to the hold and has not reserved yet.
    #[must_use]
    pub fn at(self, due_ms: i64, expires_ms: i64, now_ms: i64) -> Self {
        let can_expire = match self {
            Status::Active => true,
            // Its booking was not written, or does not reserve.
            Status::Booked => due_ms < expires_ms,
            Status::Expired | Status::Released => false,
        };
        if can_expire && due_ms <= now_ms {
            Status::Expired
        } else {
            self
        }
    }
}

/// A hold at a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Hold {
    pub id: HoldId,
    pub user: UserId,
    /// The booking that it is bound to.
    pub booking: Option<BookingId>,
    /// Rises with every hold of the session.
    pub fence: i64,
    pub expires_at: Timestamp,
    pub extended: bool,
    pub status: Status,
    pub places: HeldPlaces,
}

/// A time of Redis' clock, which counts milliseconds.
pub fn time_from_millis(ms: i64) -> Timestamp {
    Timestamp::from_micros(ms.saturating_mul(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> HeldPlaces {
        let seat = |index, seat: &str| HeldSeat {
            index,
            seat: seat.into(),
            category: "stalls".into(),
            price: 4500,
            flags: Flags::default(),
        };
        HeldPlaces {
            currency: "EUR".parse().unwrap(),
            seats: vec![seat(1, "A-1-1"), seat(2, "A-1-2")],
            areas: vec![HeldArea {
                area: "floor".into(),
                category: "standing".into(),
                quantity: 3,
                price: 1000,
            }],
        }
    }

    #[test]
    fn the_total_is_the_sum_of_all_places() {
        assert_eq!(places().total().unwrap().amount, 12_000);
        let mut large = places();
        large.areas[0].price = i64::MAX;
        assert_eq!(large.total(), None);
    }

    #[test]
    fn seats_that_are_not_held_are_missing() {
        let keys = ["A-1-2", "A-1-3", "floor"].map(String::from);
        assert_eq!(places().missing_seats(&keys), ["A-1-3", "floor"]);
    }

    #[test]
    fn an_unreserved_hold_expires_by_itself() {
        let at = |status: Status, due, now| status.at(due, 2000, now);
        assert_eq!(at(Status::Active, 2000, 1999), Status::Active);
        assert_eq!(at(Status::Active, 2000, 2000), Status::Expired);
        assert_eq!(at(Status::Booked, 2000, 3000), Status::Booked);
        assert_eq!(at(Status::Booked, 1000, 999), Status::Booked);
        assert_eq!(at(Status::Booked, 1000, 1000), Status::Expired);
        assert_eq!(at(Status::Released, 1000, 1000), Status::Released);
    }
}

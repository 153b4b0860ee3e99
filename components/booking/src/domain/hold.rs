//! A hold of the seat inventory, which a booking is made of.

use eventhub_guest::Money;
use eventhub_guest::ids::{EventId, SessionId};

use super::booking::{Area, Seat};

/// The contents of a hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Hold {
    pub event_id: EventId,
    pub session_id: SessionId,
    pub seats: Vec<Seat>,
    pub areas: Vec<Area>,
    pub total: Money,
    /// Rises with every hold of the session.
    pub fence: i64,
}

/// A hold that cannot be booked, because the seat inventory describes it wrongly. Names the part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the seat inventory describes a hold with an invalid {0}")]
pub struct InvalidHold(pub &'static str);

impl Hold {
    /// Checks that the hold has places and no price below zero.
    ///
    /// # Errors
    /// [`InvalidHold`] otherwise.
    pub fn check(self) -> Result<Self, InvalidHold> {
        let require = |holds: bool, part| {
            if holds {
                Ok(())
            } else {
                Err(InvalidHold(part))
            }
        };
        require(
            self.seats.iter().all(|seat| seat.price.amount >= 0),
            "price of a seat",
        )?;
        require(
            self.areas.iter().all(|area| area.price.amount >= 0),
            "price of an area",
        )?;
        require(self.total.amount >= 0, "total")?;
        let has_places = !self.seats.is_empty() || self.areas.iter().any(|area| area.quantity > 0);
        require(has_places, "list of places")?;
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_without_places_or_below_zero_is_not_booked() {
        let price = |amount| Money::new(amount, "EUR".parse().unwrap());
        let seat = |amount| Seat {
            seat: "A-1-1".into(),
            seat_index: Some(0),
            category: "a".into(),
            price: price(amount),
            flags: vec![],
        };
        let area = |quantity, amount| Area {
            area: "floor".into(),
            category: "b".into(),
            quantity,
            price: price(amount),
        };
        let hold = |seats, areas, total| Hold {
            event_id: EventId::from_u128(1),
            session_id: SessionId::from_u128(1),
            seats,
            areas,
            total: price(total),
            fence: 1,
        };
        assert!(hold(vec![seat(5)], vec![], 5).check().is_ok());
        assert!(hold(vec![], vec![area(1, 0)], 0).check().is_ok());
        for (hold, part) in [
            (hold(vec![], vec![], 0), "list of places"),
            (hold(vec![], vec![area(0, 1)], 0), "list of places"),
            (hold(vec![seat(-5)], vec![], 5), "price of a seat"),
            (hold(vec![], vec![area(1, -5)], 5), "price of an area"),
            (hold(vec![seat(5)], vec![], -5), "total"),
        ] {
            assert_eq!(hold.check(), Err(InvalidHold(part)));
        }
    }
}

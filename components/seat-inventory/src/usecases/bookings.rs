//! What a booking does with a hold: binds it in Redis, then reserves, confirms or releases its
//! places in PostgreSQL. PostgreSQL decides; Redis hears of it afterwards. A claim that Redis misses
//! arrives with the next load. Redis must hear of freed places, because no load ends the lease of a
//! hold.

use std::rc::Rc;

use eventhub_guest::ids::{BookingId, HoldId, SessionId, UserId};
use eventhub_guest::{Timestamp, sql};

use super::Inventory;
use super::live::notify;
use crate::domain::claims::Places;
use crate::domain::hold::Hold;
use crate::domain::sale::{Phase, Sale};
use crate::error::Error;
use crate::leases::{self, ChangeOutcome, Place, ReturnedSeats, ScriptCall, Settlement};
use crate::store::claims::{self, Standing};

/// A second call for the same booking may be under way; then the first try finds nothing in its way
/// but itself.
const TRIES: usize = 3;

impl Inventory {
    /// Binds a hold to a booking. It lasts until `until` once the booking reserves; before that it
    /// lasts a short while, because the booking may never be written. `seats`: those that the
    /// booking names.
    pub fn bind_hold(
        &self,
        id: HoldId,
        user: UserId,
        booking: BookingId,
        until: Timestamp,
        seats: &[String],
    ) -> Result<(Hold, Rc<Sale>), Error> {
        if !seats.is_empty() {
            let missing = self.find_hold(id, user)?.0.places.missing_seats(seats);
            if !missing.is_empty() {
                return Err(Error::NotInHold(missing));
            }
        }
        let sale = self.sale_of_hold(id)?;
        if sale.closed {
            return Err(Error::NotOnSale(Phase::Closed));
        }
        let call = leases::bind_hold(
            sale.number,
            id,
            user,
            booking,
            until.millis(),
            self.config.bound_ttl_ms,
        );
        match call.run()? {
            ChangeOutcome::Missing => Err(Error::NotFound("hold")),
            ChangeOutcome::Ended => Err(Error::Expired),
            ChangeOutcome::Booked => Err(Error::AlreadyBooked),
            ChangeOutcome::Closed => Err(Error::NotOnSale(Phase::Closed)),
            ChangeOutcome::Changed(Some(record)) => Ok((record.found_alive(id), sale)),
            other => Err(Error::Internal(format!(
                "binding a hold was answered {other:?}"
            ))),
        }
    }

    /// Claims all places of a booking in PostgreSQL, or none.
    pub fn reserve(
        &self,
        booking: BookingId,
        hold: HoldId,
        session: SessionId,
        places: &Places,
        fence: i64,
    ) -> Result<(), Error> {
        let sale = self.sale(session)?;
        let indexes = self.seat_indexes(&sale, places)?;
        self.guard_seats(&sale, hold, places, &indexes)?;
        for _ in 0..TRIES {
            let protection = self.config.protection;
            let claimed =
                claims::reserve_places(session, booking, hold, fence, places, &indexes, protection);
            match claimed {
                Ok(claims::Claimed { seats, areas }) => {
                    settle(
                        &sale,
                        &leases::settle_claims(
                            sale.number,
                            Settlement::Reserved,
                            hold,
                            &seats,
                            &areas,
                        ),
                    );
                    return Ok(());
                }
                Err(sql::Error::Conflict { statement: 0, .. }) => {
                    return match claims::find_standing(session, booking)? {
                        Standing::NoSession => Err(Error::NotFound("session")),
                        Standing::NoClaim => Err(Error::NotOnSale(Phase::Closed)),
                        // It has reserved before the sale was closed.
                        Standing::Claimed => Ok(()),
                        Standing::Released => Err(Error::Taken(places.names())),
                    };
                }
                Err(error @ (sql::Error::Conflict { .. } | sql::Error::Violation { .. })) => {
                    let taken = claims::find_obstacles(session, booking, fence, places)?;
                    if !taken.is_empty() {
                        return Err(Error::Taken(taken));
                    }
                    tracing::info!(booking.id = %booking, error.cause = %error, "a reservation met another one of the same booking, it is tried again");
                }
                Err(other) => return Err(other.into()),
            }
        }
        Err(Error::Unavailable(
            "the reservation meets other reservations again and again".into(),
        ))
    }

    /// The indexes of a booking's seats, in order. The layout is read only where the booking does
    /// not know them all.
    fn seat_indexes(&self, sale: &Sale, places: &Places) -> Result<Vec<u32>, Error> {
        let known = places.seats.iter().map(|place| place.index);
        if let Some(indexes) = known.collect() {
            return Ok(indexes);
        }
        let keys = places.keys();
        self.ask_lock(sale, |ports, key| ports.seat_indexes(key, &keys))
    }

    /// Redis knows of holds that PostgreSQL does not know. It also hears that the booking's own hold
    /// now serves a booking that was written. Without Redis, PostgreSQL decides alone.
    fn guard_seats(
        &self,
        sale: &Sale,
        hold: HoldId,
        places: &Places,
        indexes: &[u32],
    ) -> Result<(), Error> {
        if !self.config.protection.asks_for_other_holders() {
            return Ok(());
        }
        match leases::guard_seats(sale.number, hold, indexes).run() {
            Ok(taken) if taken.is_empty() => Ok(()),
            Ok(taken) => {
                let keys = places
                    .seats
                    .iter()
                    .zip(indexes)
                    .filter(|(_, index)| taken.contains(&Place::Seat(**index)))
                    .map(|(place, _)| place.seat.clone());
                Err(Error::Taken(keys.collect()))
            }
            Err(error) => {
                tracing::warn!(error.cause = %error, session.id = %sale.session, "redis does not say who holds seats, the database decides alone");
                Ok(())
            }
        }
    }

    /// Sells the reserved places of a booking to it. Neither a layout nor an index is read: the
    /// claims have the indexes.
    pub fn confirm(
        &self,
        booking: BookingId,
        session: SessionId,
        places: &Places,
    ) -> Result<(), Error> {
        let sale = self.sale(session)?;
        match claims::sell_places(session, booking, places, self.config.protection) {
            Ok((hold, seats)) => {
                settle(
                    &sale,
                    &leases::settle_claims(sale.number, Settlement::Sold, hold, &seats, &[]),
                );
                Ok(())
            }
            Err(sql::Error::Conflict { .. }) => {
                let lost = claims::find_lost(session, booking, places)?;
                Err(Error::Taken(if lost.is_empty() {
                    places.names()
                } else {
                    lost
                }))
            }
            Err(other) => Err(other.into()),
        }
    }

    /// Gives back what a booking has, for good. It also fails where only Redis does not answer;
    /// repeating it has the same effect.
    pub fn release(
        &self,
        booking: BookingId,
        hold: HoldId,
        session: SessionId,
        places: &Places,
    ) -> Result<(), Error> {
        let sale = match self.sale(session) {
            Err(Error::NotFound(_)) => return Ok(()),
            other => other?,
        };
        let released = claims::release_places(session, booking, hold, places)?;
        let unclaimed = released.unclaimed.iter();
        let unclaimed = unclaimed.filter_map(|at| places.seats.get(*at)).cloned();
        let unclaimed = Places::new(unclaimed.collect(), vec![]);
        let seats = ReturnedSeats {
            free: released.free,
            unclaimed: self.seat_indexes(&sale, &unclaimed)?,
        };
        leases::release_claims(sale.number, hold, booking, &seats, &released.areas).run()?;
        notify(&sale);
        Ok(())
    }
}

/// Reports to Redis what the database has committed. Nothing can undo that any more, so a failure is only
/// logged.
fn settle(sale: &Sale, call: &ScriptCall<()>) {
    match call.run() {
        Ok(()) => notify(sale),
        Err(error) => {
            tracing::warn!(error.cause = %error, session.id = %sale.session, "redis did not take over claims, it will load them");
        }
    }
}

//! What a booking does with a hold: claims it in Redis, then reserves, confirms or releases its
//! places in Postgres. Postgres decides; Redis is told afterwards. Claims that it misses it gets
//! with the next load; that places are free it must be told, for no load takes from a hold what is
//! its own.

use std::rc::Rc;

use eventhub_guest::ids::{BookingId, HoldId, SessionId, UserId};
use eventhub_guest::{Timestamp, sql};

use super::{Error, Inventory};
use crate::domain::hold::Hold;
use crate::domain::place::Place;
use crate::domain::sale::{Phase, Sale};
use crate::leases::{self, Changed, Settled};
use crate::ports::{Call, Ports};
use crate::store::claims::{self, Places};

/// A second call for the same booking may be under way; then the first try finds nothing in its way
/// but itself.
const TRIES: usize = 3;

impl<P: Ports> Inventory<P> {
    /// The hold belongs to the booking from now on. It lasts until `until` once the booking
    /// reserves; until then not long, for the booking may never be written.
    pub fn claim(
        &self,
        id: HoldId,
        user: UserId,
        booking: BookingId,
        until: Timestamp,
    ) -> Result<(Hold, Rc<Sale>), Error> {
        let sale = self.sale_of(id)?;
        if sale.closed {
            return Err(Error::NotOnSale(Phase::Closed));
        }
        let call = leases::claim(
            sale.number,
            id,
            user,
            booking,
            until.millis(),
            self.config.claim_ms,
        );
        match self.run(&call, leases::changed_answer)? {
            Changed::Missing => Err(Error::NotFound("hold")),
            Changed::Ended => Err(Error::Expired),
            Changed::Booked => Err(Error::AlreadyBooked),
            Changed::Closed => Err(Error::NotOnSale(Phase::Closed)),
            Changed::Ok(Some(record)) => Ok((record.at(id, i64::MIN), sale)),
            other => Err(Error::Internal(format!(
                "claiming a hold was answered {other:?}"
            ))),
        }
    }

    /// All places of the booking are its own in Postgres, or none.
    pub fn reserve(
        &self,
        booking: BookingId,
        hold: HoldId,
        session: SessionId,
        places: Places,
        fence: i64,
    ) -> Result<(), Error> {
        let sale = self.sale(session)?;
        self.nobody_else_holds(&sale, hold, &places)?;
        for _ in 0..TRIES {
            let statements = claims::reserve(
                session,
                booking,
                hold,
                fence,
                &places,
                self.config.protection,
            );
            match self.ports.transaction(&statements) {
                Ok(results) => {
                    let areas = claims::area_claims(&results)?;
                    self.tell(
                        &sale,
                        &leases::settle(
                            sale.number,
                            Settled::Reserved,
                            hold,
                            &places.indexes(),
                            &areas,
                        ),
                    );
                    return Ok(());
                }
                Err(sql::Error::Conflict { statement: 0, .. }) => {
                    return self.why_not_open(session, booking, &places);
                }
                Err(error @ (sql::Error::Conflict { .. } | sql::Error::Violation { .. })) => {
                    let taken = claims::places_of(
                        &self
                            .ports
                            .query(claims::in_the_way(session, booking, fence, &places))?,
                    )?;
                    if !taken.is_empty() {
                        return Err(Error::Taken(taken));
                    }
                    tracing::info!(booking.id = %booking, error.cause = %error, "a reservation met another one of its own, it is tried again");
                }
                Err(other) => return Err(other.into()),
            }
        }
        Err(Error::Unavailable(
            "the reservation meets others again and again".into(),
        ))
    }

    /// Redis knows of holds that Postgres does not, and is told that the booking's own now serves
    /// one that was written. Without Redis, Postgres decides alone.
    fn nobody_else_holds(&self, sale: &Sale, hold: HoldId, places: &Places) -> Result<(), Error> {
        if !self.config.protection.asks_for_other_holders() {
            return Ok(());
        }
        match self.run(
            &leases::guard(sale.number, hold, &places.indexes()),
            leases::guard_answer,
        ) {
            Ok(taken) if taken.is_empty() => Ok(()),
            Ok(taken) => {
                let is_taken = |index: u32| taken.contains(&Place::Seat(index));
                let keys = places
                    .seats
                    .iter()
                    .filter(|(_, index)| is_taken(*index))
                    .map(|(key, _)| key.clone());
                Err(Error::Taken(keys.collect()))
            }
            Err(error) => {
                tracing::warn!(error.cause = %error, session.id = %sale.session, "redis does not say who holds seats, the database decides alone");
                Ok(())
            }
        }
    }

    fn why_not_open(
        &self,
        session: SessionId,
        booking: BookingId,
        places: &Places,
    ) -> Result<(), Error> {
        let rows = self.ports.query(claims::standing(session, booking))?;
        if rows.is_empty() {
            return Err(Error::NotFound("session"));
        }
        match rows.get::<Option<String>>(0, "booking")?.as_deref() {
            // Made before the sale was closed.
            Some("reserved" | "sold") => Ok(()),
            Some(_) => Err(Error::Taken(all_names(places))),
            None => Err(Error::NotOnSale(Phase::Closed)),
        }
    }

    /// Reserved becomes sold.
    pub fn confirm(
        &self,
        booking: BookingId,
        session: SessionId,
        places: Places,
    ) -> Result<(), Error> {
        let sale = self.sale(session)?;
        match self.ports.transaction(&claims::confirm(
            session,
            booking,
            &places,
            self.config.protection,
        )) {
            Ok(results) => {
                let hold = match results.first() {
                    Some(rows) => rows.get(0, "hold_id")?,
                    None => return Err(Error::Internal("no claim of a confirmed booking".into())),
                };
                self.tell(
                    &sale,
                    &leases::settle(sale.number, Settled::Sold, hold, &places.indexes(), &[]),
                );
                Ok(())
            }
            Err(sql::Error::Conflict { .. }) => {
                let gone =
                    claims::places_of(&self.ports.query(claims::gone(session, booking, &places))?)?;
                Err(Error::Taken(if gone.is_empty() {
                    all_names(&places)
                } else {
                    gone
                }))
            }
            Err(other) => Err(other.into()),
        }
    }

    /// Gives back what the booking has, for good. Fails also where only Redis could not be told:
    /// again is the same.
    pub fn release(
        &self,
        booking: BookingId,
        hold: HoldId,
        session: SessionId,
        places: Places,
    ) -> Result<(), Error> {
        let sale = match self.sale(session) {
            Err(Error::NotFound(_)) => return Ok(()),
            other => other?,
        };
        let results = self
            .ports
            .transaction(&claims::release(session, booking, hold, &places))?;
        let areas = claims::area_claims(&results)?;
        let free = claims::free_seats(&results, &places)?;
        self.ports
            .script(&leases::unclaim(sale.number, hold, booking, &free, &areas))?;
        self.ports.notify(&sale.topic());
        Ok(())
    }

    /// Keys and areas as a booking names them, resolved.
    pub fn places(
        &self,
        session: SessionId,
        seats: Vec<String>,
        areas: Vec<(String, u32)>,
    ) -> Result<Places, Error> {
        let sale = self.sale(session)?;
        let indexes = match seats.is_empty() {
            true => vec![],
            false => self.ask_lock(&sale, |ports, key| ports.indexes(key, &seats))?,
        };
        Ok(Places::new(seats.into_iter().zip(indexes).collect(), areas))
    }

    /// After the commit: cannot undo it any more, so failing is only logged.
    fn tell(&self, sale: &Sale, call: &Call) {
        match self.ports.script(call) {
            Ok(_) => self.ports.notify(&sale.topic()),
            Err(error) => {
                tracing::warn!(error.cause = %error, session.id = %sale.session, "redis was not told of claims, it will read them");
            }
        }
    }
}

fn all_names(places: &Places) -> Vec<String> {
    let seats = places.seats.iter().map(|(key, _)| key.clone());
    seats
        .chain(places.areas.iter().map(|(area, _)| area.clone()))
        .collect()
}

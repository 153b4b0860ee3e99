//! Holds of users: made, read, extended, given back.

use eventhub_guest::Timestamp;
use eventhub_guest::ids::{HoldId, SessionId, UserId};

use super::occupancy::not_loaded;
use super::{Error, Inventory};
use crate::bindings::eventhub::seat_lock::lock::{Request, Selection};
use crate::domain::hold::{Body, Hold, Status, at_ms};
use crate::domain::occupancy::occupied;
use crate::domain::place::Place;
use crate::domain::sale::{Phase, Sale};
use crate::domain::{hold_id, seat_names};
use crate::leases::{self, Changed, Held, NewHold};
use crate::ports::Ports;

/// How often the best seats are chosen anew when somebody else was quicker.
const CHOICES: u32 = 8;
/// How often claims are loaded or ended holds swept for one hold.
const TRIES: usize = 10;
/// How many holds one call ends: the portion that keeps Redis busy for some milliseconds.
const SWEPT: u32 = 250;

/// What makes two requests of a user the same: the key that the client chose, and the body.
pub struct Name<'a> {
    pub key: &'a str,
    pub body: &'a [u8],
}

impl<P: Ports> Inventory<P> {
    /// Holds named seats and places of areas, or the best seats that are free: all or none.
    pub fn hold(
        &self,
        session: SessionId,
        user: UserId,
        request: &Request,
        now: Timestamp,
    ) -> Result<Hold, Error> {
        self.hold_named(session, user, request, None, now)
    }

    /// The same for a request that may have a name: repeated because its answer was lost, it then
    /// finds the hold that it has made.
    pub fn hold_named(
        &self,
        session: SessionId,
        user: UserId,
        request: &Request,
        name: Option<Name>,
        now: Timestamp,
    ) -> Result<Hold, Error> {
        let sale = self.sale(session)?;
        match sale.phase(now) {
            Phase::OnSale => {}
            other => return Err(Error::NotOnSale(other)),
        }
        let id = match &name {
            Some(Name { key, body }) => hold_id::of_request(sale.number, user, key, body, now),
            None => hold_id::new(sale.number),
        };
        if request.best_available.is_none() {
            let selection = self.ask_lock(&sale, |ports, key| {
                ports.select(key, request, &[], sale.max_seats)
            })?;
            return self.hold_selection(&sale, id, user, &selection);
        }
        let mut choice = 0;
        loop {
            let selection = match self.choose(&sale, request, choice) {
                // Perhaps it was this very request that took the last ones.
                Err(Error::Taken(none)) if name.is_some() => {
                    return self.made_before(id, user)?.ok_or(Error::Taken(none));
                }
                other => other?,
            };
            choice += 1;
            match self.hold_selection(&sale, id, user, &selection) {
                Err(Error::Taken(_)) if choice < CHOICES => continue,
                other => return other,
            }
        }
    }

    fn made_before(&self, id: HoldId, user: UserId) -> Result<Option<Hold>, Error> {
        match self.find_hold(id, user) {
            Ok((hold, _)) => Ok(Some(hold).filter(|hold| hold.status == Status::Active)),
            Err(Error::NotFound(_)) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// The best seats now. Who was too late before takes one of the next best at random, or all
    /// would meet at the same again.
    fn choose(&self, sale: &Sale, request: &Request, choice: u32) -> Result<Selection, Error> {
        let mut taken = occupied(&self.state(sale, 0)?);
        let select = |taken: &[u8]| {
            self.ask_lock(sale, |ports, key| {
                ports.select(key, request, taken, sale.max_seats)
            })
        };
        let mut selection = select(&taken)?;
        let spread = match choice {
            0 => 0,
            _ => HoldId::new().as_u128() as u32 % (2 << choice.min(4)),
        };
        for _ in 0..spread {
            for place in &selection.seats {
                seat_names::set(&mut taken, place.index);
            }
            match select(&taken) {
                Ok(next) => selection = next,
                Err(_) => break,
            }
        }
        Ok(selection)
    }

    fn hold_selection(
        &self,
        sale: &Sale,
        mut id: HoldId,
        user: UserId,
        selection: &Selection,
    ) -> Result<Hold, Error> {
        let internal = |error: &dyn std::fmt::Display| Error::Internal(error.to_string());
        let body = Body::priced(sale, selection).map_err(|error| internal(&error))?;
        let text = serde_json::to_string(&body).map_err(|error| internal(&error))?;
        let seats: Vec<u32> = selection.seats.iter().map(|place| place.index).collect();
        let layout = self.layout(sale)?;
        let areas = selection.areas.iter().map(|area| {
            (
                area.area.clone(),
                area.quantity,
                layout.capacity_of(&area.area),
            )
        });
        let areas: Vec<_> = areas.collect();
        for _ in 0..TRIES {
            let new = NewHold {
                id,
                user,
                ttl_ms: self.config.hold_ttl_ms,
                most: sale.max_seats,
                body: &text,
                seats: &seats,
                areas: &areas,
            };
            let call = leases::hold(sale.number, self.config.protection.hold_script(), &new);
            match self.run(&call, leases::hold_answer)? {
                // The script has just found it alive.
                Held::Again(record) => match record.at(id, i64::MIN) {
                    hold if hold.status == Status::Active => return Ok(hold),
                    _ => id = hold_id::new(sale.number),
                },
                Held::Spent => id = hold_id::new(sale.number),
                Held::Reload(now_ms) => self.load(sale, now_ms)?,
                Held::Sweep => drop(self.sweep(sale)?),
                Held::Closed => return Err(Error::NotOnSale(Phase::Closed)),
                Held::Limit(had) => {
                    return Err(Error::LimitExceeded {
                        most: sale.max_seats,
                        had,
                    });
                }
                Held::Taken(places) => return Err(Error::Taken(names(&places, selection))),
                Held::Held {
                    fence,
                    expires_ms,
                    chores,
                } => {
                    self.ports.notify(&sale.topic());
                    self.refresh(sale, chores.refresh, expires_ms - self.config.hold_ttl_ms);
                    if chores.sweep
                        && let Err(error) = self.sweep(sale)
                    {
                        tracing::warn!(error.cause = %error, session.id = %sale.session, "holds that are over could not be ended");
                    }
                    let expires_at = at_ms(expires_ms);
                    return Ok(Hold {
                        id,
                        user,
                        booking: None,
                        fence,
                        expires_at,
                        extended: false,
                        status: Status::Active,
                        body,
                    });
                }
            }
        }
        Err(not_loaded())
    }

    /// A hold of the user, with its session.
    pub fn find_hold(&self, id: HoldId, user: UserId) -> Result<(Hold, SessionId), Error> {
        let sale = self.sale_of(id)?;
        let record = vec![
            b"HGET".to_vec(),
            leases::key(sale.number, "main"),
            id.to_string().into_bytes(),
        ];
        let replies = self.ports.pipeline(&[vec![b"TIME".to_vec()], record])?;
        let [Ok(time), Ok(record)] = &replies[..] else {
            return Err(Error::Unavailable(format!("redis: {replies:?}")));
        };
        let hold = leases::hold_from(id, time, record)?.filter(|hold| hold.user == user);
        Ok((hold.ok_or(Error::NotFound("hold"))?, sale.session))
    }

    /// Gives a hold another term, once.
    pub fn extend(&self, id: HoldId, user: UserId) -> Result<(Hold, SessionId), Error> {
        let sale = self.sale_of(id)?;
        let call = leases::extend(sale.number, id, user, self.config.hold_ttl_ms);
        match self.run(&call, leases::changed_answer)? {
            Changed::Missing => Err(Error::NotFound("hold")),
            Changed::Ended => Err(Error::Expired),
            Changed::Booked => Err(Error::AlreadyBooked),
            Changed::Closed => Err(Error::NotOnSale(Phase::Closed)),
            Changed::Extended => Err(Error::AlreadyExtended),
            Changed::Ok(record) => {
                let record = record
                    .ok_or_else(|| Error::Internal("no record of an extended hold".into()))?;
                // The script has just found it alive.
                Ok((record.at(id, i64::MIN), sale.session))
            }
        }
    }

    /// Gives a hold back; again is the same.
    pub fn release_hold(&self, id: HoldId, user: UserId) -> Result<(), Error> {
        let sale = self.sale_of(id)?;
        match self.run(
            &leases::release(sale.number, id, user),
            leases::changed_answer,
        )? {
            Changed::Missing => Err(Error::NotFound("hold")),
            Changed::Booked => Err(Error::AlreadyBooked),
            _ => {
                self.ports.notify(&sale.topic());
                Ok(())
            }
        }
    }

    fn sweep(&self, sale: &Sale) -> Result<u32, Error> {
        self.run(&leases::sweep(sale.number, SWEPT), leases::sweep_answer)
    }

    pub(super) fn sale_of(&self, id: HoldId) -> Result<std::rc::Rc<Sale>, Error> {
        self.sale_by_number(hold_id::session_number(id))
            .map_err(|error| match error {
                Error::NotFound(_) => Error::NotFound("hold"),
                other => other,
            })
    }
}

/// The names of places that a selection has.
fn names(places: &[Place], selection: &Selection) -> Vec<String> {
    let name = |place: &Place| match place {
        Place::Area(area) => Some(area.clone()),
        Place::Seat(index) => selection
            .seats
            .iter()
            .find(|seat| seat.index == *index)
            .map(|seat| seat.seat.clone()),
    };
    places.iter().filter_map(name).collect()
}

//! Holds of users: created, read, extended, released.

use eventhub_guest::Timestamp;
use eventhub_guest::ids::{HoldId, SessionId, UserId};

use super::Inventory;
use super::live::notify;
use super::occupancy::load_timeout;
use crate::domain::bits::set_bit;
use crate::domain::hold::{HeldPlaces, Hold, Status, time_from_millis};
use crate::domain::hold_id;
use crate::domain::sale::{Phase, Sale};
use crate::domain::selection::{NewHold, Selection};
use crate::error::Error;
use crate::leases::{self, ChangeOutcome, HoldOutcome, Lease, Place};

/// How often the best seats are chosen anew when somebody else was quicker.
const MAX_CHOICES: u32 = 8;
/// How often claims are loaded or ended holds swept for one hold.
const TRIES: usize = 10;
/// How many holds one call ends: a batch that keeps Redis busy for some milliseconds.
const SWEEP_BATCH: u32 = 250;

/// What makes two requests of a user the same: the key that the client chose, and the body.
pub struct RequestKey<'a> {
    pub key: &'a str,
    pub body: &'a [u8],
}

impl Inventory {
    /// Holds named seats and places of areas, or the best seats that are free: all or none.
    pub fn hold(
        &self,
        session: SessionId,
        user: UserId,
        wanted: &NewHold,
        now: Timestamp,
    ) -> Result<Hold, Error> {
        self.hold_once(session, user, wanted, None, now)
    }

    /// The same for a request that may have a key. When it is repeated because its answer was lost,
    /// it finds the hold that it has created.
    pub fn hold_once(
        &self,
        session: SessionId,
        user: UserId,
        wanted: &NewHold,
        key: Option<RequestKey>,
        now: Timestamp,
    ) -> Result<Hold, Error> {
        let sale = self.sale(session)?;
        match sale.phase(now) {
            Phase::OnSale => {}
            other => return Err(Error::NotOnSale(other)),
        }
        let id = match &key {
            Some(RequestKey { key, body }) => hold_id::derive_id(sale.number, user, key, body, now),
            None => new_hold_id(&sale),
        };
        if wanted.best_available.is_none() {
            let selection = self.ask_lock(&sale, |ports, key| {
                ports.select_places(key, wanted, &[], sale.max_seats)
            })?;
            return self.hold_selection(&sale, id, user, selection);
        }
        let mut choice = 0;
        loop {
            let selection = match self.choose_best(&sale, wanted, choice) {
                // Perhaps this same request has taken the last ones.
                Err(Error::Taken(none)) if key.is_some() => {
                    return self.find_active(id, user)?.ok_or(Error::Taken(none));
                }
                other => other?,
            };
            choice += 1;
            match self.hold_selection(&sale, id, user, selection) {
                Err(Error::Taken(_)) if choice < MAX_CHOICES => continue,
                other => return other,
            }
        }
    }

    fn find_active(&self, id: HoldId, user: UserId) -> Result<Option<Hold>, Error> {
        match self.find_hold(id, user) {
            Ok((hold, _)) => Ok(Some(hold).filter(|hold| hold.status == Status::Active)),
            Err(Error::NotFound(_)) => Ok(None),
            Err(other) => Err(other),
        }
    }

    /// The best seats now. A request that was too late before takes one of the next best at random,
    /// or all would meet at the same seats again.
    fn choose_best(&self, sale: &Sale, wanted: &NewHold, choice: u32) -> Result<Selection, Error> {
        let mut taken = self.state(sale, 0)?.taken.occupied();
        let select = |taken: &[u8]| {
            self.ask_lock(sale, |ports, key| {
                ports.select_places(key, wanted, taken, sale.max_seats)
            })
        };
        let mut selection = select(&taken)?;
        let skipped = match choice {
            0 => 0,
            _ => HoldId::new().as_u128() as u32 % (2 << choice.min(4)),
        };
        for _ in 0..skipped {
            for place in &selection.seats {
                set_bit(&mut taken, place.index);
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
        selection: Selection,
    ) -> Result<Hold, Error> {
        let places = HeldPlaces::price_selection(sale, selection)?;
        let text = leases::record::write_places(&places)
            .map_err(|error| Error::Internal(error.to_string()))?;
        let seats: Vec<u32> = places.seats.iter().map(|seat| seat.index).collect();
        let layout = self.layout(sale)?;
        let areas = places.areas.iter().map(|held| {
            let capacity = layout.capacity_of(&held.area);
            (held.area.clone(), held.quantity, capacity)
        });
        let areas: Vec<_> = areas.collect();
        for _ in 0..TRIES {
            let lease = Lease {
                id,
                user,
                ttl_ms: self.config.hold_ttl_ms,
                most: sale.max_seats,
                places: &text,
                seats: &seats,
                areas: &areas,
            };
            let script = self.config.protection.hold_script();
            match leases::hold_places(sale.number, script, &lease).run()? {
                HoldOutcome::Existing(record) => match record.found_alive(id) {
                    hold if hold.status == Status::Active => return Ok(hold),
                    _ => id = new_hold_id(sale),
                },
                HoldOutcome::IdReused => id = new_hold_id(sale),
                HoldOutcome::Reload(now_ms) => self.load_claims(sale, now_ms)?,
                HoldOutcome::Sweep => drop(sweep_holds(sale)?),
                HoldOutcome::Closed => return Err(Error::NotOnSale(Phase::Closed)),
                HoldOutcome::Limit(had) => {
                    let most = sale.max_seats;
                    return Err(Error::LimitExceeded { most, had });
                }
                HoldOutcome::Taken(taken) => {
                    return Err(Error::Taken(name_places(&taken, &places)));
                }
                HoldOutcome::Created {
                    fence,
                    expires_ms,
                    chores,
                } => {
                    notify(sale);
                    let now_ms = expires_ms - self.config.hold_ttl_ms;
                    self.refresh_claims(sale, chores.refresh, now_ms);
                    if chores.sweep
                        && let Err(error) = sweep_holds(sale)
                    {
                        tracing::warn!(error.cause = %error, session.id = %sale.session, "ended holds could not be swept");
                    }
                    return Ok(Hold {
                        id,
                        user,
                        booking: None,
                        fence,
                        expires_at: time_from_millis(expires_ms),
                        extended: false,
                        status: Status::Active,
                        places,
                    });
                }
            }
        }
        Err(load_timeout())
    }

    /// A hold of the user, with its session.
    pub fn find_hold(&self, id: HoldId, user: UserId) -> Result<(Hold, SessionId), Error> {
        let sale = self.sale_of_hold(id)?;
        let hold = leases::find_hold(sale.number, id)?.filter(|hold| hold.user == user);
        Ok((hold.ok_or(Error::NotFound("hold"))?, sale.session))
    }

    /// Gives a hold another term, once.
    pub fn extend_hold(&self, id: HoldId, user: UserId) -> Result<(Hold, SessionId), Error> {
        let sale = self.sale_of_hold(id)?;
        match leases::extend_hold(sale.number, id, user, self.config.hold_ttl_ms).run()? {
            ChangeOutcome::Missing => Err(Error::NotFound("hold")),
            ChangeOutcome::Ended => Err(Error::Expired),
            ChangeOutcome::Booked => Err(Error::AlreadyBooked),
            ChangeOutcome::Closed => Err(Error::NotOnSale(Phase::Closed)),
            ChangeOutcome::Extended => Err(Error::AlreadyExtended),
            ChangeOutcome::Changed(record) => {
                let record = record
                    .ok_or_else(|| Error::Internal("an extended hold has no record".into()))?;
                Ok((record.found_alive(id), sale.session))
            }
        }
    }

    /// Gives a hold back; repeating it has the same effect.
    pub fn release_hold(&self, id: HoldId, user: UserId) -> Result<(), Error> {
        let sale = self.sale_of_hold(id)?;
        match leases::release_hold(sale.number, id, user).run()? {
            ChangeOutcome::Missing => Err(Error::NotFound("hold")),
            ChangeOutcome::Booked => Err(Error::AlreadyBooked),
            _ => {
                notify(&sale);
                Ok(())
            }
        }
    }

    pub(super) fn sale_of_hold(&self, id: HoldId) -> Result<std::rc::Rc<Sale>, Error> {
        self.sale_by_number(hold_id::session_number(id))
            .map_err(|error| match error {
                Error::NotFound(_) => Error::NotFound("hold"),
                other => other,
            })
    }
}

fn new_hold_id(sale: &Sale) -> HoldId {
    hold_id::number_id(HoldId::new(), sale.number)
}

fn sweep_holds(sale: &Sale) -> Result<u32, Error> {
    Ok(leases::sweep_holds(sale.number, SWEEP_BATCH).run()?)
}

/// The seat keys and area ids of places that a hold wants.
fn name_places(taken: &[Place], wanted: &HeldPlaces) -> Vec<String> {
    let name = |place: &Place| match place {
        Place::Area(area) => Some(area.clone()),
        Place::Seat(index) => wanted
            .seats
            .iter()
            .find(|seat| seat.index == *index)
            .map(|seat| seat.seat.clone()),
    };
    taken.iter().filter_map(name).collect()
}

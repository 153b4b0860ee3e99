//! Takes a booking from step to step: apply what happened, do what the saga demands, record, go on.
//! The only place that knows in which order calls and records happen, and so the place that decides
//! what a crash can leave behind:
//!
//! * Forward commands (reserve, request payment, confirm) are done first and recorded with their
//!   results in one transaction. A crash in between repeats them; a worker that was overtaken tells
//!   their results to the newer state, which undoes them.
//! * Backward commands (cancel, release, refund) are done only once an end is recorded, for an end
//!   is never left.
//! * Tickets are issued and voided in the transaction that records the status.

#[cfg(test)]
mod tests;

use std::time::Duration;

use eventhub_guest::Timestamp;
use eventhub_guest::ids::BookingId;

use crate::domain::booking::Booking;
use crate::domain::fact::Fact;
use crate::domain::payment::merge;
use crate::domain::saga::{Command, Event, Refusal, State, Status, Transition};
use crate::domain::schedule;

/// Something does not answer just now; the booking is looked at again.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct Trouble(pub String);

/// Why a record was not written.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SaveError {
    /// Another worker was quicker: read again.
    #[error("the booking has changed meanwhile")]
    Conflict,
    /// Another worker has handled this very event.
    #[error("the event has been handled")]
    Seen,
    /// A live ticket for one of the seats exists: the database's last word.
    #[error("a seat has a live ticket of another booking")]
    SeatSold,
    #[error(transparent)]
    Trouble(#[from] Trouble),
}

/// Why a booking did not go on.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
    /// It vanished; bookings are never deleted.
    #[error("no such booking")]
    NotFound,
    /// The buyer's wish comes too late.
    #[error("not possible from {} to {}", .0.as_str(), .1.as_str())]
    Refused(Status, Status),
    /// Nothing could be recorded: try again.
    #[error(transparent)]
    Trouble(#[from] Trouble),
}

/// What one transaction records.
pub struct Record<'a> {
    /// With the version that was read.
    pub booking: &'a Booking,
    /// Whether anything of the booking itself changes.
    pub changed: bool,
    /// The status as it was read.
    pub from: Status,
    /// The event that is hereby handled.
    pub inbox: Option<u128>,
    pub attempts: i32,
    /// Seconds until the timer's next look.
    pub next_look: Option<f64>,
}

/// Everything outside: the saga's rules, the clock, the database, the other services.
pub trait World {
    fn now(&self) -> Timestamp;
    /// How long after its deadline a booking still has its seats, for a payment of the last second.
    fn grace(&self) -> Duration;
    fn step(&self, state: State, event: Event) -> Result<Transition, Refusal>;
    fn resume(&self, state: State) -> Vec<Command>;
    fn load(&self, id: BookingId) -> Result<Option<Booking>, Trouble>;
    /// All or nothing, if the version is still the one that was read. The time of the change.
    fn save(&self, record: &Record) -> Result<Timestamp, SaveError>;
    /// Does a command; what came of it. Repeating is harmless.
    fn perform(&self, command: Command, booking: &Booking) -> Result<Vec<Fact>, Trouble>;
    /// What the payment service says of the booking's payment; after the deadline what the provider
    /// says, or trouble.
    fn ask_payment(&self, booking: &Booking) -> Result<Vec<Fact>, Trouble>;
    /// Nothing is left to do: the timer forgets the booking.
    fn rest(&self, booking: &Booking) -> Result<(), Trouble>;
}

/// What a run is about.
#[derive(Default)]
pub struct Run {
    pub facts: Vec<Fact>,
    /// The id of the event that brought the facts; recorded with their effect.
    pub inbox: Option<u128>,
    /// Do what the state demands even if the facts change nothing: after a crash.
    pub resume: bool,
    /// Commands to leave to the timer, with its back-off.
    pub not_now: Vec<Command>,
}

impl Run {
    pub fn of(facts: Vec<Fact>) -> Self {
        Self {
            facts,
            ..Self::default()
        }
    }
}

/// More overtakings than this in one run mean that something is wrong.
const CONFLICTS: u32 = 8;
/// More commands than any path through the saga has.
const COMMANDS: u32 = 16;

/// Tells the facts to the booking as it was read, and does what follows. The booking as it is
/// recorded then; what could not be done is left to the timer.
///
/// # Errors
/// [`Error::Refused`] where a fact is a wish that comes too late; [`Error::Trouble`] where nothing
/// could be recorded.
pub fn advance(world: &impl World, booking: Booking, run: Run) -> Result<Booking, Error> {
    let Run {
        mut facts,
        mut inbox,
        resume: mut live,
        not_now: mut tried,
    } = run;
    let mut recorded = booking;
    let mut troubles: Vec<Trouble> = vec![];
    let (mut conflicts, mut commands) = (0, 0);
    loop {
        let mut draft = recorded.clone();
        for fact in &facts {
            live |= apply(world, &mut draft, fact)?;
        }
        while live && commands < COMMANDS {
            let allowed =
                |command: &Command| command.is_forward() || recorded.state.status.has_ended();
            let Some(command) = world
                .resume(draft.state)
                .into_iter()
                .find(|command| allowed(command) && !tried.contains(command))
            else {
                break;
            };
            commands += 1;
            let before = draft.state;
            match world.perform(command, &draft) {
                Ok(told) => {
                    for fact in told {
                        apply(world, &mut draft, &fact)?;
                        facts.push(fact);
                    }
                }
                Err(trouble) => troubles.push(trouble),
            }
            if draft.state == before {
                tried.push(command);
            }
        }
        let changed = draft != recorded;
        if !changed && inbox.is_none() {
            return Ok(recorded);
        }
        if let (false, Some(trouble)) = (changed, troubles.first()) {
            // Nothing to record, and the event is not handled yet.
            return Err(trouble.clone().into());
        }
        match save(
            world,
            &recorded,
            &mut draft,
            changed,
            inbox,
            !troubles.is_empty() || !tried.is_empty(),
        ) {
            Ok(()) => {
                recorded = draft;
                facts.clear();
                inbox = None;
            }
            Err(SaveError::Seen) => return Ok(recorded),
            Err(SaveError::Conflict) => {
                conflicts += 1;
                if conflicts > CONFLICTS {
                    return Err(Trouble(
                        "the booking changes faster than it can be followed".into(),
                    )
                    .into());
                }
                recorded = world.load(recorded.id)?.ok_or(Error::NotFound)?;
            }
            Err(SaveError::SeatSold) => {
                conflicts += 1;
                tracing::error!(booking.id = %recorded.id, "a sold seat has a live ticket of another booking; the booking is given up");
                let sold = facts
                    .iter_mut()
                    .filter(|fact| fact.event == Some(Event::SeatsConfirmed));
                sold.for_each(|fact| *fact = seats_lost());
                if conflicts > CONFLICTS {
                    return Err(Trouble("tickets cannot be issued".into()).into());
                }
            }
            Err(SaveError::Trouble(trouble)) => return Err(trouble.into()),
        }
    }
}

/// Somebody else has the seats, though they were paid.
pub fn seats_lost() -> Fact {
    let failure = crate::domain::booking::Failure::new(
        "seats_unavailable",
        "The seats were taken by others.",
    );
    Fact::of(Event::SeatsLost).because(failure)
}

/// Whether the saga demands anything on this fact.
fn apply(world: &impl World, draft: &mut Booking, fact: &Fact) -> Result<bool, Error> {
    let before = draft.state.status;
    let mut demands = false;
    if let Some(event) = fact.event {
        let transition = world
            .step(draft.state, event)
            .map_err(|Refusal::InvalidTransition((from, to))| Error::Refused(from, to))?;
        draft.state = transition.state;
        demands = !transition.commands.is_empty();
    }
    let moved = draft.state.status != before;
    if let Some(news) = &fact.payment {
        draft.payment = Some(merge(draft.payment.as_ref(), news));
    }
    if let Some(failure) = &fact.failure
        && (moved || (fact.event.is_none() && draft.state.waits_for_buyer()))
    {
        draft.failure = Some(failure.clone());
    }
    if moved && draft.state.status == Status::Confirmed {
        draft.failure = None;
    }
    Ok(demands)
}

fn save(
    world: &impl World,
    recorded: &Booking,
    draft: &mut Booking,
    changed: bool,
    inbox: Option<u128>,
    trouble: bool,
) -> Result<(), SaveError> {
    draft.attempts = if draft.state.status == recorded.state.status {
        recorded.attempts
    } else {
        0
    };
    let works = !world.resume(draft.state).is_empty();
    let next_look = schedule::next_look(
        draft.state,
        works,
        trouble,
        draft.attempts,
        draft.expires_at,
        world.now(),
    );
    let record = Record {
        booking: draft,
        changed,
        from: recorded.state.status,
        inbox,
        attempts: draft.attempts,
        next_look,
    };
    let at = world.save(&record)?;
    if changed {
        draft.version += 1;
        draft.updated_at = at;
    }
    Ok(())
}

/// The timer's look at a booking: what an event may have failed to tell, the deadline, what is left
/// to do; and, once more after its end, what a call that was under way then may have left behind.
///
/// # Errors
/// As [`advance`].
pub fn look(world: &impl World, booking: Booking) -> Result<Booking, Error> {
    let state = booking.state;
    if state.status.has_ended()
        && state.status != Status::Refunding
        && world.resume(state).is_empty()
    {
        return sweep(world, booking);
    }
    let mut run = Run {
        resume: true,
        ..Run::default()
    };
    // Only the provider knows that it was not paid in time: while it does not say so and the seats
    // are kept, the booking goes on. The time is that before the question: an answer from
    // before the deadline decides nothing.
    let (now, mut deadline) = (world.now(), booking.expires_at);
    if state.waits_for_buyer() || state.money == crate::domain::saga::MoneyState::Refunding {
        match world.ask_payment(&booking) {
            Ok(told) => run.facts = told,
            Err(trouble) => {
                tracing::warn!(booking.id = %booking.id, error.cause = %trouble, "payment cannot be asked for");
                deadline = deadline.plus(world.grace());
            }
        }
    }
    if booking.state.status.is_active() && deadline <= now {
        run.facts.push(Fact::of(Event::DeadlinePassed));
    }
    advance(world, booking, run)
}

fn sweep(world: &impl World, booking: Booking) -> Result<Booking, Error> {
    let mut facts = world.perform(Command::ReleaseSeats, &booking)?;
    if !booking.state.free_of_charge {
        facts.extend(world.perform(Command::CancelPayment, &booking)?);
    }
    let version = booking.version;
    let booking = advance(world, booking, Run::of(facts))?;
    if booking.version == version {
        world.rest(&booking)?;
    }
    Ok(booking)
}

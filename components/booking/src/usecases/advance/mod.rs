//! Takes a booking from step to step: apply the facts, do the commands that the saga demands,
//! record, go on. Only this module decides in which order calls and records happen, and so what a
//! crash can leave behind:
//!
//! * Forward commands (reserve, request payment, confirm) are done first and recorded with their
//!   results in one transaction. A crash in between repeats them; a worker that was overtaken
//!   applies their results to the newer state, which undoes them.
//! * Backward commands (cancel, release, refund) are done only once an end is recorded, because an
//!   end is final.
//! * Tickets are issued and voided in the transaction that records the status.

#[cfg(test)]
mod tests;

use std::time::Duration;

use eventhub_guest::Timestamp;

use super::commands::{check_payment, perform_command};
use crate::config::CONFIG;
use crate::domain::booking::Booking;
use crate::domain::fact::Fact;
use crate::domain::payment::merge_payment;
use crate::domain::saga::{Command, Event, MoneyState, Refusal, Status};
use crate::domain::schedule;
use crate::error::Unavailable;
use crate::ports::Ports;
use crate::store::record::{Record, SaveError};
use crate::store::{Postgres, Store};

/// Why a booking did not go on.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
    /// The booking has vanished, though bookings are never deleted.
    #[error("there is no such booking")]
    NotFound,
    /// The buyer's cancellation comes too late.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Nothing could be recorded: try again.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl From<Error> for crate::error::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::NotFound => Self::NotFound("booking"),
            Error::Refused(refusal) => refusal.into(),
            Error::Unavailable(cause) => cause.into(),
        }
    }
}

/// The input of one run.
#[derive(Default)]
pub struct Run {
    pub facts: Vec<Fact>,
    /// The id of the published fact that is handled; recorded with its effect.
    pub inbox: Option<u128>,
    /// Do what the state demands even if the facts change nothing: after a crash.
    pub resume: bool,
    /// Commands to leave to the timer, with its back-off.
    pub postponed: Vec<Command>,
}

impl Run {
    /// A run with facts that were not published.
    pub fn with_facts(facts: Vec<Fact>) -> Self {
        Self {
            facts,
            ..Self::default()
        }
    }
}

/// More conflicts than this in one run mean that something is wrong.
const MAX_CONFLICTS: u32 = 8;
/// More commands than any path through the saga has.
const MAX_COMMANDS: u32 = 16;

/// Advances bookings.
pub struct Driver<'a> {
    pub ports: &'a dyn Ports,
    pub store: &'a dyn Store,
    /// How long after its deadline a booking still has its seats, for a payment of the last second.
    pub grace: Duration,
}

impl<'a> Driver<'a> {
    /// A driver over this service's database, with the configured grace.
    pub fn new(ports: &'a dyn Ports) -> Self {
        Self {
            ports,
            store: &Postgres,
            grace: CONFIG.with(|config| config.grace),
        }
    }

    /// Applies facts to a booking as it was read, and does what follows. The answer is the booking
    /// as it is recorded then; commands that could not be done are left to the timer.
    ///
    /// # Errors
    /// [`Error::Refused`] where a fact is a cancellation that comes too late;
    /// [`Error::Unavailable`] where nothing could be recorded.
    pub fn advance(&self, booking: Booking, run: Run) -> Result<Booking, Error> {
        let Run {
            mut facts,
            mut inbox,
            resume: mut demanded,
            postponed: mut tried,
        } = run;
        let mut recorded = booking;
        let mut failures: Vec<Unavailable> = vec![];
        let (mut conflicts, mut commands) = (0, 0);
        loop {
            let mut draft = recorded.clone();
            for fact in &facts {
                demanded |= self.apply(&mut draft, fact)?;
            }
            while demanded && commands < MAX_COMMANDS {
                let allowed =
                    |command: &Command| command.is_forward() || recorded.state.status.has_ended();
                let Some(command) = self
                    .ports
                    .resume_saga(draft.state)
                    .into_iter()
                    .find(|command| allowed(command) && !tried.contains(command))
                else {
                    break;
                };
                commands += 1;
                let before = draft.state;
                match perform_command(self.ports, command, &draft) {
                    Ok(results) => {
                        for fact in results {
                            self.apply(&mut draft, &fact)?;
                            facts.push(fact);
                        }
                    }
                    Err(failure) => failures.push(failure),
                }
                if draft.state == before {
                    tried.push(command);
                }
            }
            let changed = draft != recorded;
            if !changed && inbox.is_none() {
                return Ok(recorded);
            }
            if let (false, Some(failure)) = (changed, failures.first()) {
                // Nothing to record, and the fact is not handled yet.
                return Err(failure.clone().into());
            }
            match self.save(
                &recorded,
                &mut draft,
                changed,
                inbox,
                !failures.is_empty() || !tried.is_empty(),
            ) {
                Ok(()) => {
                    recorded = draft;
                    facts.clear();
                    inbox = None;
                }
                Err(SaveError::AlreadyHandled) => return Ok(recorded),
                Err(SaveError::Conflict) => {
                    conflicts += 1;
                    if conflicts > MAX_CONFLICTS {
                        return Err(Unavailable(
                            "the booking changes faster than it can be recorded".into(),
                        )
                        .into());
                    }
                    recorded = self.store.load(recorded.id)?.ok_or(Error::NotFound)?;
                }
                Err(SaveError::SeatSold) => {
                    conflicts += 1;
                    tracing::error!(booking.id = %recorded.id, "a sold seat has a live ticket of another booking; the booking is given up");
                    let sold = facts
                        .iter_mut()
                        .filter(|fact| fact.event == Some(Event::SeatsConfirmed));
                    sold.for_each(|fact| *fact = Fact::seats_lost());
                    if conflicts > MAX_CONFLICTS {
                        return Err(Unavailable("tickets cannot be issued".into()).into());
                    }
                }
                Err(SaveError::Unavailable(cause)) => return Err(cause.into()),
            }
        }
    }

    /// Applies one fact. The answer says whether the saga demands a command.
    fn apply(&self, draft: &mut Booking, fact: &Fact) -> Result<bool, Error> {
        let before = draft.state.status;
        let mut demands = false;
        if let Some(event) = fact.event {
            let transition = self.ports.step_saga(draft.state, event)?;
            draft.state = transition.state;
            demands = !transition.commands.is_empty();
        }
        let moved = draft.state.status != before;
        if let Some(news) = &fact.payment {
            draft.payment = Some(merge_payment(draft.payment.as_ref(), news));
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
        &self,
        recorded: &Booking,
        draft: &mut Booking,
        changed: bool,
        inbox: Option<u128>,
        failed: bool,
    ) -> Result<(), SaveError> {
        draft.attempts = if draft.state.status == recorded.state.status {
            recorded.attempts
        } else {
            0
        };
        let has_work = !self.ports.resume_saga(draft.state).is_empty();
        let next_attempt_in = schedule::next_attempt_in(
            draft.state,
            has_work,
            failed,
            draft.attempts,
            draft.expires_at,
            Timestamp::now(),
        );
        let changed_at = self.store.save(&Record {
            booking: draft,
            changed,
            from: recorded.state.status,
            inbox,
            attempts: draft.attempts,
            next_attempt_in,
        })?;
        if changed {
            draft.version += 1;
            draft.updated_at = changed_at;
        }
        Ok(())
    }

    /// Polls a booking for the timer: a payment that no fact has reported, the deadline, commands
    /// that are left to do; and, once more after its end, what a call that was under way then may
    /// have left behind.
    ///
    /// # Errors
    /// As [`Driver::advance`].
    pub fn poll(&self, booking: Booking) -> Result<Booking, Error> {
        let state = booking.state;
        if state.status.has_ended()
            && state.status != Status::Refunding
            && self.ports.resume_saga(state).is_empty()
        {
            return self.sweep(booking);
        }
        let mut run = Run {
            resume: true,
            ..Run::default()
        };
        // Only the provider knows that a booking was not paid in time: until it says so, and while
        // the seats are kept, the booking goes on. The time is taken before the question, because
        // an answer from before the deadline decides nothing.
        let (now, mut deadline) = (Timestamp::now(), booking.expires_at);
        if state.waits_for_buyer() || state.money == MoneyState::Refunding {
            match check_payment(self.ports, &booking) {
                Ok(facts) => run.facts = facts,
                Err(cause) => {
                    tracing::warn!(booking.id = %booking.id, error.cause = %cause, "payment cannot be checked");
                    deadline = deadline.plus(self.grace);
                }
            }
        }
        if state.status.is_active() && deadline <= now {
            run.facts.push(Fact::new(Event::DeadlinePassed));
        }
        self.advance(booking, run)
    }

    fn sweep(&self, booking: Booking) -> Result<Booking, Error> {
        let mut facts = perform_command(self.ports, Command::ReleaseSeats, &booking)?;
        if !booking.state.free_of_charge {
            let results = perform_command(self.ports, Command::CancelPayment, &booking)?;
            facts.extend(results);
        }
        let version = booking.version;
        let booking = self.advance(booking, Run::with_facts(facts))?;
        if booking.version == version {
            self.store.mark_settled(&booking)?;
        }
        Ok(booking)
    }
}

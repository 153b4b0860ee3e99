//! The rules of a booking's life: `(state, event) -> (state, commands)`. Plain values, no I/O, no
//! clock.
//!
//! Three ideas carry it. Before the money is captured, any failure ends the booking and undoes its
//! steps; afterwards the booking goes forward or the money goes back. An ended booking never
//! becomes a live one again, so its compensations are safe whoever else works on it. Events are
//! facts: an event that comes late or twice changes nothing, and an event which says that an ended
//! booking still has something (seats reserved by a call that was under way) makes it give that
//! back.

/// What a buyer sees.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Status {
    Pending,
    AwaitingPayment,
    Confirmed,
    Cancelled,
    Expired,
    Failed,
    Refunding,
    Refunded,
}

/// What is true of the places.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Places {
    None,
    Reserved,
    Sold,
    Released,
}

/// What is true of the money. `None` is also a payment that was given up.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Money {
    None,
    Requested,
    Captured,
    Refunding,
    Refunded,
}

/// Everything that decides.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct State {
    pub status: Status,
    pub places: Places,
    pub money: Money,
    /// Nothing is to be paid.
    pub free_of_charge: bool,
}

/// What happened.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Event {
    Created,
    SeatsReserved,
    SeatsRefused,
    PaymentRequested,
    PaymentRefused,
    PaymentCaptured,
    PaymentCancelled,
    SeatsConfirmed,
    SeatsLost,
    SeatsReleased,
    RefundStarted,
    RefundDone,
    RefundFailed,
    CancelRequested,
    DeadlinePassed,
    EventCancelled,
}

/// What is to be done next.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Command {
    ReserveSeats,
    RequestPayment,
    CancelPayment,
    ConfirmSeats,
    IssueTickets,
    VoidTickets,
    ReleaseSeats,
    RefundPayment,
}

/// The new state, and what it demands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Transition {
    pub state: State,
    pub commands: Commands,
}

/// No transition demands more commands.
const MAX_COMMANDS: usize = 3;

/// What is to be done, in this order. An array, because an allocation would take longer than the
/// rules themselves.
#[derive(Clone, Copy)]
pub struct Commands {
    list: [Command; MAX_COMMANDS],
    len: usize,
}

impl Commands {
    const NONE: Self = Self {
        list: [Command::ReserveSeats; MAX_COMMANDS],
        len: 0,
    };

    fn push(&mut self, command: Command) {
        self.list[self.len] = command;
        self.len += 1;
    }
}

impl std::ops::Deref for Commands {
    type Target = [Command];

    fn deref(&self) -> &[Command] {
        &self.list[..self.len]
    }
}

impl IntoIterator for Commands {
    type Item = Command;
    type IntoIter = std::iter::Take<std::array::IntoIter<Command, MAX_COMMANDS>>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter().take(self.len)
    }
}

impl PartialEq for Commands {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Commands {}

impl std::fmt::Debug for Commands {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        (**self).fmt(f)
    }
}

/// A request of the buyer that cannot be granted. Other events are never refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// The status now, and the one that was asked for.
    #[error("not possible from {0:?} to {1:?}")]
    InvalidTransition(Status, Status),
}

impl Event {
    pub const ALL: [Event; 16] = [
        Event::Created,
        Event::SeatsReserved,
        Event::SeatsRefused,
        Event::PaymentRequested,
        Event::PaymentRefused,
        Event::PaymentCaptured,
        Event::PaymentCancelled,
        Event::SeatsConfirmed,
        Event::SeatsLost,
        Event::SeatsReleased,
        Event::RefundStarted,
        Event::RefundDone,
        Event::RefundFailed,
        Event::CancelRequested,
        Event::DeadlinePassed,
        Event::EventCancelled,
    ];
}

impl Status {
    /// On its way to be confirmed.
    pub const fn is_active(self) -> bool {
        matches!(self, Status::Pending | Status::AwaitingPayment)
    }

    /// Given up, with or without money to give back. Never left for a live status.
    pub const fn has_ended(self) -> bool {
        !self.is_active() && !matches!(self, Status::Confirmed)
    }
}

impl State {
    /// Nothing is to be done and nothing is waited for.
    pub fn is_settled(self) -> bool {
        match self.status {
            Status::Confirmed => true,
            status => status.has_ended() && status != Status::Refunding && resume(self).is_empty(),
        }
    }

    const fn is_paid(self) -> bool {
        self.free_of_charge || matches!(self.money, Money::Captured)
    }

    const fn is_unpaid(self) -> bool {
        matches!(self.money, Money::None | Money::Requested)
    }

    /// Ends the booking: with `status` where there is no money to give back.
    const fn give_up(self, status: Status) -> State {
        let status = if matches!(self.money, Money::Captured) {
            Status::Refunding
        } else {
            status
        };
        State { status, ..self }
    }
}

/// The state of a new booking.
pub const fn start(free_of_charge: bool) -> State {
    State {
        status: Status::Pending,
        places: Places::None,
        money: Money::None,
        free_of_charge,
    }
}

/// The state after an event, and the commands that it demands. An event that changes nothing (late,
/// repeated) gives the same state and no commands. `Created` never changes the state: its commands
/// are those that a booking at its start demands.
///
/// # Errors
/// [`Refusal::InvalidTransition`] for a cancellation that comes too late.
pub fn step(state: State, event: Event) -> Result<Transition, Refusal> {
    let next = match event {
        Event::Created if state == start(state.free_of_charge) => {
            return Ok(Transition {
                state,
                commands: resume(state),
            });
        }
        Event::CancelRequested => cancel_booking(state)?,
        fact => apply_fact(state, fact),
    };
    if next == state {
        return Ok(Transition {
            state,
            commands: Commands::NONE,
        });
    }
    let mut commands = Commands::NONE;
    if next.status == Status::Confirmed {
        commands.push(Command::IssueTickets);
    }
    if state.status == Status::Confirmed {
        commands.push(Command::VoidTickets);
    }
    push_demands(next, &mut commands);
    Ok(Transition {
        state: next,
        commands,
    })
}

/// The commands that a state still demands. Tickets are issued and voided in the transaction that
/// records the state, so no state waits for them.
pub fn resume(state: State) -> Commands {
    let mut commands = Commands::NONE;
    push_demands(state, &mut commands);
    commands
}

fn push_demands(state: State, commands: &mut Commands) {
    if state.status.is_active() {
        match state.places {
            Places::None => commands.push(Command::ReserveSeats),
            _ if state.is_paid() => commands.push(Command::ConfirmSeats),
            _ if state.money == Money::None => commands.push(Command::RequestPayment),
            _ => {}
        }
    } else if state.status.has_ended() {
        match state.money {
            Money::Requested => commands.push(Command::CancelPayment),
            Money::Captured => commands.push(Command::RefundPayment),
            Money::None | Money::Refunding | Money::Refunded => {}
        }
        // Also where none were reserved: releasing ends the hold.
        if state.places != Places::Released {
            commands.push(Command::ReleaseSeats);
        }
    }
}

/// The buyer may cancel until the money is captured.
fn cancel_booking(state: State) -> Result<State, Refusal> {
    match state.status {
        Status::Pending | Status::AwaitingPayment if state.is_unpaid() => {
            Ok(state.give_up(Status::Cancelled))
        }
        Status::Cancelled => Ok(state),
        from => Err(Refusal::InvalidTransition(from, Status::Cancelled)),
    }
}

fn apply_fact(state: State, fact: Event) -> State {
    if state.free_of_charge && is_about_money(fact) {
        return state;
    }
    let (active, ended) = (state.status.is_active(), state.status.has_ended());
    let next = match fact {
        Event::Created | Event::CancelRequested => state,

        Event::SeatsReserved if matches!(state.places, Places::None | Places::Released) => State {
            places: Places::Reserved,
            ..state
        },
        Event::SeatsRefused if active && state.places == Places::None => {
            state.give_up(Status::Failed)
        }
        Event::SeatsConfirmed if active && state.is_paid() => State {
            status: Status::Confirmed,
            places: Places::Sold,
            ..state
        },
        Event::SeatsConfirmed if ended => State {
            places: Places::Sold,
            ..state
        },
        Event::SeatsLost if active && state.is_paid() => state.give_up(Status::Failed),
        Event::SeatsReleased if ended => State {
            places: Places::Released,
            ..state
        },

        Event::PaymentRequested if state.money == Money::None => State {
            money: Money::Requested,
            ..state
        },
        Event::PaymentRefused if active && state.money == Money::None => {
            state.give_up(Status::Failed)
        }
        Event::PaymentCancelled if active && state.is_unpaid() => State {
            money: Money::None,
            ..state.give_up(Status::Failed)
        },
        Event::PaymentCancelled if ended && state.is_unpaid() => State {
            money: Money::None,
            ..state
        },
        Event::PaymentCaptured if state.is_unpaid() => {
            let paid = State {
                money: Money::Captured,
                ..state
            };
            if ended {
                paid.give_up(state.status)
            } else {
                paid
            }
        }

        // Also where the provider gave the money back by itself: no booking keeps its seats without
        // its money.
        Event::RefundStarted if state.is_unpaid() || state.money == Money::Captured => State {
            money: Money::Refunding,
            status: Status::Refunding,
            ..state
        },
        Event::RefundDone => State {
            money: Money::Refunded,
            status: Status::Refunded,
            ..state
        },
        Event::RefundFailed if state.money == Money::Refunding => State {
            money: Money::Captured,
            ..state
        },

        Event::DeadlinePassed if active && state.is_unpaid() => state.give_up(Status::Expired),
        Event::EventCancelled if !ended => state.give_up(Status::Cancelled),
        _ => state,
    };
    let awaits = next.status == Status::Pending
        && next.places == Places::Reserved
        && next.money == Money::Requested;
    if awaits {
        State {
            status: Status::AwaitingPayment,
            ..next
        }
    } else {
        next
    }
}

const fn is_about_money(fact: Event) -> bool {
    matches!(
        fact,
        Event::PaymentRequested
            | Event::PaymentRefused
            | Event::PaymentCaptured
            | Event::PaymentCancelled
            | Event::RefundStarted
            | Event::RefundDone
            | Event::RefundFailed
    )
}

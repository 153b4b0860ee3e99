//! The saga's real rules in the terms of this service. Included by the tests of the driver and by
//! those of the routes; each names `booking::domain::saga` as `terms`.

use super::terms::{Command, Event, MoneyState, Places, Refusal, State, Status, Transition};
use saga::machine;

/// Conversions between an enum of the rules and its twin of the domain.
macro_rules! twins {
    ($($name:ident: $from:ty => $to:ty { $($variant:ident),* $(,)? })*) => {$(
        fn $name(value: $from) -> $to {
            match value { $(<$from>::$variant => <$to>::$variant),* }
        }
    )*};
}

twins! {
    status_in: Status => machine::Status {
        Pending, AwaitingPayment, Confirmed, Cancelled, Expired, Failed, Refunding, Refunded,
    }
    status_out: machine::Status => Status {
        Pending, AwaitingPayment, Confirmed, Cancelled, Expired, Failed, Refunding, Refunded,
    }
    places_in: Places => machine::Places { None, Reserved, Sold, Released }
    places_out: machine::Places => Places { None, Reserved, Sold, Released }
    money_in: MoneyState => machine::Money { None, Requested, Captured, Refunding, Refunded }
    money_out: machine::Money => MoneyState { None, Requested, Captured, Refunding, Refunded }
    event_in: Event => machine::Event {
        Created, SeatsReserved, SeatsRefused, PaymentRequested, PaymentRefused, PaymentCaptured,
        PaymentCancelled, SeatsConfirmed, SeatsLost, SeatsReleased, RefundStarted, RefundDone,
        RefundFailed, CancelRequested, DeadlinePassed, EventCancelled,
    }
    command_out: machine::Command => Command {
        ReserveSeats, RequestPayment, CancelPayment, ConfirmSeats, IssueTickets, VoidTickets,
        ReleaseSeats, RefundPayment,
    }
}

fn state_in(s: State) -> machine::State {
    machine::State {
        status: status_in(s.status),
        places: places_in(s.places),
        money: money_in(s.money),
        free_of_charge: s.free_of_charge,
    }
}

fn state_out(s: machine::State) -> State {
    State {
        status: status_out(s.status),
        places: places_out(s.places),
        money: money_out(s.money),
        free_of_charge: s.free_of_charge,
    }
}

/// The state of a new booking.
pub fn start(free_of_charge: bool) -> State {
    state_out(machine::start(free_of_charge))
}

/// The state after an event, and its commands.
pub fn step(state: State, event: Event) -> Result<Transition, Refusal> {
    let machine::Transition { state, commands } = machine::step(state_in(state), event_in(event))
        .map_err(
        |machine::Refusal::InvalidTransition(from, to)| Refusal {
            from: status_out(from),
            to: status_out(to),
        },
    )?;
    Ok(Transition {
        state: state_out(state),
        commands: commands.into_iter().map(command_out).collect(),
    })
}

/// The commands that a state still demands.
pub fn resume(state: State) -> Vec<Command> {
    let commands = machine::resume(state_in(state));
    commands.into_iter().map(command_out).collect()
}

/// Nothing is to be done and nothing is waited for.
pub fn is_settled(state: State) -> bool {
    state_in(state).is_settled()
}

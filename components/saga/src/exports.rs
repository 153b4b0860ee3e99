//! The machine as other components call it: the interface `eventhub:saga/machine` over the rules.

use crate::bindings::exports::eventhub::saga::machine as wit;
use crate::machine;

/// What this component exports.
pub struct Component;

impl wit::Guest for Component {
    fn start(free_of_charge: bool) -> wit::State {
        machine::start(free_of_charge).into()
    }

    fn step(state: wit::State, event: wit::Event) -> Result<wit::Transition, wit::Refusal> {
        let machine::Transition { state, commands } = machine::step(state.into(), event.into())
            .map_err(|refusal| match refusal {
                machine::Refusal::InvalidTransition(from, to) => {
                    wit::Refusal::InvalidTransition((from.into(), to.into()))
                }
            })?;
        Ok(wit::Transition {
            state: state.into(),
            commands: commands.into_iter().map(Into::into).collect(),
        })
    }

    fn resume(state: wit::State) -> Vec<wit::Command> {
        machine::resume(state.into())
            .into_iter()
            .map(Into::into)
            .collect()
    }
}

/// Conversions in both directions between an enum of the rules and its twin of the WIT.
macro_rules! twins {
    ($($name:ident { $($variant:ident),* })*) => {$(
        impl From<machine::$name> for wit::$name {
            fn from(value: machine::$name) -> Self {
                match value { $(machine::$name::$variant => wit::$name::$variant),* }
            }
        }
        impl From<wit::$name> for machine::$name {
            fn from(value: wit::$name) -> Self {
                match value { $(wit::$name::$variant => machine::$name::$variant),* }
            }
        }
    )*};
}

twins! {
    Status { Pending, AwaitingPayment, Confirmed, Cancelled, Expired, Failed, Refunding, Refunded }
    Places { None, Reserved, Sold, Released }
    Money { None, Requested, Captured, Refunding, Refunded }
    Event {
        Created, SeatsReserved, SeatsRefused, PaymentRequested, PaymentRefused, PaymentCaptured,
        PaymentCancelled, SeatsConfirmed, SeatsLost, SeatsReleased, RefundStarted, RefundDone,
        RefundFailed, CancelRequested, DeadlinePassed, EventCancelled
    }
    Command {
        ReserveSeats, RequestPayment, CancelPayment, ConfirmSeats, IssueTickets, VoidTickets,
        ReleaseSeats, RefundPayment
    }
}

impl From<machine::State> for wit::State {
    fn from(state: machine::State) -> Self {
        Self {
            status: state.status.into(),
            places: state.places.into(),
            money: state.money.into(),
            free_of_charge: state.free_of_charge,
        }
    }
}

impl From<wit::State> for machine::State {
    fn from(state: wit::State) -> Self {
        Self {
            status: state.status.into(),
            places: state.places.into(),
            money: state.money.into(),
            free_of_charge: state.free_of_charge,
        }
    }
}

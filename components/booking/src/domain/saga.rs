//! The terms of the saga as this service stores and shows them. The rules themselves are the saga
//! component's.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantArray};

/// What a buyer sees.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Debug,
    Serialize,
    Deserialize,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
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
#[derive(Clone, Copy, PartialEq, Eq, Debug, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Places {
    None,
    Reserved,
    Sold,
    Released,
}

/// What is true of the money. `None` is also a payment that was given up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum MoneyState {
    None,
    Requested,
    Captured,
    Refunding,
    Refunded,
}

/// Everything that decides; a booking stores exactly this.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct State {
    pub status: Status,
    pub places: Places,
    pub money: MoneyState,
    /// Nothing is to be paid.
    pub free_of_charge: bool,
}

/// What happened, as `eventhub:saga/machine` describes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
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

/// What is to be done next, as `eventhub:saga/machine` describes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
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

/// The new state, and the commands that it demands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Transition {
    pub state: State,
    pub commands: Vec<Command>,
}

/// A cancellation that comes too late: the status now, and the one that was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a booking that is {} cannot become {}", .from.into_str(), .to.into_str())]
pub struct Refusal {
    pub from: Status,
    pub to: Status,
}

impl Status {
    /// On its way to be confirmed.
    pub const fn is_active(self) -> bool {
        matches!(self, Status::Pending | Status::AwaitingPayment)
    }

    /// Given up, with or without money to give back.
    pub const fn has_ended(self) -> bool {
        !self.is_active() && !matches!(self, Status::Confirmed)
    }
}

impl Command {
    /// May be done before the state that demands it is recorded: whatever another worker records
    /// meanwhile, the facts that the command leaves undo it. Backward commands are safe only from a
    /// recorded end.
    pub const fn is_forward(self) -> bool {
        matches!(
            self,
            Command::ReserveSeats | Command::RequestPayment | Command::ConfirmSeats
        )
    }
}

impl State {
    /// The buyer has to act, nobody else.
    pub fn waits_for_buyer(self) -> bool {
        self.status == Status::AwaitingPayment && self.money == MoneyState::Requested
    }
}

//! The saga's words as this service stores and shows them. The rules themselves are the saga
//! component's.

pub use crate::bindings::eventhub::payment::payments::Status as PaymentStatus;
pub use crate::bindings::eventhub::saga::machine::{
    Command, Event, Money as MoneyState, Places, Refusal, State, Status, Transition,
};

/// Text forms, the same in SQL and JSON.
macro_rules! texts {
    ($($name:ident { $($variant:ident $text:literal),* $(,)? })*) => {$(
        impl $name {
            pub const ALL: &[$name] = &[$($name::$variant),*];

            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text),* }
            }

            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|known| known.as_str() == text)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
                Self::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("unknown {}", stringify!($name))))
            }
        }
    )*};
}

texts! {
    Status {
        Pending "pending", AwaitingPayment "awaiting_payment", Confirmed "confirmed", Cancelled "cancelled", Expired "expired",
        Failed "failed", Refunding "refunding", Refunded "refunded",
    }
    Places { None "none", Reserved "reserved", Sold "sold", Released "released" }
    MoneyState { None "none", Requested "requested", Captured "captured", Refunding "refunding", Refunded "refunded" }
    PaymentStatus {
        Created "created", RequiresPayment "requires_payment", Processing "processing", Succeeded "succeeded", Cancelled "cancelled",
        Refunding "refunding", Refunded "refunded", Quarantined "quarantined",
    }
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

    /// What others are told when a booking gets there; none where nothing is told.
    pub const fn announcement(self) -> Option<&'static str> {
        match self {
            Status::Confirmed => Some("BookingConfirmed"),
            Status::Cancelled => Some("BookingCancelled"),
            Status::Expired => Some("BookingExpired"),
            Status::Failed => Some("BookingFailed"),
            Status::Refunded => Some("BookingRefunded"),
            Status::Pending | Status::AwaitingPayment | Status::Refunding => None,
        }
    }
}

impl Command {
    /// May be done before the state that demands it is recorded: whatever another worker records
    /// meanwhile, it is undone by the facts that it leaves. Backward commands are safe only
    /// from a recorded end.
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

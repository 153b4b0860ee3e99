//! `eventhub:redis@0.1.0`: commands and replies.

mod generated {
    wasmtime::component::bindgen!({
        path: "../../wit/deps/redis",
        interfaces: "import eventhub:redis/commands@0.1.0;",
        additional_derives: [PartialEq, Eq],
    });
}

pub use generated::eventhub::redis::commands::{Command, Error, Item, Reply};

impl Error {
    /// The error for a log or a readiness check. Its generated `Display` prints the Rust value.
    pub fn message(&self) -> &str {
        match self {
            Self::Refused(text) | Self::Invalid(text) | Self::Unavailable(text) => text,
        }
    }
}

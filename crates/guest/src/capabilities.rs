//! The host's capabilities as functions: the component's imports, or the backend of a native test.
//! Everything else in this crate calls these, so that a service runs in both places unchanged.

/// Declares functions that call an import in a component and the [`crate::native::Backend`] of the
/// thread elsewhere.
macro_rules! capabilities {
    ($($(#[$doc:meta])* $visibility:vis fn $name:ident($($param:ident: $type:ty),*) $(-> $result:ty)? => $($import:ident)::+;)*) => {$(
        $(#[$doc])*
        $visibility fn $name($($param: $type),*) $(-> $result)? {
            #[cfg(target_arch = "wasm32")]
            return crate::bindings::eventhub::$($import)::+::$name($($param),*);
            #[cfg(not(target_arch = "wasm32"))]
            crate::native::with_backend(|backend| backend.$name($($param),*))
        }
    )*};
}

/// PostgreSQL.
pub mod postgres {
    use crate::bindings::eventhub::postgres::sql::{Error, Options, Rows, Statement};

    capabilities! {
        /// One statement in its own transaction.
        pub fn query(database: &str, statement: &Statement) -> Result<Rows, Error> => postgres::sql;
        /// All statements in one transaction.
        pub fn transaction(database: &str, statements: &[Statement], options: Options) -> Result<Vec<Rows>, Error> => postgres::sql;
    }
}

/// Redis.
pub mod redis {
    use crate::bindings::eventhub::redis::commands::{Command, Error, Reply};

    capabilities! {
        /// One command.
        pub fn execute(command: &Command) -> Result<Reply, Error> => redis::commands;
        /// Several commands in one round trip.
        pub fn pipeline(commands: &[Command]) -> Result<Vec<Result<Reply, Error>>, Error> => redis::commands;
        /// A script: atomic, every key in `keys`.
        pub fn script(source: &str, keys: &[Vec<u8>], args: &[Vec<u8>]) -> Result<Reply, Error> => redis::commands;
    }
}

/// Apache Kafka.
pub mod kafka {
    use crate::bindings::eventhub::kafka::producer::Error;
    use crate::bindings::eventhub::kafka::types::Message;

    capabilities! {
        /// Returns when all messages are acknowledged.
        pub fn publish(messages: &[Message]) -> Result<(), Error> => kafka::producer;
    }
}

/// WebSockets.
pub mod websocket {
    capabilities! {
        /// Says that a live topic has something new.
        pub fn notify(topic: &str) => websocket::topics;
    }
}

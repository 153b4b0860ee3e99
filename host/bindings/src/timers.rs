//! `eventhub:timers@0.1.0`: periodic work.

mod generated {
    wasmtime::component::bindgen!({
        path: "../../wit/deps/timers",
        interfaces: "import eventhub:timers/types@0.1.0;",
        additional_derives: [Default, PartialEq, Eq],
    });
}

pub use generated::eventhub::timers::types::Tick;

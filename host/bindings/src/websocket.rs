//! `eventhub:websocket@0.1.0`: topics and their frames.

mod generated {
    wasmtime::component::bindgen!({
        path: ["../../wit/deps/http", "../../wit/deps/websocket"],
        interfaces: "import eventhub:websocket/types@0.1.0;",
        with: { "eventhub:http/types": crate::http },
        additional_derives: [PartialEq, Eq],
    });
}

pub use generated::eventhub::websocket::types::{Frame, Page, Refusal, Subscription};

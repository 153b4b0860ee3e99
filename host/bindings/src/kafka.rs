//! `eventhub:kafka@0.1.0`: messages that are published and consumed.

mod generated {
    wasmtime::component::bindgen!({
        path: "../../wit/deps/kafka",
        interfaces: "
            import eventhub:kafka/types@0.1.0;
            import eventhub:kafka/producer@0.1.0;
        ",
        additional_derives: [PartialEq, Eq],
    });
}

pub use generated::eventhub::kafka::producer::Error as PublishError;
pub use generated::eventhub::kafka::types::{Delivery, Message, Outcome};

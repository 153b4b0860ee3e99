//! `eventhub:http@0.1.0`: one HTTP exchange as a value.

mod generated {
    wasmtime::component::bindgen!({
        path: "../../wit/deps/http",
        interfaces: "import eventhub:http/types@0.1.0;",
        additional_derives: [Default, PartialEq, Eq],
    });
}

pub use generated::eventhub::http::types::{Principal, Request, Response};

impl Response {
    /// The value of the first header with this name, which is given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

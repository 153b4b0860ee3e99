//! The values that cross between host and components: what `eventhub:http`, `eventhub:kafka`,
//! `eventhub:timers` and `eventhub:websocket` call `types`. Written by hand, as their WIT has them;
//! all names and shapes are documented there.

use wasmtime::component::{ComponentType, Lift, Lower};

/// `eventhub:http/types.principal`
#[derive(Debug, Clone, Default, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(record)]
pub struct Principal {
    #[component(name = "user-id")]
    pub user_id: String,
    pub roles: Vec<String>,
}

/// `eventhub:http/types.request`
#[derive(Debug, Clone, Default, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(record)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub query: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub principal: Option<Principal>,
    #[component(name = "request-id")]
    pub request_id: String,
    pub traceparent: String,
    #[component(name = "client-address")]
    pub client_address: String,
}

/// `eventhub:http/types.response`
#[derive(Debug, Clone, Default, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(record)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// `eventhub:kafka/types.message`
#[derive(Debug, Clone, Default, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(record)]
pub struct Message {
    pub topic: String,
    pub key: Option<Vec<u8>>,
    pub headers: Vec<(String, String)>,
    pub value: Vec<u8>,
}

/// `eventhub:kafka/types.delivery`
#[derive(Debug, Clone, Default, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(record)]
pub struct Delivery {
    pub message: Message,
    pub partition: i32,
    pub offset: i64,
    pub timestamp: i64,
    pub attempt: u32,
}

/// `eventhub:kafka/types.outcome`
#[derive(Debug, Clone, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(variant)]
pub enum Outcome {
    #[component(name = "done")]
    Done,
    #[component(name = "retry")]
    Retry(String),
    #[component(name = "unavailable")]
    Unavailable(String),
    #[component(name = "dead-letter")]
    DeadLetter(String),
}

/// `eventhub:timers/types.tick`
#[derive(Debug, Clone, Default, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(record)]
pub struct Tick {
    pub now: i64,
    pub traceparent: String,
}

/// `eventhub:websocket/types.frame`
#[derive(Debug, Clone, Default, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(record)]
pub struct Frame {
    pub seq: u64,
    pub text: String,
}

/// `eventhub:websocket/types.subscription`
#[derive(Debug, Clone, Default, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(record)]
pub struct Subscription {
    pub topic: String,
    pub frames: Vec<Frame>,
    pub seq: u64,
}

/// `eventhub:websocket/types.refusal`
#[derive(Debug, Clone, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(variant)]
pub enum Refusal {
    #[component(name = "response")]
    Response(Response),
    #[component(name = "close")]
    Close((u16, String)),
}

/// `eventhub:websocket/types.page`
#[derive(Debug, Clone, Default, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(record)]
pub struct Page {
    pub frames: Vec<Frame>,
    pub reset: bool,
}

impl Response {
    /// The first header of this name (given in lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

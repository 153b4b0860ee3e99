//! The gateway behind `wasi:http/incoming-handler`, which every host supports.
#![cfg(target_arch = "wasm32")]

use eventhub_guest::problem::{Code, Problem};
use eventhub_wasi_http::incoming::{Unread, body, head, send};
use wasip2::http::types::{IncomingRequest, ResponseOutparam};

use crate::{Component, GATEWAY, gateway};

impl wasip2::exports::http::incoming_handler::Guest for Component {
    fn handle(incoming: IncomingRequest, out: ResponseOutparam) {
        let response = GATEWAY.with(|gateway| {
            let (mut request, length) = head(&incoming);
            let max = gateway.max_body(&request.path);
            match body(&incoming, length, max) {
                Ok(body) => {
                    request.body = body;
                    gateway.handle(request)
                }
                Err(Unread::TooLarge) => gateway.refuse(request, gateway::body_too_large(max)),
                Err(Unread::Broken) => gateway.refuse(
                    request,
                    Problem::new(Code::MalformedJson, "The body did not arrive completely."),
                ),
            }
        });
        send(response, out);
    }
}

//! `wasi:http` as values, for components on every host: [`incoming`] makes an exchange a request
//! and a response, [`outgoing`] makes one call.

pub mod incoming;
pub mod outgoing;

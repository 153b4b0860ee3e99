//! `wasi:http` as values, for components on every host: [`incoming`] turns an exchange into a
//! request and a response, [`outgoing`] sends one request.

pub mod incoming;
pub mod outgoing;

//! HTTP to the outside for `wasi:http/outgoing-handler`: only to authorities that the component is
//! allowed, only to public addresses unless the entry says otherwise, and each authority through a
//! link of its own.

mod address;
mod allow;
mod client;
mod config;
mod connect;

pub use address::is_public;
pub use allow::{Allowed, Authority, ParseError};
pub use client::{Answer, Client, Refusal};
pub use config::Config;

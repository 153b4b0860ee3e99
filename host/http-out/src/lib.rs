//! Outgoing HTTP for `wasi:http/outgoing-handler`: only to the authorities on the component's
//! allow-list, only to public addresses unless the entry says otherwise, and with a separate link
//! for each authority.

mod address;
mod allow;
mod client;
mod config;
mod connect;

pub use address::is_public;
pub use allow::{Allowed, Authority, ParseError};
pub use client::{Answer, Client, Refusal};
pub use config::Config;

//! The rules of the edge, for the host and the gateway alike: whose address a request comes from,
//! and by which id it may be named. Pure.

pub mod address;
pub mod request_id;

//! The rules of the edge, shared by the host and the gateway: the client's address, and the request
//! ids that clients may set. Pure.

pub mod address;
pub mod request_id;

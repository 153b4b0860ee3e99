//! What takes more than one read or write: `access` looks up who may, `layouts` makes and replaces.

pub mod access;
pub mod layouts;

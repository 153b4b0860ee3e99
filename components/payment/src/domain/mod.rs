//! The rules of payments, without I/O: time is an argument.

pub mod payment;
pub mod provider;
pub mod reconciliation;

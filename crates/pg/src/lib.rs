//! The code shared by all providers of `eventhub:postgres`, whatever their driver: the binary forms
//! of values, the check of decimals, and the statements forbidden to components. Pure.

pub mod binary;
pub mod numeric;
pub mod session;

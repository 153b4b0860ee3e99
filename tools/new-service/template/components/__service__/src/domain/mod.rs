//! The rules of this service. Nothing here does I/O or reads a clock.

pub mod __resource__;

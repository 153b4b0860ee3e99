//! The payment service on a real database, with a provider of the test's own: its webhooks, and what
//! the saga and the timer ask of it.

#![allow(clippy::unwrap_used)]

mod openapi;
mod payments;
mod reconciliation;
mod support;
mod webhooks;

//! The routes of the identity service on a real database: good answers, each refusal, another's
//! data.

#![allow(clippy::unwrap_used)]

mod auth;
mod keys;
mod openapi;
mod organizers;
mod support;
mod timers;
mod users;

//! The routes of the event service on a real database: good answers, each refusal, another's data.
//! The services that it calls are [`support::Services`].

#![allow(clippy::unwrap_used)]

mod cancellation;
mod events;
mod lifecycle;
mod openapi;
mod search;
mod support;
mod venues;

//! The routes and exports of the venue-layout service on a real database: good answers, each
//! refusal, another's data.

#![allow(clippy::unwrap_used)]

mod exports;
mod layouts;
mod openapi;
mod support;
mod templates;

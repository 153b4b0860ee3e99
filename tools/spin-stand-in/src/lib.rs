//! The part of Spin 4 that EventHub's components need, modelled on Spin's source: `spin up` of a
//! `spin.toml` with the HTTP trigger, components composed with their dependencies, an instance a
//! request, service chaining, allowed hosts, and the interfaces `spin:postgres` and
//! `fermyon:spin/redis`. For tests on machines without Spin. It is slower than Spin and supports
//! nothing else.

mod application;
mod composition;
mod hosts;
pub mod manifest;
pub mod postgres;
pub mod redis;
mod server;

pub use application::Application;
pub use server::serve;
use wasmtime::component::Val;

fn variant(name: &str, value: Val) -> Val {
    Val::Variant(name.into(), Some(Box::new(value)))
}

fn succeeded(value: Val) -> Val {
    Val::Result(Ok(Some(Box::new(value))))
}

fn failed(error: Val) -> Val {
    Val::Result(Err(Some(Box::new(error))))
}

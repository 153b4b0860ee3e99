//! As much of Spin 4 as EventHub's components need, written after Spin's source: `spin up` of a
//! `spin.toml` with the HTTP trigger, components composed with their dependencies, an instance a
//! request, service chaining, allowed hosts, and the interfaces `spin:postgres` and
//! `fermyon:spin/redis`. For tests where there is no Spin; it is slower, and knows nothing else.

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

//! Runs components on wasmtime: pools of reusable instances, links between components, and limits
//! on both.
//!
//! - [`Runtime`], once per process: the engine, its epoch ticker, compiled code cached on disk.
//! - [`AppBuilder`], once per manifest: components, capabilities and links, checked as a whole
//!   before anything is served.
//! - [`App`], per call: [`App::handle`], [`App::events`], [`App::tick`], [`App::live_open`],
//!   [`App::live_read`].
//!
//! A guest that traps, loops or exhausts its memory harms only the call that it serves: its
//! instance is dropped, and the next call gets another one. The failure is logged here, once, with
//! the guest's backtrace.

mod app;
mod cache;
mod computing;
mod config;
mod context;
mod engine;
mod error;
mod incoming;
mod instance;
mod interface;
mod limits;
mod link;
mod loaded;
mod meters;
mod outgoing;
mod output;
mod pool;
mod problem;
mod state;

pub use app::{AddToLinker, App, AppBuilder, BuildError, ComponentSource, Fault, LinkSpec};
pub use config::{EngineConfig, PoolConfig};
pub use context::CallContext;
pub use engine::Runtime;
pub use error::CallError;
pub use interface::InterfaceName;
pub use loaded::Entries;
pub use outgoing::{Connection, OutgoingFuture, OutgoingHttp};
pub use pool::ComponentStats;
pub use problem::{Code, problem};
pub use state::State;

//! The values that cross between the host and the components, generated from the packages in
//! `wit/deps`: one module for each package. The WIT documents their shapes and units.
//!
//! Only types come from here. The host defines imports and looks up exports itself, because
//! `bindgen!` fits neither:
//!
//! - A generated `add_to_linker` finds its state in the store. A capability's state (its client,
//!   and the link with the limits of one caller) belongs to a linker, and the store of an instance
//!   knows no capability.
//! - A generated export belongs to one interface. `routes`, `events`, `timers` and `live` have the
//!   same functions in the package of every service.
//!
//! wasmtime checks the types of both against the component: imports when it is linked, exports
//! when it is instantiated.

pub mod http;
pub mod kafka;
pub mod postgres;
pub mod redis;
pub mod timers;
pub mod websocket;

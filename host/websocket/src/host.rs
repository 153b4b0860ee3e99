//! `eventhub:websocket/topics@0.1.0`, as components import it.

use wasmtime::component::Linker;

use crate::Hub;

/// The interface's name.
pub const TOPICS: &str = "eventhub:websocket/topics@0.1.0";

/// Registers `notify`. It never waits and never fails, so it needs no link.
///
/// # Errors
/// When the linker has the interface already.
pub fn add_to_linker<T: Send + 'static>(linker: &mut Linker<T>, hub: Hub) -> wasmtime::Result<()> {
    linker
        .instance(TOPICS)?
        .func_wrap("notify", move |_, (topic,): (String,)| {
            hub.notify(&topic);
            Ok(())
        })
}

//! The rules of seat selection, pure: which seats a request means, and which are best. No I/O, no
//! clock; occupancy is an argument. Tests and benchmarks use the modules natively, as they are.

pub mod best;
pub mod bits;
pub mod cache;
pub mod exports;
pub mod key_table;
pub mod layout;
pub mod select;

/// The bindings of this component's world.
#[allow(missing_docs)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "eventhub:seat-lock/component@0.1.0",
        generate_all,
    });
}

/// What the component exports.
pub struct Component;

// Only a component has exports; a native linker takes no names such as these.
#[cfg(target_arch = "wasm32")]
bindings::export!(Component with_types_in bindings);

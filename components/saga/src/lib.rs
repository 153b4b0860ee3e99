//! The booking saga as a component: `machine` has the rules, `exports` gives them to other
//! components. The same crate links natively, for tests and benchmarks.

pub mod exports;
pub mod machine;

/// The bindings of this component's world.
#[allow(missing_docs)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "eventhub:saga/component@0.1.0",
        generate_all,
    });
}

// Only a component has exports; a native linker takes no names such as these.
#[cfg(target_arch = "wasm32")]
bindings::export!(Component with_types_in bindings);
#[cfg(target_arch = "wasm32")]
use exports::Component;

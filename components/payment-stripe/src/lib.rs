//! Stripe's protocol: PaymentIntents and refunds over its REST API, webhooks by its signature
//! scheme. Knows nothing of bookings beyond the ids that it puts into Stripe's metadata.

pub mod client;
pub mod config;
pub mod domain;
pub mod error;
pub mod exports;

/// The bindings of this component's world.
#[allow(missing_docs)]
pub mod bindings {
    eventhub_guest::bindings!("eventhub:payment-stripe/component@0.1.0", [common]);
}

/// What the component exports.
pub struct Component;

// Only a component has exports; a native linker takes no names such as these.
#[cfg(target_arch = "wasm32")]
bindings::export!(Component with_types_in bindings);

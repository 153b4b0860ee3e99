//! Bindings of every shared interface, generated once. Components map their own worlds onto these:
//!
//! ```ignore
//! wit_bindgen::generate!({
//!     path: "../../wit",
//!     world: "booking",
//!     with: {
//!         "eventhub:common/types@0.1.0": eventhub_guest::bindings::eventhub::common::types,
//!         "eventhub:http/types@0.1.0": eventhub_guest::bindings::eventhub::http::types,
//!         "eventhub:postgres/sql@0.1.0": eventhub_guest::bindings::eventhub::postgres::sql,
//!         // … and the others that the world names
//!     },
//!     generate_all,
//! });
//! ```
//! An interface that a component does not call does not become one of its imports.
#![allow(missing_docs)]

wit_bindgen::generate!({
    path: "../../wit",
    world: "capabilities",
    generate_all,
    additional_derives: [PartialEq],
});

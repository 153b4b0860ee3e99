//! A shim that the build writes; see the package's documentation.
include!(concat!(env!("OUT_DIR"), "/venue_layout_server.rs"));

//! A shim that the build writes; see the package's documentation.
include!(concat!(env!("OUT_DIR"), "/identity_server.rs"));

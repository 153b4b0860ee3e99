//! A shim that the build writes; see the package's documentation.
include!(concat!(env!("OUT_DIR"), "/application_server.rs"));

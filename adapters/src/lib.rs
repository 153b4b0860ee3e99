//! Calls between components over HTTP, for where a link cannot be a function call: another process, another host.
//!
//! Every interface of the WIT has two shims, which `build.rs` writes: a *client*, which exports the interface and sends each call
//! ([`client`]), and a *server*, which takes calls and makes them on its import ([`server`]). Neither service notices: WIT is the
//! seam. The shims are the examples of this package, since Cargo builds several libraries of one package only as examples.
//!
//! A call is `POST /<interface>/<function>` with `Authorization: Bearer <token>`, its parameters in the body, its result in the
//! answer ([`wire`]). The token is the whole of the trust between the two sides: who has it says who the principal is, so the
//! listener of a server shim belongs on a private network.

pub mod client;
pub mod server;
pub mod wire;

//! Calls between components over HTTP, for where a link cannot be a function call: another process,
//! another host.
//!
//! Every interface of the WIT has two shims, which `build.rs` writes: a *client*, which exports the
//! interface and sends each call ([`client`]), and a *server*, which takes calls and makes them on
//! its import ([`server`]). Neither service notices: WIT is the seam. The shims are the examples of
//! this package, since Cargo builds several libraries of one package only as examples.
//!
//! A call is `POST /call/<package>/<interface>/<function>` with `Authorization: Bearer <token>`,
//! its parameters in the body, its result in the answer ([`wire`]). The token is the whole of the
//! trust between the two sides: who has it says who the principal is, so the listener of a server
//! shim belongs on a private network.
//!
//! The server shim of a service is composed into the service's own file at build time, as its door:
//! every host that speaks `wasi:http` can serve it. Three shims are components of their own: the
//! *application* server calls whatever a host may call of the whole and gives all other requests to
//! the gateway, for hosts that have one door only; *capabilities*, client and server, carry the
//! providers of our host to hosts that lack them.

pub mod client;
pub mod server;
pub mod wire;

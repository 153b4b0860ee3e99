//! Calls between components over HTTP, for where a link cannot be a function call: another process,
//! another host.
//!
//! Every interface of the WIT has two shims. A *client* exports the interface and sends each call
//! ([`client`]). A *server* receives calls and makes them on its import ([`server`]). No service
//! knows of them: WIT is the seam. `eventhub-compose shims` writes them from the manifest and the
//! WIT; this crate is the code that they share.
//!
//! A call is `POST /call/<package>/<interface>/<function>` with `Authorization: Bearer <token>`. The
//! body holds the parameters, the answer holds the result ([`wire`]). Both sides trust each other by
//! the token alone: whoever has it decides who the principal is, so the listener of a server shim
//! belongs on a private network.
//!
//! The server shim of a service is composed into the service's own file at build time, so every host
//! that speaks `wasi:http` can serve it. Three shims are components of their own: the *application*
//! server makes whatever calls a host makes to the application and gives all other requests to the
//! gateway, for hosts that have one listener only; *capabilities*, client and server, carry the
//! providers of our host to hosts that lack them.

pub mod client;
pub mod server;
pub mod wire;

//! Calls between components over HTTP, for links that cannot be function calls: to another process
//! or another host.
//!
//! Every interface of the WIT has two shims. A *client* exports the interface and sends each call
//! ([`client`]). A *server* receives calls and makes them on its import ([`server`]). No service
//! knows of them: WIT is the seam. `eventhub-compose shims` writes them from the manifest and the
//! WIT; this crate is the code that they share.
//!
//! A call is `POST /call/<package>/<interface>/<function>` with `Authorization: Bearer <token>`.
//! The body holds the parameters, the answer holds the result ([`wire`]). The token alone
//! establishes trust: its holder chooses the principal, so the listener of a server shim belongs on
//! a private network.
//!
//! The server shim of a service is composed into the service's own file at build time, so every
//! host that speaks `wasi:http` can serve it. Three shims are components of their own: the
//! *application* server takes the calls of the host to the application and passes all other
//! requests to the gateway, for hosts with a single listener; *capabilities*, client and server,
//! bring the providers of our host to hosts that lack them.

pub mod client;
pub mod server;
pub mod wire;

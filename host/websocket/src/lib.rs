//! WebSockets for components. The host holds the sockets; a service decides who may listen to what,
//! and what to send.
//!
//! A topic is an ordered log of frames that the service keeps. One task for each topic with
//! listeners reads it after a component has called [`notify`](Hub::notify), at most every 50 ms,
//! and once a second in any case. It passes each frame to every socket of the topic. The numbers of
//! a socket's frames rise by one from the end of its subscription, without gaps or repetitions.
//!
//! A server asks the [`Hub`] for a [`Permit`], [`upgrade`]s the request, and gives both to
//! [`Permit::serve`].

mod addresses;
mod config;
mod host;
mod hub;
mod log;
mod meters;
mod socket;
mod topic;
mod upgrade;

pub use config::Config;
pub use eventhub_bindings::websocket::{Frame, Page, Subscription};
pub use host::{TOPICS, add_to_linker};
pub use hub::{AdmitError, Hub, Permit};
pub use topic::TopicReader;
pub use upgrade::{NotAnUpgrade, Upgrade, is_upgrade, upgrade};

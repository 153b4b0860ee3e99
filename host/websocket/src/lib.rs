//! WebSockets for components: the host holds the sockets, a service says who may listen to what and
//! what to send.
//!
//! A topic is an ordered log of frames that the service keeps. One task per topic with listeners
//! reads it when a component [`notify`](Hub::notify)s, at most every 50 ms, and once a second
//! anyway, and hands each frame to every socket of the topic. Every socket gets its frames with
//! numbers that rise by one, from where its subscription ended, whatever happens in between.
//!
//! A server asks the [`Hub`] for a [`Seat`], [`upgrade`]s the request, and gives both to
//! [`Seat::serve`].

mod addresses;
mod config;
mod host;
mod hub;
mod log;
mod meters;
mod socket;
mod topic;
mod upgrade;
mod values;

pub use config::Config;
pub use host::{TOPICS, add_to_linker};
pub use hub::{Hub, NoPlace, Seat};
pub use topic::TopicReader;
pub use upgrade::{NotAnUpgrade, Upgrade, is_upgrade, upgrade};
pub use values::{Frame, Page, Subscription};

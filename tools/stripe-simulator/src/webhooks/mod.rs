//! Telling webhook endpoints what happened: signed, in no particular order, retried until taken, as
//! Stripe does; and the log of how that went. Source: https://docs.stripe.com/webhooks.

mod dispatch;
mod log;
mod sign;

pub use dispatch::{Dispatcher, Disturbance, Schedule};
pub use sign::sign;

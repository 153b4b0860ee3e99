//! Stripe's protocol without I/O: its objects, amounts, forms, answers and signatures.

pub mod answer;
pub mod currency;
pub mod form;
pub mod object;
pub mod signature;

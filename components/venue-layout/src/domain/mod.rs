//! The rules of layouts: `layout` reads one, `templates` make one, `access` says who may. No I/O, no
//! clock.

pub mod access;
pub mod layout;
pub mod templates;

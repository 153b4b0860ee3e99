//! The build of the components, derived from the project's manifest and WIT.

mod assembly;
mod plan;
mod shims;
mod support;
mod workspace;

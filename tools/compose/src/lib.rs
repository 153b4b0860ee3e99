//! The build of the components, derived from `wadm.yaml` and the WIT: which components are built,
//! what is composed into what ([`Plan`]), the shims ([`shims`]), and the finished files
//! ([`assemble`]). `setup/components.sh` calls Cargo in between. A new service is an entry of the
//! manifest and its WIT package: no list here names it.

mod assembly;
mod composition;
mod plan;
mod project;
pub mod shims;
mod workspace;

pub use assembly::assemble;
pub use composition::{compose, interfaces};
pub use plan::{Adapter, Component, Plan, Selection};
pub use project::Project;
pub use workspace::write_workspace;

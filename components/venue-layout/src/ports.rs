//! The other services that this one calls: roles in an organizer.

use eventhub_guest::ids::{OrganizerId, UserId};

use crate::bindings::eventhub::identity::organizers;
use crate::domain::access::Role;

/// A service does not answer just now. The text is for the log.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Unavailable {
    #[error("roles are unavailable: {0}")]
    Roles(String),
}

/// What this service calls of others.
pub trait Ports {
    /// A user's role in an organizer; none where they are not a member.
    ///
    /// # Errors
    /// The identity service is unavailable.
    fn role_of(&self, organizer: OrganizerId, user: UserId) -> Result<Option<Role>, Unavailable>;
}

/// The services that the component is linked with.
pub struct Linked;

impl Ports for Linked {
    fn role_of(&self, organizer: OrganizerId, user: UserId) -> Result<Option<Role>, Unavailable> {
        match organizers::role_of(&organizer.to_string(), &user.to_string()) {
            Ok(role) => Ok(role.map(Role::from)),
            Err(organizers::Error::Unavailable(cause)) => Err(Unavailable::Roles(cause)),
        }
    }
}

impl From<organizers::Role> for Role {
    fn from(role: organizers::Role) -> Self {
        match role {
            organizers::Role::Viewer => Role::Viewer,
            organizers::Role::Editor => Role::Editor,
            organizers::Role::Owner => Role::Owner,
        }
    }
}

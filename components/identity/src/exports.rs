//! The typed interface that other services call: who may act for an organizer.

use eventhub_guest::ids::{OrganizerId, UserId};

use crate::bindings::exports::eventhub::identity::organizers as wit;
use crate::domain::organizer::Role;
use crate::{Component, store, with_context};

impl wit::Guest for Component {
    fn role_of(organizer_id: String, user_id: String) -> Result<Option<wit::Role>, wit::Error> {
        with_context(|()| {
            // A text that is not an id names nobody.
            let (Ok(organizer), Ok(user)) = (
                organizer_id.parse::<OrganizerId>(),
                user_id.parse::<UserId>(),
            ) else {
                return Ok(None);
            };
            let role = store::organizers::find_role(organizer, user)
                .map_err(|error| wit::Error::Unavailable(error.to_string()))?;
            Ok(role.map(wit::Role::from))
        })
    }
}

impl From<Role> for wit::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Viewer => wit::Role::Viewer,
            Role::Editor => wit::Role::Editor,
            Role::Owner => wit::Role::Owner,
        }
    }
}

//! Who may see and change what: published events are everybody's to see, the rest is for members
//! of the organizer; its editors and owners change it.

use super::event::Event;

/// A member's role in an organizer, ordered by what it permits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Role {
    Viewer,
    Editor,
    Owner,
}

/// Why somebody may not do it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Denied {
    /// The organizer does not exist or is another's: for the client it is the same.
    #[error("the user is not a member of this organizer")]
    UnknownOrganizer,
    #[error("a viewer changes nothing")]
    Viewer,
    /// The event is public, so its existence is no secret.
    #[error("only editors of the organizer change its events")]
    NoEditor,
    /// The event is not published, and the user must not learn that it exists.
    #[error("only members of the organizer see its drafts")]
    Hidden,
}

/// Whether a user of this role may make something for the organizer.
///
/// # Errors
/// They are a viewer, or not a member.
pub fn check_creation(role: Option<Role>) -> Result<(), Denied> {
    check_editor(role, Denied::UnknownOrganizer)
}

/// Whether a user of this role may see the event.
///
/// # Errors
/// It is not public, and they are not a member.
pub fn check_sight(event: &Event, role: Option<Role>) -> Result<(), Denied> {
    if event.is_public() || role.is_some() {
        Ok(())
    } else {
        Err(Denied::Hidden)
    }
}

/// Whether a user of this role may change the event.
///
/// # Errors
/// They are a viewer, or not a member.
pub fn check_change(event: &Event, role: Option<Role>) -> Result<(), Denied> {
    let stranger = if event.is_public() {
        Denied::NoEditor
    } else {
        Denied::Hidden
    };
    check_editor(role, stranger)
}

fn check_editor(role: Option<Role>, stranger: Denied) -> Result<(), Denied> {
    match role {
        None => Err(stranger),
        Some(Role::Viewer) => Err(Denied::Viewer),
        Some(Role::Editor | Role::Owner) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::Status;
    use crate::domain::lifecycle::tests::event;

    #[test]
    fn strangers_see_only_what_was_published() {
        let (draft, published) = (event(Status::Draft, 1), event(Status::Published, 1));
        assert_eq!(check_sight(&draft, None), Err(Denied::Hidden));
        assert_eq!(check_sight(&draft, Some(Role::Viewer)), Ok(()));
        assert_eq!(check_sight(&published, None), Ok(()));
    }

    #[test]
    fn editors_and_owners_change_and_nobody_else() {
        let (draft, published) = (event(Status::Draft, 1), event(Status::Published, 1));
        for role in [Role::Editor, Role::Owner] {
            assert_eq!(check_change(&draft, Some(role)), Ok(()));
            assert_eq!(check_creation(Some(role)), Ok(()));
        }
        assert_eq!(
            check_change(&draft, Some(Role::Viewer)),
            Err(Denied::Viewer)
        );
        assert_eq!(check_change(&draft, None), Err(Denied::Hidden));
        assert_eq!(check_change(&published, None), Err(Denied::NoEditor));
        assert_eq!(check_creation(Some(Role::Viewer)), Err(Denied::Viewer));
        assert_eq!(check_creation(None), Err(Denied::UnknownOrganizer));
    }
}

//! Who may do what with layouts: editors of the venue's organizer change them. A layout itself is
//! public, because buyers draw the seats from it.

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
    /// The venue does not exist or is another's: for the client it is the same.
    #[error("the user is not a member of the venue's organizer")]
    UnknownVenue,
    #[error("a viewer changes nothing")]
    Viewer,
    /// The layout is public, so its existence is no secret.
    #[error("only editors of the venue's organizer change its layouts")]
    NoEditor,
    #[error("only members of the venue's organizer list its layouts")]
    Hidden,
}

/// Whether a user of this role may make a layout for the venue.
///
/// # Errors
/// They are a viewer, or not a member.
pub fn check_creation(role: Option<Role>) -> Result<(), Denied> {
    check_editor(role, Denied::UnknownVenue)
}

/// Whether a user of this role may change a layout of the venue.
///
/// # Errors
/// They are a viewer, or not a member.
pub fn check_change(role: Option<Role>) -> Result<(), Denied> {
    check_editor(role, Denied::NoEditor)
}

/// Whether a user of this role may list the layouts of the venue.
///
/// # Errors
/// They are not a member.
pub fn check_list(role: Option<Role>) -> Result<(), Denied> {
    role.map(|_| ()).ok_or(Denied::Hidden)
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

    #[test]
    fn editors_and_owners_change_and_nobody_else() {
        for role in [Role::Editor, Role::Owner] {
            assert_eq!(check_creation(Some(role)), Ok(()));
            assert_eq!(check_change(Some(role)), Ok(()));
        }
        assert_eq!(check_creation(Some(Role::Viewer)), Err(Denied::Viewer));
        assert_eq!(check_creation(None), Err(Denied::UnknownVenue));
        assert_eq!(check_change(Some(Role::Viewer)), Err(Denied::Viewer));
        assert_eq!(check_change(None), Err(Denied::NoEditor));
    }

    #[test]
    fn every_member_lists_layouts_and_no_stranger() {
        assert_eq!(check_list(Some(Role::Viewer)), Ok(()));
        assert_eq!(check_list(None), Err(Denied::Hidden));
    }
}

//! Organizers and what their members may do.

use eventhub_guest::ids::{OrganizerId, UserId};
use eventhub_guest::{Check, Timestamp};
use serde::{Deserialize, Serialize};

/// Ordered by what they may do.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Role {
    Viewer,
    Editor,
    Owner,
}

/// An organizer as one of its members sees it.
#[derive(Debug, Serialize)]
pub struct Organizer {
    pub id: OrganizerId,
    pub name: String,
    pub slug: String,
    /// Of the member who asks.
    pub role: Role,
    pub created_at: Timestamp,
}

/// A member as other members see them.
#[derive(Debug, Serialize)]
pub struct Member {
    pub user_id: UserId,
    pub name: String,
    pub email: String,
    pub role: Role,
    pub created_at: Timestamp,
    #[serde(skip)]
    pub version: i64,
}

impl Role {
    /// Whether somebody of this role may add members, change roles and remove others.
    pub fn manages_members(self) -> bool {
        self == Role::Owner
    }
}

/// Checks a slug: 2 to 64 of `a-z 0-9`, single hyphens between them.
pub fn check_slug(check: &mut Check, slug: &str) {
    let is_of_words = slug.split('-').all(|word| {
        !word.is_empty()
            && word
                .bytes()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    });
    check.that(
        (2..=64).contains(&slug.len()),
        "/slug",
        "wrong_length",
        "must have 2 to 64 characters",
    );
    check.that(
        is_of_words,
        "/slug",
        "invalid",
        "must consist of a-z and 0-9, with single hyphens between words",
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slug_is_fit_for_a_url() {
        let ok = |slug: &str| {
            let mut check = Check::new();
            check_slug(&mut check, slug);
            check.is_ok()
        };
        assert!(ok("city-hall-2") && ok("42") && ok(&"a".repeat(64)));
        for slug in [
            "",
            "a",
            "-a",
            "a-",
            "a--b",
            "A1",
            "a b",
            "a/b",
            "ä1",
            &"a".repeat(65),
        ] {
            assert!(!ok(slug), "{slug}");
        }
    }

    #[test]
    fn only_an_owner_manages_members() {
        assert!(
            Role::Owner.manages_members()
                && !Role::Editor.manages_members()
                && !Role::Viewer.manages_members()
        );
        assert!(Role::Viewer < Role::Editor && Role::Editor < Role::Owner);
    }
}

//! Organizers and their members.

use eventhub_guest::Timestamp;
use eventhub_guest::creation::{self, Creation, Key};
use eventhub_guest::ids::{self as kinds, OrganizerId, UserId};
use eventhub_guest::sql::{self, Row, Statement, sql};
use eventhub_guest::validate::EmailAddress;

use super::DB;
use crate::domain::organizer::{Member, Organizer, Role};
use crate::error::Error;

fn read_organizer(row: &Row) -> Result<Organizer, sql::Error> {
    Ok(Organizer {
        id: row.get("id")?,
        name: row.get("name")?,
        slug: row.get("slug")?,
        role: row.parse("role")?,
        created_at: row.get("created_at")?,
    })
}

fn read_member(row: &Row) -> Result<Member, sql::Error> {
    Ok(Member {
        user_id: row.get("user_id")?,
        name: row.get("name")?,
        email: row.get("email")?,
        role: row.parse("role")?,
        created_at: row.get("created_at")?,
        version: row.get("version")?,
    })
}

/// Inserts an organizer with `owner` as its only member, once for an idempotency key.
///
/// # Errors
/// [`Error::SlugTaken`].
pub fn insert_organizer(
    organizer: &Organizer,
    owner: UserId,
    key: Option<&Key>,
) -> Result<Creation<kinds::Organizer>, Error> {
    let insert = sql("INSERT INTO organizers (id, name, slug, created_at) VALUES ($1, $2, $3, $4)")
        .bind(organizer.id)
        .bind(organizer.name.as_str())
        .bind(organizer.slug.as_str())
        .bind(organizer.created_at)
        .expect(1);
    let own = sql(
        "INSERT INTO members (organizer_id, user_id, role, created_at) \
         VALUES ($1, $2, 'owner', $3)",
    )
    .bind(organizer.id)
    .bind(owner)
    .bind(organizer.created_at)
    .expect(1);
    let created = creation::create(DB, key, organizer.id, vec![insert, own]);
    created.map_err(|error| {
        if error.violates("organizers_slug_key") {
            Error::SlugTaken
        } else {
            error.into()
        }
    })
}

/// The user's organizers, the oldest first.
pub fn list_organizers(
    user: UserId,
    after: Option<OrganizerId>,
    limit: usize,
) -> Result<Vec<Organizer>, Error> {
    let statement = sql("SELECT o.id, o.name, o.slug, o.created_at, m.role \
         FROM members m JOIN organizers o ON o.id = m.organizer_id \
         WHERE m.user_id = $1 AND ($2::uuid IS NULL OR m.organizer_id > $2) \
         ORDER BY m.organizer_id LIMIT $3")
    .bind(user)
    .bind(after)
    .bind(limit as i64);
    let rows = DB.query(statement)?;
    Ok(rows.iter().map(read_organizer).collect::<Result<_, _>>()?)
}

/// None where there is no such organizer, or the user is not a member of it.
pub fn find_organizer(id: OrganizerId, user: UserId) -> Result<Option<Organizer>, Error> {
    let statement = sql("SELECT o.id, o.name, o.slug, o.created_at, m.role \
         FROM organizers o JOIN members m ON m.organizer_id = o.id \
         WHERE o.id = $1 AND m.user_id = $2")
    .bind(id)
    .bind(user);
    let row = DB.optional(statement)?;
    Ok(row.as_ref().map(read_organizer).transpose()?)
}

/// The user's role in the organizer; none where they are not a member, or one of the two does not
/// exist.
pub fn find_role(id: OrganizerId, user: UserId) -> Result<Option<Role>, Error> {
    let statement = sql("SELECT role FROM members WHERE organizer_id = $1 AND user_id = $2")
        .bind(id)
        .bind(user);
    let row = DB.optional(statement)?;
    Ok(row.map(|row| row.parse("role")).transpose()?)
}

/// The members, in the order of their accounts' age.
pub fn list_members(
    id: OrganizerId,
    after: Option<UserId>,
    limit: usize,
) -> Result<Vec<Member>, Error> {
    let statement = sql(
        "SELECT m.user_id, u.name, u.email, m.role, m.created_at, m.version \
         FROM members m JOIN users u ON u.id = m.user_id \
         WHERE m.organizer_id = $1 AND ($2::uuid IS NULL OR m.user_id > $2) \
         ORDER BY m.user_id LIMIT $3",
    )
    .bind(id)
    .bind(after)
    .bind(limit as i64);
    let rows = DB.query(statement)?;
    Ok(rows.iter().map(read_member).collect::<Result<_, _>>()?)
}

/// None where the user is not a member.
pub fn find_member(id: OrganizerId, user: UserId) -> Result<Option<Member>, Error> {
    let statement = sql(
        "SELECT m.user_id, u.name, u.email, m.role, m.created_at, m.version \
         FROM members m JOIN users u ON u.id = m.user_id \
         WHERE m.organizer_id = $1 AND m.user_id = $2",
    )
    .bind(id)
    .bind(user);
    let row = DB.optional(statement)?;
    Ok(row.as_ref().map(read_member).transpose()?)
}

/// Adds the account of that address; none where there is no such account.
///
/// # Errors
/// [`Error::AlreadyMember`].
pub fn insert_member(
    id: OrganizerId,
    email: &EmailAddress,
    role: Role,
    now: Timestamp,
) -> Result<Option<Member>, Error> {
    let statement = sql(
        "WITH account AS (SELECT id, name, email FROM users WHERE email_key = $2), \
         added AS (INSERT INTO members (organizer_id, user_id, role, created_at) \
         SELECT $1, id, $3, $4 FROM account RETURNING user_id, role, created_at, version) \
         SELECT added.user_id, account.name, account.email, added.role, added.created_at, \
         added.version FROM added JOIN account ON account.id = added.user_id",
    )
    .bind(id)
    .bind(email.key())
    .bind(role.to_string())
    .bind(now);
    let row = DB.optional(statement).map_err(|error| {
        if error.violates("members_pkey") {
            Error::AlreadyMember
        } else {
            error.into()
        }
    })?;
    Ok(row.as_ref().map(read_member).transpose()?)
}

/// Changes of the members of one organizer come one after the other: only so can each know whether
/// an owner is left.
fn lock_organizer(id: OrganizerId) -> Statement {
    sql("SELECT id FROM organizers WHERE id = $1 FOR UPDATE")
        .bind(id)
        .expect(1)
}

/// Gives a member another role; false where they are not a member, not of that version, or the last
/// owner.
pub fn update_role(
    id: OrganizerId,
    user: UserId,
    role: Role,
    version: Option<i64>,
) -> Result<bool, Error> {
    let update = sql("UPDATE members SET role = $3, version = version + 1 \
         WHERE organizer_id = $1 AND user_id = $2 AND ($4::bigint IS NULL OR version = $4) \
         AND ($3 = 'owner' OR role <> 'owner' OR EXISTS (SELECT 1 FROM members other \
         WHERE other.organizer_id = $1 AND other.user_id <> $2 AND other.role = 'owner'))")
    .bind(id)
    .bind(user)
    .bind(role.to_string())
    .bind(version)
    .expect(1);
    change_members(&[lock_organizer(id), update])
}

/// Removes a member; false where they are none, or the last owner.
pub fn delete_member(id: OrganizerId, user: UserId) -> Result<bool, Error> {
    let delete = sql(
        "DELETE FROM members WHERE organizer_id = $1 AND user_id = $2 \
         AND (role <> 'owner' OR EXISTS (SELECT 1 FROM members other \
         WHERE other.organizer_id = $1 AND other.user_id <> $2 AND other.role = 'owner'))",
    )
    .bind(id)
    .bind(user)
    .expect(1);
    change_members(&[lock_organizer(id), delete])
}

/// Runs the statements; false where an expectation of theirs is not met.
fn change_members(statements: &[Statement]) -> Result<bool, Error> {
    match DB.transaction(statements) {
        Ok(_) => Ok(true),
        Err(error) if error.is_conflict() => Ok(false),
        Err(error) => Err(error.into()),
    }
}

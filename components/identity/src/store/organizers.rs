//! Organizers and their members.

use eventhub_guest::Timestamp;
use eventhub_guest::creation::{self, Creation, Key};
use eventhub_guest::ids::{self as kinds, OrganizerId, UserId};
use eventhub_guest::sql::{Row, Statement, sql};
use serde::Serialize;

use super::DB;
use crate::domain::Error;
use crate::domain::email::Email;
use crate::domain::organizer::Role;

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

fn organizer(row: &Row) -> Result<Organizer, Error> {
    let role: String = row.get("role")?;
    Ok(Organizer {
        id: row.get("id")?,
        name: row.get("name")?,
        slug: row.get("slug")?,
        role: Role::parse(&role)?,
        created_at: row.get("created_at")?,
    })
}

fn member(row: &Row) -> Result<Member, Error> {
    let role: String = row.get("role")?;
    Ok(Member {
        user_id: row.get("user_id")?,
        name: row.get("name")?,
        email: row.get("email")?,
        role: Role::parse(&role)?,
        created_at: row.get("created_at")?,
        version: row.get("version")?,
    })
}

/// An organizer owned by `owner`, once for a key.
///
/// # Errors
/// [`Error::SlugTaken`].
pub fn create(
    id: OrganizerId,
    name: &str,
    slug: &str,
    owner: UserId,
    now: Timestamp,
    key: Option<&Key>,
) -> Result<Creation<kinds::Organizer>, Error> {
    let insert = sql("INSERT INTO organizers (id, name, slug, created_at) VALUES ($1, $2, $3, $4)")
        .bind(id)
        .bind(name)
        .bind(slug)
        .bind(now)
        .expect(1);
    let own = sql("INSERT INTO members (organizer_id, user_id, role, created_at) VALUES ($1, $2, 'owner', $3)").bind(id).bind(owner).bind(now).expect(1);
    let created = creation::create(DB, key, id, vec![insert, own]);
    created.map_err(|error| {
        if error.violates("organizers_slug_key") {
            Error::SlugTaken
        } else {
            error.into()
        }
    })
}

/// Those of which the user is a member, the oldest first.
pub fn of_user(
    user: UserId,
    after: Option<OrganizerId>,
    limit: usize,
) -> Result<Vec<Organizer>, Error> {
    let statement = sql("SELECT o.id, o.name, o.slug, o.created_at, m.role FROM members m JOIN organizers o ON o.id = m.organizer_id \
         WHERE m.user_id = $1 AND ($2::uuid IS NULL OR m.organizer_id > $2) ORDER BY m.organizer_id LIMIT $3")
    .bind(user)
    .bind(after)
    .bind(limit as i64);
    DB.query(statement)?.iter().map(organizer).collect()
}

/// None where there is no such organizer, or the user is not a member of it.
pub fn by_id(id: OrganizerId, user: UserId) -> Result<Option<Organizer>, Error> {
    let statement =
        sql("SELECT o.id, o.name, o.slug, o.created_at, m.role FROM organizers o JOIN members m ON m.organizer_id = o.id WHERE o.id = $1 AND m.user_id = $2")
            .bind(id)
            .bind(user);
    DB.optional(statement)?.as_ref().map(organizer).transpose()
}

pub fn role_of(id: OrganizerId, user: UserId) -> Result<Option<Role>, Error> {
    let row = DB.optional(
        sql("SELECT role FROM members WHERE organizer_id = $1 AND user_id = $2")
            .bind(id)
            .bind(user),
    )?;
    row.map(|row| Role::parse(&row.get::<String>("role")?))
        .transpose()
}

/// The members, in the order of their accounts' age.
pub fn members(id: OrganizerId, after: Option<UserId>, limit: usize) -> Result<Vec<Member>, Error> {
    let statement = sql("SELECT m.user_id, u.name, u.email, m.role, m.created_at, m.version FROM members m JOIN users u ON u.id = m.user_id \
         WHERE m.organizer_id = $1 AND ($2::uuid IS NULL OR m.user_id > $2) ORDER BY m.user_id LIMIT $3")
    .bind(id)
    .bind(after)
    .bind(limit as i64);
    DB.query(statement)?.iter().map(member).collect()
}

pub fn member_by_id(id: OrganizerId, user: UserId) -> Result<Option<Member>, Error> {
    let statement = sql("SELECT m.user_id, u.name, u.email, m.role, m.created_at, m.version FROM members m JOIN users u ON u.id = m.user_id WHERE m.organizer_id = $1 AND m.user_id = $2")
        .bind(id)
        .bind(user);
    DB.optional(statement)?.as_ref().map(member).transpose()
}

/// Adds the account of that address; none where there is no such account.
///
/// # Errors
/// [`Error::AlreadyMember`].
pub fn add_member(
    id: OrganizerId,
    email: &Email,
    role: Role,
    now: Timestamp,
) -> Result<Option<Member>, Error> {
    let statement = sql("WITH account AS (SELECT id, name, email FROM users WHERE email_key = $2), \
         added AS (INSERT INTO members (organizer_id, user_id, role, created_at) SELECT $1, id, $3, $4 FROM account RETURNING user_id, role, created_at, version) \
         SELECT added.user_id, account.name, account.email, added.role, added.created_at, added.version FROM added JOIN account ON account.id = added.user_id")
        .bind(id)
        .bind(email.key())
        .bind(role.as_str())
        .bind(now);
    let row = DB.optional(statement).map_err(|error| {
        if error.violates("members_pkey") {
            Error::AlreadyMember
        } else {
            error.into()
        }
    })?;
    row.as_ref().map(member).transpose()
}

/// Changes of members of one organizer come one after the other: only so can each know whether an
/// owner is left.
fn lock(id: OrganizerId) -> Statement {
    sql("SELECT id FROM organizers WHERE id = $1 FOR UPDATE")
        .bind(id)
        .expect(1)
}

/// Gives a member another role; false where they are not a member, not of that version, or the last
/// owner.
pub fn change_role(
    id: OrganizerId,
    user: UserId,
    role: Role,
    version: Option<i64>,
) -> Result<bool, Error> {
    let change = sql("UPDATE members SET role = $3, version = version + 1 WHERE organizer_id = $1 AND user_id = $2 AND ($4::bigint IS NULL OR version = $4) \
         AND ($3 = 'owner' OR role <> 'owner' OR EXISTS (SELECT 1 FROM members other WHERE other.organizer_id = $1 AND other.user_id <> $2 AND other.role = 'owner'))")
        .bind(id)
        .bind(user)
        .bind(role.as_str())
        .bind(version)
        .expect(1);
    done(&[lock(id), change])
}

/// Removes a member; false where they are none, or the last owner.
pub fn remove_member(id: OrganizerId, user: UserId) -> Result<bool, Error> {
    let remove = sql("DELETE FROM members WHERE organizer_id = $1 AND user_id = $2 \
         AND (role <> 'owner' OR EXISTS (SELECT 1 FROM members other WHERE other.organizer_id = $1 AND other.user_id <> $2 AND other.role = 'owner'))")
    .bind(id)
    .bind(user)
    .expect(1);
    done(&[lock(id), remove])
}

fn done(statements: &[Statement]) -> Result<bool, Error> {
    match DB.transaction(statements) {
        Ok(_) => Ok(true),
        Err(error) if error.is_conflict() => Ok(false),
        Err(error) => Err(error.into()),
    }
}

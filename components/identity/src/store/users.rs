//! Accounts.

use eventhub_facts::UserSignedUp;
use eventhub_guest::ids::UserId;
use eventhub_guest::sql::{self, Row, sql};
use eventhub_guest::validate::EmailAddress;
use eventhub_guest::{Timestamp, outbox};

use super::DB;
use super::refresh::family_statements;
use crate::domain::refresh::NewToken;
use crate::domain::user::{ProfileChange, User};
use crate::error::Error;

/// Reads a row that has the columns of `users`, except `email_key` and `password_hash`.
pub fn read_user(row: &Row) -> Result<User, sql::Error> {
    Ok(User {
        id: row.get("id")?,
        email: row.get("email")?,
        name: row.get("name")?,
        locale: row.get("locale")?,
        time_zone: row.get("time_zone")?,
        roles: row.get("roles")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
        version: row.get("version")?,
    })
}

/// An account to be made.
pub struct NewUser<'a> {
    pub id: UserId,
    pub email: &'a EmailAddress,
    pub name: &'a str,
    pub password_hash: &'a str,
}

/// Inserts the account, its first refresh token and the fact `UserSignedUp`, or none of them.
///
/// # Errors
/// [`Error::EmailTaken`].
pub fn insert_user(
    new: &NewUser,
    token: &NewToken,
    now: Timestamp,
    traceparent: &str,
) -> Result<User, Error> {
    let insert = sql(
        "INSERT INTO users (id, email, email_key, name, password_hash, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $6) \
         RETURNING id, email, name, locale, time_zone, roles, created_at, updated_at, version",
    )
    .bind(new.id)
    .bind(new.email.as_str())
    .bind(new.email.key())
    .bind(new.name)
    .bind(new.password_hash)
    .bind(now)
    .expect(1);
    let fact = UserSignedUp {
        user_id: new.id,
        email: new.email.as_str().to_string(),
        name: new.name.to_string(),
        created_at: now,
    };
    let mut statements = vec![insert];
    statements.extend(family_statements(new.id, token));
    statements.push(outbox::record_fact(&fact, traceparent));
    let results = DB.transaction(&statements).map_err(|error| {
        if error.violates("users_email_key") {
            Error::EmailTaken
        } else {
            error.into()
        }
    })?;
    let row = results
        .first()
        .and_then(|rows| rows.first())
        .ok_or_else(|| Error::Internal("the insert of a user returned no row".into()))?;
    Ok(read_user(row)?)
}

/// The account of that address, with the hash of its password.
pub fn find_by_email(email: &EmailAddress) -> Result<Option<(User, String)>, Error> {
    let statement = sql(
        "SELECT id, email, name, locale, time_zone, roles, created_at, updated_at, version, \
         password_hash FROM users WHERE email_key = $1",
    )
    .bind(email.key());
    let read = |row: Row| Ok::<_, sql::Error>((read_user(&row)?, row.get("password_hash")?));
    Ok(DB.optional(statement)?.map(read).transpose()?)
}

/// The account of that id.
pub fn find_user(id: UserId) -> Result<Option<User>, Error> {
    let statement = sql(
        "SELECT id, email, name, locale, time_zone, roles, created_at, updated_at, version \
         FROM users WHERE id = $1",
    )
    .bind(id);
    let row = DB.optional(statement)?;
    Ok(row.as_ref().map(read_user).transpose()?)
}

/// Changes an account; none where it is not of that version (any version where that is none).
pub fn update_profile(
    id: UserId,
    change: ProfileChange,
    version: Option<i64>,
    now: Timestamp,
) -> Result<Option<User>, Error> {
    let statement = sql("UPDATE users SET name = coalesce($2, name), \
         locale = coalesce($3, locale), time_zone = coalesce($4, time_zone), \
         version = version + 1, updated_at = $5 \
         WHERE id = $1 AND ($6::bigint IS NULL OR version = $6) \
         RETURNING id, email, name, locale, time_zone, roles, created_at, updated_at, version")
    .bind(id)
    .bind(change.name)
    .bind(change.locale)
    .bind(change.time_zone)
    .bind(now)
    .bind(version);
    let row = DB.optional(statement)?;
    Ok(row.as_ref().map(read_user).transpose()?)
}

//! Accounts.

use eventhub_guest::ids::UserId;
use eventhub_guest::sql::{self, Row, sql};
use eventhub_guest::{Timestamp, outbox};
use serde::Serialize;

use super::DB;
use super::refresh::{NewToken, begin};
use crate::domain::Error;
use crate::domain::email::Email;

/// An account as its owner sees it: `user` of the API.
#[derive(Debug, Clone, Serialize)]
pub struct User {
    pub id: UserId,
    pub email: String,
    pub name: String,
    pub locale: String,
    pub time_zone: String,
    pub roles: Vec<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    #[serde(skip)]
    pub version: i64,
}

impl User {
    pub(super) fn read(row: &Row) -> Result<Self, sql::Error> {
        Ok(Self {
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
}

/// An account to be made.
pub struct NewUser<'a> {
    pub id: UserId,
    pub email: &'a Email,
    pub name: &'a str,
    pub password_hash: &'a str,
}

/// Makes the account, its first refresh token and the fact `UserSignedUp`, or none of them.
///
/// # Errors
/// [`Error::EmailTaken`].
pub fn sign_up(
    new: &NewUser,
    token: &NewToken,
    now: Timestamp,
    traceparent: &str,
) -> Result<User, Error> {
    let insert = sql("INSERT INTO users (id, email, email_key, name, password_hash, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $6) \
         RETURNING id, email, name, locale, time_zone, roles, created_at, updated_at, version")
    .bind(new.id)
    .bind(new.email.as_str())
    .bind(new.email.key())
    .bind(new.name)
    .bind(new.password_hash)
    .bind(now)
    .expect(1);
    let id = new.id.to_string();
    let payload = serde_json::json!({ "user_id": id, "email": new.email.as_str(), "name": new.name, "created_at": now });
    let mut statements = vec![insert];
    statements.extend(begin(new.id, token));
    statements.push(outbox::record(
        "user",
        &id,
        "UserSignedUp",
        payload,
        traceparent,
    ));
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
        .ok_or_else(|| Error::Internal("an insert returned no row".into()))?;
    Ok(User::read(row)?)
}

/// The account of that address, with the hash of its password.
pub fn by_email(email: &Email) -> Result<Option<(User, String)>, Error> {
    let statement = sql("SELECT id, email, name, locale, time_zone, roles, created_at, updated_at, version, password_hash FROM users WHERE email_key = $1")
        .bind(email.key());
    let found = DB.optional(statement)?;
    Ok(found
        .map(|row| Ok::<_, sql::Error>((User::read(&row)?, row.get("password_hash")?)))
        .transpose()?)
}

pub fn by_id(id: UserId) -> Result<Option<User>, Error> {
    let statement = sql("SELECT id, email, name, locale, time_zone, roles, created_at, updated_at, version FROM users WHERE id = $1").bind(id);
    Ok(DB
        .optional(statement)?
        .as_ref()
        .map(User::read)
        .transpose()?)
}

/// What changes; none is left as it is.
pub struct Change<'a> {
    pub name: Option<&'a str>,
    pub locale: Option<&'a str>,
    pub time_zone: Option<&'a str>,
}

/// None where the account is not of that version (any version where that is none).
pub fn change(
    id: UserId,
    change: &Change,
    version: Option<i64>,
    now: Timestamp,
) -> Result<Option<User>, Error> {
    let statement = sql("UPDATE users SET name = coalesce($2, name), locale = coalesce($3, locale), time_zone = coalesce($4, time_zone), version = version + 1, updated_at = $5 \
         WHERE id = $1 AND ($6::bigint IS NULL OR version = $6) RETURNING id, email, name, locale, time_zone, roles, created_at, updated_at, version")
        .bind(id)
        .bind(change.name.map(String::from))
        .bind(change.locale.map(String::from))
        .bind(change.time_zone.map(String::from))
        .bind(now)
        .bind(version);
    Ok(DB
        .optional(statement)?
        .as_ref()
        .map(User::read)
        .transpose()?)
}

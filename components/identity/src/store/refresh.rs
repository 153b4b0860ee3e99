//! Refresh tokens and their families.
//!
//! A rotation locks the token, then the family; a revocation locks the family. So of two parallel
//! uses of one token exactly one wins, and no token is born into a family that is revoked.

use std::time::Duration;

use eventhub_guest::Timestamp;
use eventhub_guest::ids::UserId;
use eventhub_guest::sql::{self, Statement, sql};

use super::DB;
use super::users::User;
use crate::domain::Error;
use crate::domain::refresh::{Family, RefreshToken, Revocation, Stored};

/// Rows that one statement deletes at most, so that they are not locked for long.
pub const BATCH: u32 = 1_000;

/// A refresh token to be stored.
pub struct NewToken {
    pub family: Family,
    pub hash: Vec<u8>,
    pub expires_at: Timestamp,
}

/// The statements that begin a family with its first token.
pub fn begin(user: UserId, token: &NewToken) -> [Statement; 2] {
    let family = sql("INSERT INTO refresh_families (id, user_id, expires_at) VALUES ($1, $2, $3)")
        .bind(token.family)
        .bind(user)
        .bind(token.expires_at)
        .expect(1);
    [family, insert(token)]
}

fn insert(token: &NewToken) -> Statement {
    sql("INSERT INTO refresh_tokens (token_hash, family_id, expires_at) VALUES ($1, $2, $3)")
        .bind(token.hash.clone())
        .bind(token.family)
        .bind(token.expires_at)
        .expect(1)
}

/// A new family: somebody logged in.
pub fn log_in(user: UserId, token: &NewToken) -> Result<(), Error> {
    DB.transaction(&begin(user, token))?;
    Ok(())
}

/// The token as stored, with its user.
pub fn find(token: &RefreshToken) -> Result<Option<(Stored, User)>, Error> {
    let statement = sql("SELECT t.family_id, t.expires_at, t.used_at IS NOT NULL AS used, f.revoked_by, \
         u.id, u.email, u.name, u.locale, u.time_zone, u.roles, u.created_at, u.updated_at, u.version \
         FROM refresh_tokens t JOIN refresh_families f ON f.id = t.family_id JOIN users u ON u.id = f.user_id WHERE t.token_hash = $1")
    .bind(token.hash());
    let read = |row: sql::Row| {
        let user = User::read(&row)?;
        let revoked_by: Option<String> = row.get("revoked_by")?;
        let stored = Stored {
            family: row.get("family_id")?,
            expires_at: row.get("expires_at")?,
            used: row.get("used")?,
            revoked_by: revoked_by.as_deref().and_then(Revocation::parse),
        };
        Ok::<_, sql::Error>((stored, user))
    };
    Ok(DB.optional(statement)?.map(read).transpose()?)
}

/// Uses `old` up and stores `new` in its family; false where somebody else was quicker, with the
/// token or with a revocation.
pub fn rotate(old: &RefreshToken, new: &NewToken, now: Timestamp) -> Result<bool, Error> {
    let take =
        sql("UPDATE refresh_tokens SET used_at = $2 WHERE token_hash = $1 AND used_at IS NULL")
            .bind(old.hash())
            .bind(now)
            .expect(1);
    let prolong =
        sql("UPDATE refresh_families SET expires_at = $2 WHERE id = $1 AND revoked_by IS NULL")
            .bind(new.family)
            .bind(new.expires_at)
            .expect(1);
    let statements = [take, prolong, insert(new)];
    settled(
        || DB.transaction(&statements).map(|_| ()),
        || Ok(DB.optional(by_hash(new))?.is_some()),
        std::thread::sleep,
    )
}

fn by_hash(token: &NewToken) -> Statement {
    sql("SELECT 1 AS found FROM refresh_tokens WHERE token_hash = $1").bind(token.hash.clone())
}

/// The pauses before a rotation is tried again: 3 s, in which a database restarts. The whole
/// request has ten.
const PAUSES_MS: [u64; 5] = [100, 200, 400, 800, 1_500];

/// What a rotation came to. Where the connection broke, it may have taken effect or not, and a
/// client that is told to try again after it did would use its token a second time, and lose its
/// log-in. So the same rotation is tried again until it is known: one that took effect
/// stands in its own way, and its new token is stored.
fn settled(
    rotate: impl Fn() -> Result<(), sql::Error>,
    is_stored: impl Fn() -> Result<bool, sql::Error>,
    pause: impl Fn(Duration),
) -> Result<bool, Error> {
    let mut rotated = rotate();
    for pause_ms in PAUSES_MS {
        if !matches!(rotated, Err(sql::Error::Unavailable(_))) {
            break;
        }
        pause(Duration::from_millis(pause_ms));
        rotated = match rotate() {
            Err(error) if error.is_conflict() => match is_stored() {
                Ok(stored) => return Ok(stored),
                Err(error) => Err(error),
            },
            other => other,
        };
    }
    match rotated {
        Ok(()) => Ok(true),
        Err(error) if error.is_conflict() => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// From now on no token of the family works. The first reason stays, except that a reuse is worse
/// than a log-out.
pub fn revoke(family: Family, reason: Revocation) -> Result<(), Error> {
    DB.execute(sql("UPDATE refresh_families SET revoked_by = $2 WHERE id = $1 AND revoked_by IS DISTINCT FROM 'reuse'").bind(family).bind(reason.as_str()))?;
    Ok(())
}

/// Revokes the family of the token. An unknown one is logged out already.
pub fn log_out(token: &RefreshToken) -> Result<(), Error> {
    let statement =
        sql("UPDATE refresh_families SET revoked_by = 'logout' WHERE revoked_by IS NULL AND id = (SELECT family_id FROM refresh_tokens WHERE token_hash = $1)")
            .bind(token.hash());
    DB.execute(statement)?;
    Ok(())
}

/// Deletes tokens that have expired, at most [`BATCH`] of them. A used one stays until then: its
/// second use is to be noticed.
pub fn delete_expired_tokens(now: Timestamp) -> Result<u64, Error> {
    Ok(DB.execute(expired_tokens(now))?)
}

fn expired_tokens(now: Timestamp) -> Statement {
    sql("DELETE FROM refresh_tokens WHERE token_hash IN \
         (SELECT token_hash FROM refresh_tokens WHERE expires_at < $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)")
    .bind(now)
    .bind(BATCH)
}

/// Deletes families whose last token has expired, at most [`BATCH`] of them, with the tokens that
/// they still have.
pub fn delete_expired_families(now: Timestamp) -> Result<u64, Error> {
    let statement = sql("DELETE FROM refresh_families WHERE id IN \
         (SELECT id FROM refresh_families WHERE expires_at < $1 ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)");
    Ok(DB.execute(statement.bind(now).bind(BATCH))?)
}

#[cfg(test)]
mod tests;

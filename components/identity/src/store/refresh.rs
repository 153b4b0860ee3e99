//! Refresh tokens and their families.
//!
//! A rotation locks the token, then the family; a revocation locks the family. So of two parallel
//! uses of one token exactly one wins, and no token is born into a family that is revoked.

use eventhub_guest::Timestamp;
use eventhub_guest::ids::UserId;
use eventhub_guest::sql::{self, Row, Statement, sql};

use super::DB;
use super::users::read_user;
use crate::domain::refresh::{Family, NewToken, RefreshToken, Revocation, StoredToken};
use crate::domain::user::User;
use crate::error::Error;

/// Rows that one statement deletes at most, so that they are not locked for long.
pub const BATCH: u32 = 1_000;

/// The statements that begin a family with its first token.
pub fn family_statements(user: UserId, token: &NewToken) -> [Statement; 2] {
    let family = sql("INSERT INTO refresh_families (id, user_id, expires_at) VALUES ($1, $2, $3)")
        .bind(token.family)
        .bind(user)
        .bind(token.expires_at)
        .expect(1);
    [family, token_statement(token)]
}

fn token_statement(token: &NewToken) -> Statement {
    sql("INSERT INTO refresh_tokens (token_hash, family_id, expires_at) VALUES ($1, $2, $3)")
        .bind(token.hash.clone())
        .bind(token.family)
        .bind(token.expires_at)
        .expect(1)
}

/// Inserts a new family: somebody has logged in.
pub fn insert_family(user: UserId, token: &NewToken) -> Result<(), Error> {
    DB.transaction(&family_statements(user, token))?;
    Ok(())
}

/// The token as stored, with its user.
pub fn find_token(token: &RefreshToken) -> Result<Option<(StoredToken, User)>, Error> {
    let statement = sql(
        "SELECT t.family_id, t.expires_at, t.used_at IS NOT NULL AS used, f.revoked_by, u.id, \
         u.email, u.name, u.locale, u.time_zone, u.roles, u.created_at, u.updated_at, u.version \
         FROM refresh_tokens t JOIN refresh_families f ON f.id = t.family_id \
         JOIN users u ON u.id = f.user_id WHERE t.token_hash = $1",
    )
    .bind(token.hash());
    let read = |row: Row| {
        let revoked_by = match row.get::<Option<String>>("revoked_by")? {
            None => None,
            Some(_) => Some(row.parse::<Revocation>("revoked_by")?),
        };
        let stored = StoredToken {
            family: row.get("family_id")?,
            expires_at: row.get("expires_at")?,
            used: row.get("used")?,
            revoked_by,
        };
        Ok::<_, sql::Error>((stored, read_user(&row)?))
    };
    Ok(DB.optional(statement)?.map(read).transpose()?)
}

/// Uses `old` up and stores `new` in its family.
///
/// # Errors
/// [`sql::Error::Conflict`] where somebody else was quicker, with the token or with a revocation.
pub fn rotate_token(old: &RefreshToken, new: &NewToken, now: Timestamp) -> Result<(), sql::Error> {
    let use_up =
        sql("UPDATE refresh_tokens SET used_at = $2 WHERE token_hash = $1 AND used_at IS NULL")
            .bind(old.hash())
            .bind(now)
            .expect(1);
    let prolong =
        sql("UPDATE refresh_families SET expires_at = $2 WHERE id = $1 AND revoked_by IS NULL")
            .bind(new.family)
            .bind(new.expires_at)
            .expect(1);
    DB.transaction(&[use_up, prolong, token_statement(new)])?;
    Ok(())
}

/// Whether a token is stored.
pub fn is_stored(token: &NewToken) -> Result<bool, sql::Error> {
    let statement =
        sql("SELECT 1 AS found FROM refresh_tokens WHERE token_hash = $1").bind(token.hash.clone());
    Ok(DB.optional(statement)?.is_some())
}

/// From now on no token of the family works. The first reason stays, except that a reuse is worse
/// than a log-out.
pub fn revoke_family(family: Family, reason: Revocation) -> Result<(), Error> {
    let statement = sql("UPDATE refresh_families SET revoked_by = $2 \
         WHERE id = $1 AND revoked_by IS DISTINCT FROM 'reuse'")
    .bind(family)
    .bind(reason.to_string());
    DB.execute(statement)?;
    Ok(())
}

/// Revokes the family of the token. An unknown one is logged out already.
pub fn log_out(token: &RefreshToken) -> Result<(), Error> {
    let statement = sql("UPDATE refresh_families SET revoked_by = 'logout' \
         WHERE revoked_by IS NULL \
         AND id = (SELECT family_id FROM refresh_tokens WHERE token_hash = $1)")
    .bind(token.hash());
    DB.execute(statement)?;
    Ok(())
}

/// Deletes tokens that have expired, at most [`BATCH`] of them. A used one stays until then, so
/// that its second use is noticed.
pub fn delete_expired_tokens(now: Timestamp) -> Result<u64, Error> {
    let statement = sql("DELETE FROM refresh_tokens WHERE token_hash IN \
         (SELECT token_hash FROM refresh_tokens WHERE expires_at < $1 \
         ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)");
    Ok(DB.execute(statement.bind(now).bind(BATCH))?)
}

/// Deletes families whose last token has expired, at most [`BATCH`] of them, with the tokens that
/// they still have.
pub fn delete_expired_families(now: Timestamp) -> Result<u64, Error> {
    let statement = sql("DELETE FROM refresh_families WHERE id IN \
         (SELECT id FROM refresh_families WHERE expires_at < $1 \
         ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED)");
    Ok(DB.execute(statement.bind(now).bind(BATCH))?)
}

#[cfg(test)]
mod tests {
    use eventhub_guest::ids::UserId;
    use eventhub_native::Environment;

    use super::*;

    const USER: UserId = UserId::from_u128(1);

    fn token(family: Family, byte: u8) -> (RefreshToken, NewToken) {
        let token = RefreshToken::from_random([byte; 32]);
        let stored = NewToken {
            family,
            hash: token.hash(),
            expires_at: Timestamp::from_micros(2_000_000),
        };
        (token, stored)
    }

    #[test]
    fn a_batch_deletes_a_bounded_number_of_expired_tokens() {
        let environment = Environment::start(&["identity_db"]);
        for text in [
            "INSERT INTO users (id, email, email_key, name, password_hash) \
             VALUES (gen_random_uuid(), 'a@b.c', 'a@b.c', 'A', '')",
            "INSERT INTO refresh_families SELECT gen_random_uuid(), id, to_timestamp(1) FROM users",
            "INSERT INTO refresh_tokens SELECT sha256(n::text::bytea), id, to_timestamp(1), NULL \
             FROM refresh_families, generate_series(1, 1500) n",
        ] {
            environment.sql("identity_db", text);
        }
        let now = Timestamp::from_micros(1_000_001);
        let deleted = [(); 3].map(|()| delete_expired_tokens(now).unwrap());
        assert_eq!(deleted, [1000, 500, 0]);
    }

    #[test]
    fn of_two_rotations_of_one_token_one_is_stored() {
        let environment = Environment::start(&["identity_db"]);
        environment.sql(
            "identity_db",
            "INSERT INTO users (id, email, email_key, name, password_hash) \
             VALUES ('00000000-0000-0000-0000-000000000001', 'a@b.c', 'a@b.c', 'A', '')",
        );
        let family = Family::from_u128(1);
        let (old, stored) = token(family, 1);
        insert_family(USER, &stored).unwrap();
        let [(_, first), (_, second)] = [2, 3].map(|byte| token(family, byte));
        let now = Timestamp::from_micros(1_000_000);
        rotate_token(&old, &first, now).unwrap();
        let refused = rotate_token(&old, &second, now).unwrap_err();
        assert!(refused.is_conflict(), "{refused}");
        assert_eq!(
            [&stored, &first, &second].map(|token| is_stored(token).unwrap()),
            [true, true, false]
        );
        assert!(find_token(&old).unwrap().unwrap().0.used);
    }

    #[test]
    fn a_revoked_family_gets_no_new_token() {
        let environment = Environment::start(&["identity_db"]);
        environment.sql(
            "identity_db",
            "INSERT INTO users (id, email, email_key, name, password_hash) \
             VALUES ('00000000-0000-0000-0000-000000000001', 'a@b.c', 'a@b.c', 'A', '')",
        );
        let family = Family::from_u128(1);
        let (old, stored) = token(family, 1);
        insert_family(USER, &stored).unwrap();
        revoke_family(family, Revocation::Reuse).unwrap();
        log_out(&old).unwrap();
        let (_, new) = token(family, 2);
        let now = Timestamp::from_micros(1_000_000);
        assert!(rotate_token(&old, &new, now).unwrap_err().is_conflict());
        // The worse reason stays.
        let revoked_by = find_token(&old).unwrap().unwrap().0.revoked_by;
        assert_eq!(revoked_by, Some(Revocation::Reuse));
    }
}

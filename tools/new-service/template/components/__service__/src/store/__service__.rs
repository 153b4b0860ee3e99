//! The table `__service__`.

use eventhub_facts::{self as facts, __Resource__Created, __Resource__Id};
use eventhub_guest::creation::{self, Creation, Key};
use eventhub_guest::ids::UserId;
use eventhub_guest::outbox::record_fact;
use eventhub_guest::sql::{Error, Row, sql};
use eventhub_guest::Timestamp;

use super::DB;
use crate::domain::__resource__::__Resource__;

const INSERT: &str =
    "INSERT INTO __service__ (id, user_id, text, created_at) VALUES ($1, $2, $3, $4)";

const FIND: &str =
    "SELECT id, user_id, text, created_at FROM __service__ WHERE id = $1 AND user_id = $2";

const LIST: &str = "SELECT id, user_id, text, created_at FROM __service__ \
    WHERE user_id = $1 AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC LIMIT $3";

const FORGET: &str = "DELETE FROM creation_keys WHERE ctid = ANY (ARRAY( \
    SELECT ctid FROM creation_keys WHERE created_at < $1 LIMIT 1000))";

/// Stores one together with its fact, once for an idempotency key.
pub fn insert(
    written: &__Resource__,
    key: Option<&Key>,
    traceparent: &str,
) -> Result<Creation<facts::__Resource__>, Error> {
    let insert = sql(INSERT)
        .bind(written.id)
        .bind(written.user_id)
        .bind(written.text.as_str())
        .bind(written.created_at)
        .expect(1);
    let fact = __Resource__Created {
        __resource___id: written.id,
        user_id: written.user_id,
    };
    creation::create(DB, key, written.id, vec![insert, record_fact(&fact, traceparent)])
}

/// One of the user's own.
pub fn find(id: __Resource__Id, user: UserId) -> Result<Option<__Resource__>, Error> {
    let row = DB.optional(sql(FIND).bind(id).bind(user))?;
    row.as_ref().map(read_row).transpose()
}

/// The user's own, the latest first, before one of them.
pub fn list(
    user: UserId,
    before: Option<__Resource__Id>,
    limit: usize,
) -> Result<Vec<__Resource__>, Error> {
    let rows = DB.query(sql(LIST).bind(user).bind(before).bind(limit as i64))?;
    rows.iter().map(read_row).collect()
}

/// Deletes up to 1,000 idempotency keys that are older; returns how many.
pub fn forget_keys(before: Timestamp) -> Result<u64, Error> {
    DB.execute(sql(FORGET).bind(before))
}

fn read_row(row: &Row) -> Result<__Resource__, Error> {
    Ok(__Resource__ {
        id: row.get("id")?,
        user_id: row.get("user_id")?,
        text: row.get("text")?,
        created_at: row.get("created_at")?,
    })
}

//! Signing keys.

use ed25519_dalek::SigningKey;
use eventhub_guest::Timestamp;
use eventhub_guest::sql::{self, Row, sql};

use super::DB;
use crate::domain::{Error, keys};

/// A key as it is stored.
#[derive(Clone)]
pub struct StoredKey {
    pub generation: i64,
    pub kid: String,
    pub not_before: Timestamp,
    pub key: SigningKey,
}

impl keys::Key for StoredKey {
    fn generation(&self) -> i64 {
        self.generation
    }

    fn not_before(&self) -> Timestamp {
        self.not_before
    }
}

fn read(row: &Row) -> Result<StoredKey, sql::Error> {
    let seed: Vec<u8> = row.get("seed")?;
    let seed: [u8; 32] = seed
        .try_into()
        .map_err(|_| sql::Error::Invalid("a seed is not of 32 bytes".into()))?;
    Ok(StoredKey {
        generation: row.get("generation")?,
        kid: row.get("kid")?,
        not_before: row.get("not_before")?,
        key: SigningKey::from_bytes(&seed),
    })
}

/// All keys, the oldest first.
pub fn all() -> Result<Vec<StoredKey>, Error> {
    let rows = DB.query(sql(
        "SELECT generation, kid, seed, not_before FROM signing_keys ORDER BY generation",
    ))?;
    Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
}

/// Stores a key unless another node has stored one of this generation already.
pub fn insert(key: &StoredKey) -> Result<(), Error> {
    let statement = sql("INSERT INTO signing_keys (generation, kid, seed, not_before) VALUES ($1, $2, $3, $4) ON CONFLICT (generation) DO NOTHING")
        .bind(key.generation)
        .bind(key.kid.as_str())
        .bind(key.key.to_bytes().to_vec())
        .bind(key.not_before);
    DB.execute(statement)?;
    Ok(())
}

pub fn delete(generation: i64) -> Result<(), Error> {
    DB.execute(sql("DELETE FROM signing_keys WHERE generation = $1").bind(generation))?;
    Ok(())
}

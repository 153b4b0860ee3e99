//! Signing keys.

use ed25519_dalek::SigningKey as KeyPair;
use eventhub_guest::sql::{self, Row, sql};

use super::DB;
use crate::domain::signing_key::SigningKey;
use crate::error::Error;

fn read_key(row: &Row) -> Result<SigningKey, sql::Error> {
    let seed: Vec<u8> = row.get("seed")?;
    let seed: [u8; 32] = seed
        .try_into()
        .map_err(|_| sql::Error::Invalid("the seed of a signing key is not of 32 bytes".into()))?;
    Ok(SigningKey {
        generation: row.get("generation")?,
        id: row.get("kid")?,
        not_before: row.get("not_before")?,
        pair: KeyPair::from_bytes(&seed),
    })
}

/// All keys, the oldest first.
pub fn list_keys() -> Result<Vec<SigningKey>, Error> {
    let rows = DB.query(sql(
        "SELECT generation, kid, seed, not_before FROM signing_keys ORDER BY generation",
    ))?;
    Ok(rows.iter().map(read_key).collect::<Result<_, _>>()?)
}

/// Stores a key unless another node has stored one of this generation already.
pub fn insert_key(key: &SigningKey) -> Result<(), Error> {
    let statement = sql(
        "INSERT INTO signing_keys (generation, kid, seed, not_before) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (generation) DO NOTHING",
    )
    .bind(key.generation)
    .bind(key.id.as_str())
    .bind(key.pair.to_bytes().to_vec())
    .bind(key.not_before);
    DB.execute(statement)?;
    Ok(())
}

/// Deletes the key of a generation.
pub fn delete_key(generation: i64) -> Result<(), Error> {
    DB.execute(sql("DELETE FROM signing_keys WHERE generation = $1").bind(generation))?;
    Ok(())
}

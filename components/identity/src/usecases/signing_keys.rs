//! The keys that sign access tokens: made, rotated, published. The one that signs now is kept in
//! the instance for a minute.

use std::cell::RefCell;
use std::time::Duration;

use ed25519_dalek::pkcs8::EncodePrivateKey;
use eventhub_guest::Timestamp;
use jsonwebtoken::EncodingKey;

use super::tokens::random_bytes;
use crate::config::CONFIG;
use crate::domain::key_schedule;
use crate::domain::signing_key::{Jwk, SigningKey};
use crate::error::Error;
use crate::store::keys;

/// How long an instance keeps the signing key before it reads again.
const CACHE_TTL: Duration = Duration::from_secs(60);

struct CachedSigner {
    until: Timestamp,
    key_id: String,
    key: EncodingKey,
}

thread_local! {
    static SIGNER: RefCell<Option<CachedSigner>> = const { RefCell::new(None) };
}

/// The key that signs now, and its id. A caller whose transaction must not be followed by a failure
/// here calls this first.
///
/// # Errors
/// [`Error`] of the database, or of a key that cannot sign.
pub fn current_signer(now: Timestamp) -> Result<(EncodingKey, String), Error> {
    let cached = SIGNER.with_borrow(|signer| {
        signer
            .as_ref()
            .filter(|cached| now < cached.until)
            .map(|cached| (cached.key.clone(), cached.key_id.clone()))
    });
    if let Some(cached) = cached {
        return Ok(cached);
    }
    let keys = ensure_keys(now)?;
    let signing = key_schedule::signing_key(&keys, now)
        .ok_or_else(|| Error::Internal("there is no signing key although one was made".into()))?;
    let key = encoding_key(signing)?;
    SIGNER.set(Some(CachedSigner {
        until: now.plus(CACHE_TTL),
        key_id: signing.id.clone(),
        key: key.clone(),
    }));
    Ok((key, signing.id.clone()))
}

fn encoding_key(key: &SigningKey) -> Result<EncodingKey, Error> {
    let der = key.pair.to_pkcs8_der();
    let der = der.map_err(|error| Error::Internal(format!("signing key {}: {error}", key.id)))?;
    Ok(EncodingKey::from_ed_der(der.as_bytes()))
}

/// The stored keys; makes the very first where there is none.
fn ensure_keys(now: Timestamp) -> Result<Vec<SigningKey>, Error> {
    let mut stored = keys::list_keys()?;
    // Only where there is none at all: a node whose clock is behind that of the node which made the
    // first key must not make another one.
    if stored.is_empty() {
        keys::insert_key(&SigningKey::from_seed(1, now, random_bytes()))?;
        // This node's key or another node's, whichever was first.
        stored = keys::list_keys()?;
    }
    let keys = stored.into_iter();
    Ok(keys.map(|key| tolerate_clock(key, now)).collect())
}

/// The first key signs at once, also on a node whose clock is a little behind the one that made it.
fn tolerate_clock(key: SigningKey, now: Timestamp) -> SigningKey {
    let not_before = if key.generation == 1 {
        key.not_before.min(now)
    } else {
        key.not_before
    };
    SigningKey { not_before, ..key }
}

/// Makes the next key when it is time, and deletes keys whose tokens have all expired.
///
/// # Errors
/// [`Error`] of the database.
pub fn rotate_keys(now: Timestamp) -> Result<(), Error> {
    let stored = keys::list_keys()?;
    let next = key_schedule::next_key(&stored, now, CONFIG.key_period);
    if let Some((generation, not_before)) = next {
        keys::insert_key(&SigningKey::from_seed(
            generation,
            not_before,
            random_bytes(),
        ))?;
        tracing::info!(
            key.generation = generation,
            key.not_before = %not_before,
            "signing key made"
        );
    }
    let retired = stored
        .iter()
        .filter(|key| key_schedule::is_retired(*key, &stored, now));
    for key in retired {
        keys::delete_key(key.generation)?;
        tracing::info!(
            key.generation = key.generation,
            key.id = %key.id,
            "retired signing key deleted"
        );
    }
    Ok(())
}

/// The key set: retired keys whose tokens may be valid, the one that signs, and the next one.
///
/// # Errors
/// [`Error`] of the database.
pub fn published_keys(now: Timestamp) -> Result<Vec<Jwk>, Error> {
    let keys = ensure_keys(now)?;
    let published = keys
        .iter()
        .filter(|key| !key_schedule::is_retired(*key, &keys, now));
    Ok(published.map(SigningKey::to_jwk).collect())
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};

    use super::*;

    fn new_key() -> SigningKey {
        SigningKey::from_seed(1, Timestamp::from_micros(0), random_bytes())
    }

    fn public_key(key: &SigningKey) -> DecodingKey {
        let x = URL_SAFE_NO_PAD.encode(key.pair.verifying_key().as_bytes());
        DecodingKey::from_ed_components(&x).unwrap()
    }

    #[test]
    fn only_the_published_key_verifies_a_token() {
        let key = new_key();
        let token = jsonwebtoken::encode(
            &Header::new(Algorithm::EdDSA),
            &serde_json::json!({ "exp": 4_000_000_000_i64 }),
            &encoding_key(&key).unwrap(),
        )
        .unwrap();
        let validation = Validation::new(Algorithm::EdDSA);
        let verify = |key: &SigningKey| {
            jsonwebtoken::decode::<serde_json::Value>(&token, &public_key(key), &validation)
        };
        assert!(verify(&key).is_ok());
        assert!(verify(&new_key()).is_err());
    }
}

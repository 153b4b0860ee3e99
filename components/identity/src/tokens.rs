//! Tokens and the keys that sign them. The signing key is remembered in the instance for a minute.

use std::cell::RefCell;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey;
use eventhub_guest::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rand_core::{OsRng, RngCore};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::config::CONFIG;
use crate::domain::Error;
use crate::domain::keys::{self, ACCESS_TTL};
use crate::domain::refresh::{Family, RefreshToken};
use crate::store;
use crate::store::keys::StoredKey;
use crate::store::refresh::NewToken;
use crate::store::users::User;

/// `tokens` of the API.
#[derive(Serialize)]
pub struct Tokens {
    pub access_token: String,
    pub token_type: &'static str,
    /// Seconds.
    pub expires_in: u64,
    pub refresh_token: String,
    pub user: User,
}

/// The access token's claims.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: String,
    exp: i64,
    iat: i64,
    jti: String,
    roles: &'a [String],
}

pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    OsRng.fill_bytes(&mut bytes);
    bytes
}

/// A refresh token and the row that is stored for it.
pub fn new_refresh(family: Family, now: Timestamp) -> (RefreshToken, NewToken) {
    let token = RefreshToken::from_random(random());
    let stored = NewToken {
        family,
        hash: token.hash(),
        expires_at: now.plus(CONFIG.refresh_ttl),
    };
    (token, stored)
}

/// Signs an access token for the user.
pub fn issue(user: User, refresh: &RefreshToken, now: Timestamp) -> Result<Tokens, Error> {
    let (key, kid) = signer(now)?;
    let claims = Claims {
        iss: &CONFIG.issuer,
        aud: &CONFIG.audience,
        sub: user.id.to_string(),
        exp: now.plus(ACCESS_TTL).seconds(),
        iat: now.seconds(),
        jti: URL_SAFE_NO_PAD.encode(random::<16>()),
        roles: &user.roles,
    };
    let header = Header {
        kid: Some(kid),
        ..Header::new(Algorithm::EdDSA)
    };
    let access_token = jsonwebtoken::encode(&header, &claims, &key).map_err(internal)?;
    Ok(Tokens {
        access_token,
        token_type: "Bearer",
        expires_in: ACCESS_TTL.as_secs(),
        refresh_token: refresh.as_str().to_string(),
        user,
    })
}

struct Remembered {
    until: Timestamp,
    kid: String,
    key: EncodingKey,
}

thread_local! {
    static SIGNER: RefCell<Option<Remembered>> = const { RefCell::new(None) };
}

/// The key that signs now. Call it before a transaction that a failure here should not follow.
pub fn signer(now: Timestamp) -> Result<(EncodingKey, String), Error> {
    let remembered = SIGNER.with_borrow(|signer| {
        signer
            .as_ref()
            .filter(|one| now < one.until)
            .map(|one| (one.key.clone(), one.kid.clone()))
    });
    if let Some(remembered) = remembered {
        return Ok(remembered);
    }
    let keys = ensure(now)?;
    let signing = keys::signing(&keys, now)
        .ok_or_else(|| Error::Internal("no signing key although one was made".into()))?;
    let der = signing.key.to_pkcs8_der().map_err(internal)?;
    let key = EncodingKey::from_ed_der(der.as_bytes());
    SIGNER.set(Some(Remembered {
        until: now.plus(Duration::from_secs(60)),
        kid: signing.kid.clone(),
        key: key.clone(),
    }));
    Ok((key, signing.kid.clone()))
}

/// The stored keys; the very first is made where there is none.
fn ensure(now: Timestamp) -> Result<Vec<StoredKey>, Error> {
    let stored = store::keys::all()?;
    // A clock behind that of the node which made the first key must not make another one: so only
    // where there is none at all.
    if !stored.is_empty() {
        return Ok(stored.into_iter().map(|key| tolerate(key, now)).collect());
    }
    store::keys::insert(&generate(1, now))?;
    // Ours or another node's: whoever was first.
    Ok(store::keys::all()?
        .into_iter()
        .map(|key| tolerate(key, now))
        .collect())
}

/// The first key signs at once, also on a node whose clock is a little behind the one that made it.
fn tolerate(key: StoredKey, now: Timestamp) -> StoredKey {
    let not_before = if key.generation == 1 {
        key.not_before.min(now)
    } else {
        key.not_before
    };
    StoredKey { not_before, ..key }
}

fn generate(generation: i64, not_before: Timestamp) -> StoredKey {
    let key = SigningKey::from_bytes(&random());
    let kid = thumbprint(key.verifying_key().as_bytes());
    StoredKey {
        generation,
        kid,
        not_before,
        key,
    }
}

/// Makes the next key when it is time, and deletes keys of which no valid token is left.
pub fn rotate(now: Timestamp) -> Result<(), Error> {
    let stored = store::keys::all()?;
    if let Some((generation, not_before)) = keys::successor(&stored, now, CONFIG.key_period) {
        let key = generate(generation, not_before);
        store::keys::insert(&key)?;
        tracing::info!(key.generation = generation, key.not_before = %not_before, "a signing key was made");
    }
    for key in stored
        .iter()
        .filter(|key| keys::is_forgotten(*key, &stored, now))
    {
        store::keys::delete(key.generation)?;
        tracing::info!(key.generation = key.generation, key.id = %key.kid, "a retired signing key was deleted");
    }
    Ok(())
}

/// A public key in the key set (RFC 8037 section 2).
#[derive(Serialize)]
pub struct Jwk {
    kty: &'static str,
    crv: &'static str,
    #[serde(rename = "use")]
    purpose: &'static str,
    alg: &'static str,
    kid: String,
    x: String,
}

/// The key set: retired keys whose tokens may be valid, the one that signs, and the next one.
pub fn key_set(now: Timestamp) -> Result<Vec<Jwk>, Error> {
    let keys = ensure(now)?;
    let published = keys
        .iter()
        .filter(|key| !keys::is_forgotten(*key, &keys, now));
    Ok(published
        .map(|key| Jwk {
            kty: "OKP",
            crv: "Ed25519",
            purpose: "sig",
            alg: "EdDSA",
            kid: key.kid.clone(),
            x: URL_SAFE_NO_PAD.encode(key.key.verifying_key().as_bytes()),
        })
        .collect())
}

/// RFC 7638: the hash of the key's required members, so that a key names itself.
fn thumbprint(public: &[u8; 32]) -> String {
    let members = format!(
        r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#,
        URL_SAFE_NO_PAD.encode(public)
    );
    URL_SAFE_NO_PAD.encode(Sha256::digest(members.as_bytes()))
}

fn internal(error: impl std::fmt::Display) -> Error {
    Error::Internal(format!("signing: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_named_as_rfc_8037_appendix_a_3_says() {
        let x = URL_SAFE_NO_PAD
            .decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
            .unwrap();
        assert_eq!(
            thumbprint(&x.try_into().unwrap()),
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
        );
    }

    #[test]
    fn what_is_signed_is_verified_with_the_published_key() {
        let stored = generate(1, Timestamp::from_micros(0));
        let key = EncodingKey::from_ed_der(stored.key.to_pkcs8_der().unwrap().as_bytes());
        let token = jsonwebtoken::encode(
            &Header::new(Algorithm::EdDSA),
            &serde_json::json!({ "exp": 4_000_000_000_i64 }),
            &key,
        )
        .unwrap();
        let public = jsonwebtoken::DecodingKey::from_ed_components(
            &URL_SAFE_NO_PAD.encode(stored.key.verifying_key().as_bytes()),
        )
        .unwrap();
        let validation = jsonwebtoken::Validation::new(Algorithm::EdDSA);
        assert!(jsonwebtoken::decode::<serde_json::Value>(&token, &public, &validation).is_ok());
        let other = jsonwebtoken::DecodingKey::from_ed_components(
            &URL_SAFE_NO_PAD.encode(
                generate(1, Timestamp::from_micros(0))
                    .key
                    .verifying_key()
                    .as_bytes(),
            ),
        )
        .unwrap();
        assert!(jsonwebtoken::decode::<serde_json::Value>(&token, &other, &validation).is_err());
    }
}

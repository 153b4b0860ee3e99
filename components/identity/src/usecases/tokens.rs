//! Tokens: an access token that the gateway verifies by itself, and a refresh token that works
//! once.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use eventhub_guest::Timestamp;
use jsonwebtoken::{Algorithm, Header};
use rand_core::{OsRng, RngCore};
use serde::Serialize;

use super::signing_keys::current_signer;
use crate::config::CONFIG;
use crate::domain::key_schedule::ACCESS_TTL;
use crate::domain::refresh::{Family, NewToken, RefreshToken};
use crate::domain::user::User;
use crate::error::Error;

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

/// Random bytes of the system's generator.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    OsRng.fill_bytes(&mut bytes);
    bytes
}

/// A refresh token and the row to be stored for it.
pub fn new_refresh_token(family: Family, now: Timestamp) -> (RefreshToken, NewToken) {
    let token = RefreshToken::from_random(random_bytes());
    let stored = NewToken {
        family,
        hash: token.hash(),
        expires_at: now.plus(CONFIG.refresh_ttl),
    };
    (token, stored)
}

/// Signs an access token for the user.
///
/// # Errors
/// As [`current_signer`], and [`Error::Internal`] where signing fails.
pub fn issue_tokens(user: User, refresh: &RefreshToken, now: Timestamp) -> Result<Tokens, Error> {
    let (key, key_id) = current_signer(now)?;
    let claims = Claims {
        iss: &CONFIG.issuer,
        aud: &CONFIG.audience,
        sub: user.id.to_string(),
        exp: now.plus(ACCESS_TTL).seconds(),
        iat: now.seconds(),
        jti: URL_SAFE_NO_PAD.encode(random_bytes::<16>()),
        roles: &user.roles,
    };
    let header = Header {
        kid: Some(key_id),
        ..Header::new(Algorithm::EdDSA)
    };
    let access_token = jsonwebtoken::encode(&header, &claims, &key)
        .map_err(|error| Error::Internal(format!("signing an access token: {error}")))?;
    Ok(Tokens {
        access_token,
        token_type: "Bearer",
        expires_in: ACCESS_TTL.as_secs(),
        refresh_token: refresh.as_str().to_string(),
        user,
    })
}

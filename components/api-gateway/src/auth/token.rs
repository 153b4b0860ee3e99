//! One access token: EdDSA, from our issuer, for our audience, not expired. Nothing else is ever
//! accepted (RFC 8725 section 3.1).

use eventhub_guest::ids::UserId;
use eventhub_guest::{Principal, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;

/// Ours have less than 600 bytes.
const MAX_LENGTH: usize = 4096;

/// What is wrong with a token.
#[derive(Debug, PartialEq)]
pub enum Fault {
    NoBearer,
    Expired,
    /// Why, for the log: a client learns nothing from it.
    Invalid(&'static str),
}

/// What a valid token says.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified {
    pub principal: Principal,
    /// Seconds since the Unix epoch.
    pub expires_at: i64,
}

/// What a token must say of itself.
pub struct Expected(Validation);

impl Expected {
    pub fn new(issuer: &str, audience: &str) -> Self {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // The time is checked below, against the clock that the caller was given.
        validation.validate_exp = false;
        Self(validation)
    }
}

#[derive(Deserialize)]
struct Claims {
    sub: UserId,
    exp: i64,
    #[serde(default)]
    roles: Vec<String>,
}

/// The id of the key that is said to have signed it; the algorithm is checked on the way.
pub fn key_id(token: &str) -> Result<String, Fault> {
    if token.len() > MAX_LENGTH {
        return Err(Fault::Invalid("too long"));
    }
    let header = decode_header(token).map_err(|_| Fault::Invalid("unreadable header"))?;
    if header.alg != Algorithm::EdDSA {
        return Err(Fault::Invalid("another algorithm than EdDSA"));
    }
    header.kid.ok_or(Fault::Invalid("no kid"))
}

pub fn verify(
    token: &str,
    key: &DecodingKey,
    expected: &Expected,
    now: Timestamp,
) -> Result<Verified, Fault> {
    let claims = decode::<Claims>(token, key, &expected.0)
        .map_err(|_| Fault::Invalid("signature or claims"))?
        .claims;
    // After the signature: who made it up does not learn more.
    if claims.exp <= now.seconds() {
        return Err(Fault::Expired);
    }
    Ok(Verified {
        principal: Principal {
            user_id: claims.sub.to_string(),
            roles: claims.roles,
        },
        expires_at: claims.exp,
    })
}

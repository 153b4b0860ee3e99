//! Verifies one access token: EdDSA, from our issuer, for our audience, not expired. Every other
//! token is refused (RFC 8725 section 3.1).

use eventhub_guest::ids::UserId;
use eventhub_guest::{Principal, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;

/// Our own tokens have fewer than 600 bytes.
const MAX_LENGTH: usize = 4096;

/// The fault of a token.
#[derive(Debug, PartialEq)]
pub enum Fault {
    NoBearer,
    Expired,
    /// The reason, for the log only: the client does not get it.
    Invalid(&'static str),
}

/// The content of a valid token.
#[derive(Clone, Debug, PartialEq)]
pub struct Verified {
    pub principal: Principal,
    /// Seconds since the Unix epoch.
    pub expires_at: i64,
}

/// The required claims.
pub struct Expected(Validation);

impl Expected {
    pub fn new(issuer: &str, audience: &str) -> Self {
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // The time is checked below, against the caller's clock.
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

/// The id of the key that allegedly signed the token; also checks the algorithm.
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
    // Checked after the signature, so that a forger learns nothing more.
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

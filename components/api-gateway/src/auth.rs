//! Authentication: access tokens are verified here once, and services get the result as data. A
//! verified token is remembered until it expires, since a check of Ed25519 takes a tenth of a
//! millisecond.

mod keys;
mod token;

use std::cell::RefCell;
use std::num::NonZeroUsize;

use eventhub_guest::problem::{Code, Problem};
use eventhub_guest::{Principal, Timestamp};
use keys::KeySet;
use lru::LruCache;
use token::{Expected, Fault, Verified};

use crate::ports::Ports;

/// The tokens that one instance remembers: at half a kilobyte each, 5 MB.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();

/// Verifies access tokens.
pub struct Authenticator {
    expected: Expected,
    keys: RefCell<KeySet>,
    verified: RefCell<LruCache<Box<str>, Verified>>,
}

impl Authenticator {
    pub fn new(issuer: &str, audience: &str) -> Self {
        let verified = RefCell::new(LruCache::new(REMEMBERED));
        Self {
            expected: Expected::new(issuer, audience),
            keys: RefCell::default(),
            verified,
        }
    }

    /// The principal of an `Authorization` header.
    ///
    /// # Errors
    /// 401 unless it is `Bearer` with a valid token of ours; 503 if the keys are unavailable.
    pub fn principal(
        &self,
        authorization: &str,
        now: Timestamp,
        ports: &impl Ports,
    ) -> Result<Principal, Problem> {
        let token = bearer(authorization).ok_or_else(|| refusal(Fault::NoBearer))?;
        if let Some(known) = self.remembered(token, now) {
            return Ok(known);
        }
        let verified = self.verify(token, now, ports)?;
        let principal = verified.principal.clone();
        self.verified.borrow_mut().put(token.into(), verified);
        Ok(principal)
    }

    fn remembered(&self, token: &str, now: Timestamp) -> Option<Principal> {
        let mut verified = self.verified.borrow_mut();
        let known = verified.get(token)?;
        if known.expires_at > now.seconds() {
            return Some(known.principal.clone());
        }
        verified.pop(token);
        None
    }

    fn verify(&self, token: &str, now: Timestamp, ports: &impl Ports) -> Result<Verified, Problem> {
        let kid = token::key_id(token).map_err(refusal)?;
        let key = self.keys.borrow_mut().find(&kid, now, ports)?;
        let key = key.ok_or_else(|| refusal(Fault::Invalid("no key of ours has its kid")))?;
        token::verify(token, &key, &self.expected, now).map_err(refusal)
    }
}

/// The token of `Bearer <token>` (RFC 6750 section 2.1).
fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    let token = token.trim_matches(' ');
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

fn refusal(fault: Fault) -> Problem {
    match fault {
        Fault::NoBearer => Problem::new(
            Code::Unauthenticated,
            "Send the access token as: Authorization: Bearer …",
        ),
        Fault::Expired => {
            let problem = Problem::new(
                Code::TokenExpired,
                "Get a new access token with POST /api/v1/auth/refresh.",
            );
            problem.header(
                "www-authenticate",
                "Bearer error=\"invalid_token\", error_description=\"expired\"",
            )
        }
        Fault::Invalid(why) => {
            tracing::debug!(token.fault = why, "an access token was refused");
            Problem::new(
                Code::Unauthenticated,
                "The access token is not valid: log in again.",
            )
            .header("www-authenticate", "Bearer error=\"invalid_token\"")
        }
    }
}

#[cfg(test)]
mod tests;

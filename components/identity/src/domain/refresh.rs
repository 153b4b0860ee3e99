//! Refresh tokens: each works once. A second use means that two parties have it, so the whole
//! family is revoked (RFC 9700 section 4.14.2).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use eventhub_guest::Timestamp;
use eventhub_guest::ids::{Id, Kind};
use sha2::{Digest, Sha256};

/// A refresh token as the client has it: 256 random bits in base64url.
pub struct RefreshToken(String);

impl RefreshToken {
    pub fn from_random(bytes: [u8; 32]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The text that a client sent. Only the table knows whether we issued it.
    pub fn from_client(text: String) -> Self {
        Self(text)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text that is stored. A fast hash is enough: nobody guesses 256 random bits.
    pub fn hash(&self) -> Vec<u8> {
        Sha256::digest(self.0.as_bytes()).to_vec()
    }
}

/// Why a family was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
pub enum Revocation {
    Logout,
    Reuse,
}

/// A refresh token to be stored.
pub struct NewToken {
    pub family: Family,
    pub hash: Vec<u8>,
    pub expires_at: Timestamp,
}

/// A refresh token as it is stored, with its family.
#[derive(Clone, Debug)]
pub struct StoredToken {
    pub family: Family,
    pub expires_at: Timestamp,
    pub used: bool,
    pub revoked_by: Option<Revocation>,
}

/// All tokens that descend from one log-in.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RefreshFamily;

impl Kind for RefreshFamily {
    const PREFIX: &'static str = "fam_";
}

/// Id of a family; never shown outside.
pub type Family = Id<RefreshFamily>;

/// What the use of a token leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A new pair of tokens, if nobody else is quicker.
    Rotate,
    /// 401 `refresh_token_reused`, and the family is revoked if it is not yet.
    Reused,
    /// 401: expired or logged out.
    Refused,
}

/// Decides what the use of a token leads to.
pub fn judge_use(stored: &StoredToken, now: Timestamp) -> Verdict {
    match stored.revoked_by {
        _ if stored.used => Verdict::Reused,
        Some(Revocation::Reuse) => Verdict::Reused,
        Some(Revocation::Logout) => Verdict::Refused,
        None if stored.expires_at <= now => Verdict::Refused,
        None => Verdict::Rotate,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn stored(used: bool, revoked_by: Option<Revocation>) -> StoredToken {
        StoredToken {
            family: Family::from_u128(1),
            expires_at: Timestamp::from_micros(1_000_000),
            used,
            revoked_by,
        }
    }

    #[test]
    fn a_used_token_never_rotates_again() {
        for revoked_by in [None, Some(Revocation::Logout), Some(Revocation::Reuse)] {
            for now in [0, 2_000_000] {
                assert_eq!(
                    judge_use(&stored(true, revoked_by), Timestamp::from_micros(now)),
                    Verdict::Reused
                );
            }
        }
    }

    #[test]
    fn only_a_fresh_token_of_a_living_family_rotates() {
        let before = Timestamp::from_micros(999_999);
        assert_eq!(judge_use(&stored(false, None), before), Verdict::Rotate);
        assert_eq!(
            judge_use(&stored(false, None), before.plus(Duration::from_micros(1))),
            Verdict::Refused
        );
        assert_eq!(
            judge_use(&stored(false, Some(Revocation::Logout)), before),
            Verdict::Refused
        );
        assert_eq!(
            judge_use(&stored(false, Some(Revocation::Reuse)), before),
            Verdict::Reused
        );
    }

    #[test]
    fn the_table_does_not_contain_the_token() {
        let token = RefreshToken::from_random([7; 32]);
        assert_eq!(token.as_str().len(), 43);
        assert_ne!(token.hash(), token.as_str().as_bytes());
        let received = RefreshToken::from_client(token.as_str().into());
        assert_eq!(token.hash(), received.hash());
    }
}

//! Signing keys and how they are published.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use eventhub_guest::Timestamp;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::key_schedule::ScheduledKey;

/// An Ed25519 key that signs access tokens.
#[derive(Clone)]
pub struct SigningKey {
    /// Counts from 1.
    pub generation: i64,
    /// `kid`: the key's own thumbprint.
    pub id: String,
    /// When it begins to sign.
    pub not_before: Timestamp,
    pub pair: ed25519_dalek::SigningKey,
}

impl SigningKey {
    /// A key of 32 random bytes.
    pub fn from_seed(generation: i64, not_before: Timestamp, seed: [u8; 32]) -> Self {
        let pair = ed25519_dalek::SigningKey::from_bytes(&seed);
        let id = thumbprint(pair.verifying_key().as_bytes());
        Self {
            generation,
            id,
            not_before,
            pair,
        }
    }

    /// The public half, as the key set has it.
    pub fn to_jwk(&self) -> Jwk {
        Jwk {
            kty: "OKP",
            crv: "Ed25519",
            purpose: "sig",
            alg: "EdDSA",
            kid: self.id.clone(),
            x: URL_SAFE_NO_PAD.encode(self.pair.verifying_key().as_bytes()),
        }
    }
}

impl ScheduledKey for SigningKey {
    fn generation(&self) -> i64 {
        self.generation
    }

    fn not_before(&self) -> Timestamp {
        self.not_before
    }
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

/// RFC 7638: the hash of the key's required members, so that a key names itself.
fn thumbprint(public: &[u8; 32]) -> String {
    let members = format!(
        r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#,
        URL_SAFE_NO_PAD.encode(public)
    );
    URL_SAFE_NO_PAD.encode(Sha256::digest(members.as_bytes()))
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
}

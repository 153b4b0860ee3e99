//! Access tokens for many users, signed as identity signs them: a log-in costs a core 45 ms, and a
//! benchmark needs hundreds.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey;
use eventhub_guest::ids::UserId;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

/// A key that signs access tokens.
pub struct Signer {
    kid: String,
    key: SigningKey,
}

impl Signer {
    /// A new key for the benchmark.
    pub fn own() -> Self {
        Self {
            kid: "bench".into(),
            key: SigningKey::from_bytes(&[7; 32]),
        }
    }

    /// The signing key of a development environment.
    pub async fn of_environment(identity_db: &str) -> Result<Self> {
        let pool = sqlx::PgPool::connect(identity_db).await?;
        let newest = "SELECT kid, seed FROM signing_keys WHERE not_before <= now() ORDER BY generation DESC LIMIT 1";
        let (kid, seed): (String, Vec<u8>) = sqlx::query_as(newest).fetch_one(&pool).await?;
        let seed: [u8; 32] = seed
            .try_into()
            .ok()
            .context("the seed of a signing key has 32 bytes")?;
        Ok(Self {
            kid,
            key: SigningKey::from_bytes(&seed),
        })
    }

    /// The key set as identity publishes it.
    pub fn key_set(&self) -> Value {
        let x = URL_SAFE_NO_PAD.encode(self.key.verifying_key().as_bytes());
        json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": self.kid, "x": x}]})
    }

    /// `Bearer …` of a new user, valid for half an hour.
    pub fn bearer(&self) -> Result<String> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let user = UserId::new().to_string();
        let claims = json!({
            "iss": "https://eventhub.dev", "aud": "eventhub", "sub": user, "iat": now, "exp": now + 1_800, "jti": user, "roles": ["user"],
        });
        let der = self.key.to_pkcs8_der()?;
        let header = Header {
            kid: Some(self.kid.clone()),
            ..Header::new(Algorithm::EdDSA)
        };
        Ok(format!(
            "Bearer {}",
            encode(&header, &claims, &EncodingKey::from_ed_der(der.as_bytes()))?
        ))
    }

    pub fn bearers(&self, count: usize) -> Result<Vec<String>> {
        (0..count).map(|_| self.bearer()).collect()
    }
}

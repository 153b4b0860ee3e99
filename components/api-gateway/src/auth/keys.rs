//! The public keys of identity, fetched on demand and remembered for a minute.

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use eventhub_guest::{Problem, Request, Timestamp, http};
use jsonwebtoken::DecodingKey;
use serde::Deserialize;

use crate::ports::Ports;
use crate::table::Service;

/// How long a key set is used without a new fetch.
const FRESH: Duration = Duration::from_secs(60);
/// The shortest time between two fetches for unknown keys: anybody can invent key ids.
const PAUSE: Duration = Duration::from_secs(5);

/// The key set of the last fetch.
#[derive(Default)]
pub struct KeySet {
    keys: HashMap<String, DecodingKey>,
    fetched_at: Option<Timestamp>,
    tried_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Jwk>,
}

#[derive(Deserialize)]
struct Jwk {
    kid: String,
    kty: String,
    crv: String,
    x: String,
}

impl KeySet {
    /// The key with that id; none if identity does not have it.
    ///
    /// # Errors
    /// 503 if identity does not answer and no key set is cached. An old key set is still used: keys
    /// last for weeks.
    pub fn find(
        &mut self,
        kid: &str,
        now: Timestamp,
        ports: &impl Ports,
    ) -> Result<Option<DecodingKey>, Problem> {
        let within = |at: Option<Timestamp>, duration: Duration| {
            at.is_some_and(|at| now < at.plus(duration) && at <= now)
        };
        let wanted = if self.keys.contains_key(kid) {
            !within(self.fetched_at, FRESH)
        } else {
            true
        };
        if wanted && !within(self.tried_at, PAUSE) {
            self.tried_at = Some(now);
            match fetch(ports) {
                Ok(keys) => {
                    self.keys = keys;
                    self.fetched_at = Some(now);
                }
                Err(cause) => tracing::warn!(error.cause = cause, "the key set cannot be fetched"),
            }
        }
        if self.fetched_at.is_none() {
            // The next request may try at once: without keys every token is refused.
            self.tried_at = None;
            return Err(Problem::unavailable(
                "Access tokens cannot be checked just now; try again in a moment.",
            ));
        }
        Ok(self.keys.get(kid).cloned())
    }
}

fn fetch(ports: &impl Ports) -> Result<HashMap<String, DecodingKey>, String> {
    let request = Request {
        request_id: "key-set".into(),
        ..http::request("GET", "/.well-known/jwks.json")
    };
    let response = ports.call(Service::Identity, &request);
    if response.status != 200 {
        return Err(format!("identity answered {}", response.status));
    }
    let document: Document =
        serde_json::from_slice(&response.body).map_err(|error| error.to_string())?;
    Ok(document
        .keys
        .into_iter()
        .filter_map(|jwk| Some((jwk.kid.clone(), decode(&jwk)?)))
        .collect())
}

fn decode(jwk: &Jwk) -> Option<DecodingKey> {
    let x = URL_SAFE_NO_PAD.decode(&jwk.x).ok()?;
    // `from_ed_der` takes the raw 32 bytes, and the verifier relies on this length.
    (jwk.kty == "OKP" && jwk.crv == "Ed25519" && x.len() == 32)
        .then(|| DecodingKey::from_ed_der(&x))
}

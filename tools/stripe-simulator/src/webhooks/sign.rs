//! The header `Stripe-Signature`. Source: https://docs.stripe.com/webhooks#verify-manually.

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// The header's value for a body sent at `time` (seconds since 1970): HMAC-SHA256 over
/// `{time}.{body}`.
pub fn sign(secret: &str, time: i64, body: &[u8]) -> String {
    // HMAC takes keys of any length, so there is always a signature to give.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return format!("t={time}");
    };
    mac.update(time.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    format!("t={time},v1={}", hex::encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_body_and_secret_each_change_the_signature() {
        let header = sign("whsec_test", 1_700_000_000, b"{}");
        let (time, signature) = header.split_once(",v1=").unwrap();
        assert_eq!(time, "t=1700000000");
        assert_eq!(signature.len(), 64);
        for other in [
            sign("whsec_other", 1_700_000_000, b"{}"),
            sign("whsec_test", 1_700_000_001, b"{}"),
            sign("whsec_test", 1_700_000_000, b"{ }"),
        ] {
            assert_ne!(other.split_once(",v1=").unwrap().1, signature);
        }
    }
}

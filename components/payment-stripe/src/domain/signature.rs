//! Stripe's webhook signatures: `Stripe-Signature: t=<seconds>,v1=<hex HMAC-SHA256 of "t.body">`,
//! several v1 allowed. <https://docs.stripe.com/webhooks#verify-manually>

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// An older signature could be a replay.
const TOLERANCE_SECONDS: i64 = 300;

/// Why a webhook is not believed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    #[error("the header Stripe-Signature is missing or has no t and v1")]
    Malformed,
    #[error("the signature is not of the last {TOLERANCE_SECONDS} seconds")]
    Old,
    #[error("no signature fits the body")]
    Mismatch,
}

/// Verifies the header `Stripe-Signature`. `now` is in seconds since the Unix epoch; `body` as it
/// came.
///
/// # Errors
/// [`Error`].
pub fn verify_signature(
    secrets: &[String],
    header: &str,
    body: &str,
    now: i64,
) -> Result<(), Error> {
    let values = |name: &str| {
        header
            .split(',')
            .filter_map(|part| part.trim().split_once('='))
            .filter(move |(key, _)| *key == name)
            .map(|(_, value)| value)
            .collect::<Vec<_>>()
    };
    let at = values("t")
        .first()
        .and_then(|text| text.parse::<i64>().ok())
        .ok_or(Error::Malformed)?;
    let candidates: Vec<Vec<u8>> = values("v1")
        .into_iter()
        .filter_map(|text| hex::decode(text).ok())
        .collect();
    if candidates.is_empty() {
        return Err(Error::Malformed);
    }
    let signed = format!("{at}.{body}");
    let fits = |secret: &String, candidate: &[u8]| {
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
            return false;
        };
        mac.update(signed.as_bytes());
        // In constant time.
        mac.verify_slice(candidate).is_ok()
    };
    if !candidates
        .iter()
        .any(|candidate| secrets.iter().any(|secret| fits(secret, candidate)))
    {
        return Err(Error::Mismatch);
    }
    // Only now: a sender that cannot sign does not learn what our clock says.
    if (now - at).abs() > TOLERANCE_SECONDS {
        return Err(Error::Old);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sign(secret: &str, at: i64, body: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        mac.update(format!("{at}.{body}").as_bytes());
        hex::encode(mac.finalize().into_bytes())
    }

    #[test]
    fn only_a_fresh_signature_over_exactly_this_body_is_believed() {
        let secrets = ["whsec_a".to_string(), "whsec_b".to_string()];
        let header = format!("t=1000,v1={}", sign("whsec_b", 1000, "{}"));
        assert_eq!(verify_signature(&secrets, &header, "{}", 1300), Ok(()));
        assert_eq!(
            verify_signature(&secrets, &header, "{}", 1301),
            Err(Error::Old)
        );
        assert_eq!(
            verify_signature(&secrets, &header, "{} ", 1000),
            Err(Error::Mismatch)
        );
        assert_eq!(
            verify_signature(&secrets[..1], &header, "{}", 1000),
            Err(Error::Mismatch)
        );
        assert_eq!(
            verify_signature(&[], &header, "{}", 1000),
            Err(Error::Mismatch)
        );
    }

    #[test]
    fn one_good_signature_among_several_is_enough() {
        let header = format!(
            "t=5,v1={},v0=abc,v1={}",
            sign("whsec_old", 5, "x"),
            sign("whsec_a", 5, "x")
        );
        assert_eq!(
            verify_signature(&["whsec_a".into()], &header, "x", 5),
            Ok(())
        );
    }

    #[test]
    fn a_header_without_time_or_signature_is_malformed() {
        for header in ["", "t=,v1=", "t=5", "v1=00", "t=5,v1=zz", "nonsense"] {
            assert_eq!(
                verify_signature(&["s".into()], header, "x", 5),
                Err(Error::Malformed),
                "{header}"
            );
        }
    }
}

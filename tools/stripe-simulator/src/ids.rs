//! Identifiers that look like Stripe's, and the one that carries meaning: a payment method's id
//! says which test card it is, so that any of the millions a load test makes can be read back
//! without being stored.

use rand::Rng;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// `len` random characters of `0-9A-Za-z`.
pub fn random(len: usize) -> String {
    let mut rng = rand::rng();
    (0..len)
        .map(|_| ALPHABET[rng.random_range(0..62)] as char)
        .collect()
}

/// A new id: the prefix and 24 characters, as in `pi_3MtwBwLkdIwHu7ix28a3tqPa`.
pub fn new(prefix: &str) -> String {
    format!("{prefix}_3{}", random(23))
}

/// A new request id, 14 characters as Stripe's are.
pub fn request() -> String {
    format!("req_{}", random(14))
}

/// The secret with which a browser may confirm this intent.
pub fn client_secret(intent: &str) -> String {
    format!("{intent}_secret_{}", random(25))
}

/// A payment method's id: `pm_1`, 6 characters of seconds, 15 random, 2 for the card's place in the
/// list.
pub fn payment_method(card: usize, created: i64) -> String {
    let seconds = encode(u64::try_from(created).unwrap_or(0), 6);
    format!("pm_1{seconds}{}{}", random(15), encode(card as u64, 2))
}

/// The card's place and the creation time (seconds) in an id that [`payment_method`] made; `None`
/// for any other text.
pub fn read_payment_method(id: &str) -> Option<(usize, i64)> {
    let rest = id
        .strip_prefix("pm_1")
        .filter(|rest| rest.len() == 23 && rest.is_ascii())?;
    let card = decode(&rest[21..])?;
    let created = decode(&rest[..6])?;
    Some((usize::try_from(card).ok()?, i64::try_from(created).ok()?))
}

fn encode(mut value: u64, width: usize) -> String {
    let mut digits = vec![b'0'; width];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[(value % 62) as usize];
        value /= 62;
    }
    digits.into_iter().map(char::from).collect()
}

fn decode(text: &str) -> Option<u64> {
    text.bytes().try_fold(0u64, |value, byte| {
        let digit = ALPHABET.iter().position(|&letter| letter == byte)?;
        value.checked_mul(62)?.checked_add(digit as u64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payment_method_id_tells_its_card_and_its_time() {
        let id = payment_method(23, 1_795_363_200);
        assert_eq!(id.len(), 27);
        assert_eq!(read_payment_method(&id), Some((23, 1_795_363_200)));
    }

    #[test]
    fn foreign_payment_method_ids_are_not_read_as_ours() {
        for id in [
            "pm_card_visa",
            "pm_1",
            "pi_3MtwBwLkdIwHu7ix28a3tqPa",
            "pm_1äääääääääääa",
        ] {
            assert_eq!(read_payment_method(id), None, "{id}");
        }
    }
}

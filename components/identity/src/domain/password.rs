//! Passwords: what is refused because it would be tried first, and how they are hashed.
//! Length and guessability, no rules about kinds of characters (NIST SP 800-63B section 3.1.1).

use std::collections::HashSet;
use std::sync::LazyLock;

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};

use super::Error;
use super::email::Email;

pub const MIN_LENGTH: usize = 10;
/// So long a text costs nothing to hash, and is no attack.
pub const MAX_LENGTH: usize = 200;

/// Words that people build passwords of: with digits and signs around them, they are tried first.
static COMMON: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    include_str!("common_passwords.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect()
});

/// Runs of keys, walked in either direction.
const RUNS: [&str; 9] = [
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "abcdefghijklmnopqrstuvwxyz",
    "12345678901234567890",
    "1q2w3e4r5t6y7u8i9o0p",
    "q1w2e3r4t5y6u7i8o9p0",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
    "qazwsxedcrfvtgbyhnujm",
];

/// Why this password is refused, in words after "must"; none where it is fine. The length is
/// checked elsewhere.
pub fn weakness(password: &str, email: &Email, name: &str) -> Option<&'static str> {
    let lower = password.to_lowercase();
    let letters = compact(&lower);
    let about_user = |text: &str| {
        let text = compact(&text.to_lowercase());
        text.len() >= 3 && bare(&letters) == bare(&text)
    };
    if about_user(email.as_str()) || about_user(email.local_part()) || about_user(name) {
        return Some("must not be the e-mail address or the name");
    }
    if lower.chars().collect::<HashSet<_>>().len() < 4 {
        return Some("must have more different characters");
    }
    if is_run(&lower) || is_run(&letters) {
        return Some("must not be a run of keys");
    }
    let is_common = |text: &str| {
        COMMON.contains(text) || COMMON.contains(bare(text)) || COMMON.contains(bare(&unleet(text)))
    };
    let unit = repeated(&lower);
    if is_common(&lower)
        || is_common(&letters)
        || unit.is_some_and(|unit| unit.chars().count() <= 5 || is_common(unit))
    {
        return Some("must not be one of the common passwords");
    }
    None
}

/// Without what is neither letter nor digit.
fn compact(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// Without digits and signs at both ends; the text itself where nothing else is in it.
fn bare(text: &str) -> &str {
    let inner = text.trim_matches(|c: char| !c.is_alphabetic());
    if inner.is_empty() { text } else { inner }
}

/// `p@ssw0rd` → `password`. Digits at the end are left alone: they are a number there.
fn unleet(text: &str) -> String {
    let body = text.trim_end_matches(|c: char| !c.is_alphabetic());
    let replaced = body.chars().map(|c| match c {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    });
    replaced.collect()
}

/// Whether the text is part of a run of keys that may start anew: `7890123456`, `poiuytrewq`.
fn is_run(text: &str) -> bool {
    RUNS.iter().any(|run| {
        let forwards = format!("{run}{run}");
        let backwards: String = forwards.chars().rev().collect();
        forwards.contains(text) || backwards.contains(text)
    })
}

/// What the text is a repetition of, if it is one.
fn repeated(text: &str) -> Option<&str> {
    let ends = text.char_indices().map(|(at, _)| at).skip(1);
    ends.take_while(|at| at * 2 <= text.len())
        .map(|at| &text[..at])
        .find(|unit| {
            text.len().is_multiple_of(unit.len()) && text == unit.repeat(text.len() / unit.len())
        })
}

/// Argon2id, 19 MiB, two passes, one lane: the first choice of the OWASP Password Storage Cheat
/// Sheet.
fn hasher() -> Result<Argon2<'static>, Error> {
    let params = Params::new(19 * 1024, 2, 1, None).map_err(internal)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn internal(error: impl std::fmt::Display) -> Error {
    Error::Internal(format!("password hash: {error}"))
}

/// A PHC string. `salt` is 16 random bytes. Takes a core for 45 ms.
pub fn hash(password: &str, salt: &[u8; 16]) -> Result<String, Error> {
    let salt = SaltString::encode_b64(salt).map_err(internal)?;
    Ok(hasher()?
        .hash_password(password.as_bytes(), &salt)
        .map_err(internal)?
        .to_string())
}

/// Whether the password fits. With no hash, because there is no such account, the same work is done
/// and the answer is no.
pub fn verify(password: &str, hash: Option<&str>) -> Result<bool, Error> {
    let parsed = PasswordHash::new(hash.unwrap_or(DUMMY)).map_err(internal)?;
    let fits = hasher()?
        .verify_password(password.as_bytes(), &parsed)
        .is_ok();
    Ok(fits && hash.is_some())
}

/// A hash of a password that nobody has, with the parameters of all others.
const DUMMY: &str = "$argon2id$v=19$m=19456,t=2,p=1$ZXZlbnRodWItZHVtbXktcw$reo2eHH6OsxN5/lxCDGgZa5K4rIkK8T6qpBH8xc1WQk";

#[cfg(test)]
mod tests {
    use super::*;

    fn weak(password: &str) -> bool {
        let email = Email::parse("ada.lovelace@example.org").unwrap();
        weakness(password, &email, "Ada Lovelace").is_some()
    }

    #[test]
    fn what_is_tried_first_is_refused() {
        let tried = [
            "1234567890",
            "0987654321",
            "7890123456",
            "12345678901234",
            "qwertyuiop",
            "poiuytrewq",
            "QWERTYUIOP",
            "asdfghjkl;",
            "1q2w3e4r5t",
            "1qaz2wsx3edc",
            "qazwsxedcrfv",
            "abcdefghij",
            "aaaaaaaaaa",
            "abababababab",
            "abcabcabcabc",
            "1212121212",
            "password123",
            "Password1234!",
            "P@ssw0rd123",
            "passwordpassword",
            "iloveyou2026",
            "welcome12345",
            "!!letmein!!",
            "administrator",
            "Eventhub2026",
            "football1234",
            "trustno1trustno1",
            "ada.lovelace",
            "adalovelace1",
            "Ada Lovelace",
            "ada.lovelace@example.org",
            "changeme123",
        ];
        let missed: Vec<_> = tried.iter().filter(|password| !weak(password)).collect();
        assert!(missed.is_empty(), "{missed:?}");
    }

    #[test]
    fn a_good_password_is_not_refused() {
        for password in [
            "correct horse battery staple",
            "vK9#mQ2$xL",
            "tiger eats 14 apples",
            "gr8-plum-orbit",
            "Übergrößenträger",
            "密码密码一二三四五六七八",
            "my password is long enough",
            "demo-organizer-secret",
        ] {
            assert!(!weak(password), "{password}");
        }
    }

    #[test]
    fn an_unknown_address_costs_what_a_known_one_costs() {
        let real = hash("vK9#mQ2$xL", &[3; 16]).unwrap();
        let parameters = |phc: &str| phc.split('$').take(4).collect::<Vec<_>>().join("$");
        assert_eq!(parameters(&real), "$argon2id$v=19$m=19456,t=2,p=1");
        assert_eq!(parameters(DUMMY), parameters(&real));
        assert_eq!(DUMMY.len(), real.len());
        assert!(!verify("vK9#mQ2$xL", None).unwrap());
    }

    #[test]
    fn only_the_password_itself_fits() {
        let phc = hash("vK9#mQ2$xL", &[3; 16]).unwrap();
        assert!(verify("vK9#mQ2$xL", Some(&phc)).unwrap());
        assert!(!verify("vK9#mQ2$xl", Some(&phc)).unwrap());
        assert_ne!(phc, hash("vK9#mQ2$xL", &[4; 16]).unwrap());
    }
}

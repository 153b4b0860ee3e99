//! Passwords: which ones are refused because they would be tried first, and how they are hashed.
//! Length and guessability, no rules about kinds of characters (NIST SP 800-63B section 3.1.1).

use std::collections::HashSet;
use std::sync::LazyLock;

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use eventhub_guest::Check;
use eventhub_guest::validate::EmailAddress;

/// Characters.
pub const MIN_LENGTH: usize = 10;
/// Characters; a text of this length costs nothing to hash.
pub const MAX_LENGTH: usize = 200;

/// A password could not be hashed: a bug, or a damaged row.
#[derive(Debug, thiserror::Error)]
#[error("password hash: {0}")]
pub struct Error(String);

/// Words that people build passwords from; with digits and signs around them, they are tried first.
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

/// Checks the length of a new password.
pub fn check_length(check: &mut Check, password: &str) {
    let length = password.chars().count();
    check.that(
        length >= MIN_LENGTH,
        "/password",
        "too_short",
        format!("must have at least {MIN_LENGTH} characters"),
    );
    check.that(
        length <= MAX_LENGTH,
        "/password",
        "too_long",
        format!("must have at most {MAX_LENGTH} characters"),
    );
}

/// Why this password is refused; none where it is fine. The length is checked elsewhere.
pub fn find_weakness(password: &str, email: &EmailAddress, name: &str) -> Option<&'static str> {
    let lower = password.to_lowercase();
    let letters = keep_alphanumeric(&lower);
    let about_user = |text: &str| {
        let text = keep_alphanumeric(&text.to_lowercase());
        text.len() >= 3 && trim_to_letters(&letters) == trim_to_letters(&text)
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
        COMMON.contains(text)
            || COMMON.contains(trim_to_letters(text))
            || COMMON.contains(trim_to_letters(&undo_leetspeak(text)))
    };
    let unit = find_repeated_unit(&lower);
    if is_common(&lower)
        || is_common(&letters)
        || unit.is_some_and(|unit| unit.chars().count() <= 5 || is_common(unit))
    {
        return Some("must not be one of the common passwords");
    }
    None
}

/// The letters and digits of a text.
fn keep_alphanumeric(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

/// The text without digits and signs at both ends; all of it where it has no letters.
fn trim_to_letters(text: &str) -> &str {
    let inner = text.trim_matches(|c: char| !c.is_alphabetic());
    if inner.is_empty() { text } else { inner }
}

/// `p@ssw0rd` → `password`. Digits at the end are left alone: they are a number there.
fn undo_leetspeak(text: &str) -> String {
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

/// The unit that the text repeats; none where it repeats none.
fn find_repeated_unit(text: &str) -> Option<&str> {
    let ends = text.char_indices().map(|(at, _)| at).skip(1);
    ends.take_while(|at| at * 2 <= text.len())
        .map(|at| &text[..at])
        .find(|unit| {
            text.len().is_multiple_of(unit.len()) && text == unit.repeat(text.len() / unit.len())
        })
}

/// Argon2id, 19 MiB, two passes, one lane: the first choice of the OWASP Password Storage Cheat
/// Sheet.
fn argon2id() -> Result<Argon2<'static>, Error> {
    let params = Params::new(19 * 1024, 2, 1, None).map_err(to_error)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn to_error(cause: impl std::fmt::Display) -> Error {
    Error(cause.to_string())
}

/// Hashes a password into a PHC string. `salt` is 16 random bytes. Takes a core for 45 ms.
///
/// # Errors
/// [`Error`], which is a bug.
pub fn hash_password(password: &str, salt: &[u8; 16]) -> Result<String, Error> {
    let salt = SaltString::encode_b64(salt).map_err(to_error)?;
    Ok(argon2id()?
        .hash_password(password.as_bytes(), &salt)
        .map_err(to_error)?
        .to_string())
}

/// Whether the password fits the hash. Without a hash, because there is no such account, the same
/// work is done and the answer is no.
///
/// # Errors
/// [`Error`] where the hash is not a PHC string.
pub fn verify_password(password: &str, hash: Option<&str>) -> Result<bool, Error> {
    let parsed = PasswordHash::new(hash.unwrap_or(DUMMY)).map_err(to_error)?;
    let fits = argon2id()?
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
        let email = EmailAddress::parse("ada.lovelace@example.org").unwrap();
        find_weakness(password, &email, "Ada Lovelace").is_some()
    }

    #[test]
    fn a_password_that_is_tried_first_is_refused() {
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
        let real = hash_password("vK9#mQ2$xL", &[3; 16]).unwrap();
        let parameters = |phc: &str| phc.split('$').take(4).collect::<Vec<_>>().join("$");
        assert_eq!(parameters(&real), "$argon2id$v=19$m=19456,t=2,p=1");
        assert_eq!(parameters(DUMMY), parameters(&real));
        assert_eq!(DUMMY.len(), real.len());
        assert!(!verify_password("vK9#mQ2$xL", None).unwrap());
    }

    #[test]
    fn only_the_password_itself_fits() {
        let phc = hash_password("vK9#mQ2$xL", &[3; 16]).unwrap();
        assert!(verify_password("vK9#mQ2$xL", Some(&phc)).unwrap());
        assert!(!verify_password("vK9#mQ2$xl", Some(&phc)).unwrap());
        assert_ne!(phc, hash_password("vK9#mQ2$xL", &[4; 16]).unwrap());
    }
}

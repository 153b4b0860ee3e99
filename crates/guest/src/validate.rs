//! Rules for values that several services take from their clients: a line of text, an e-mail
//! address. Each rule exists once, so that a value which one service takes is taken by all.

use crate::problem::Check;

/// Checks a text of one line: `min` to `max` characters, no white space at its ends, no control
/// characters.
pub fn check_line(check: &mut Check, pointer: &str, text: &str, min: usize, max: usize) {
    check.text(pointer, text, min, max);
    check.that(
        !text.contains(['\n', '\t']),
        pointer,
        "invalid_character",
        "must be one line",
    );
}

/// Characters of an e-mail address, as RFC 5321 section 4.5.3.1.3 allows for the path without its
/// brackets.
pub const MAX_EMAIL_LENGTH: usize = 254;

/// An address that mail could be sent to. Two are the same account when their keys are equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailAddress {
    text: String,
    key: String,
}

/// Not an e-mail address.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("must be an e-mail address such as ada@example.org, at most {MAX_EMAIL_LENGTH} characters")]
pub struct InvalidEmailAddress;

impl EmailAddress {
    /// Parses what a person typed: surrounding spaces and line ends are dropped, because they come
    /// from copying.
    ///
    /// # Errors
    /// [`InvalidEmailAddress`] where the rest is not an address, or the whole is too long.
    pub fn parse(typed: &str) -> Result<Self, InvalidEmailAddress> {
        let trimmed = typed.trim_matches([' ', '\t', '\r', '\n']);
        if typed.chars().count() > MAX_EMAIL_LENGTH || !is_email_address(trimmed) {
            return Err(InvalidEmailAddress);
        }
        let (local, domain) = trimmed.split_once('@').ok_or(InvalidEmailAddress)?;
        let text = format!("{local}@{}", domain.to_ascii_lowercase());
        let key = text.to_ascii_lowercase();
        Ok(Self { text, key })
    }

    /// As its owner wrote it, the domain in lower case.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// All in lower case: no provider in use distinguishes.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The part before the `@`.
    pub fn local_part(&self) -> &str {
        self.text.split_once('@').map_or("", |(local, _)| local)
    }
}

/// Whether the text is exactly an e-mail address: the rule of the HTML standard ("valid e-mail
/// address"), with a dot in the domain.
pub fn is_email_address(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else {
        return false;
    };
    let is_local_part = (1..=64).contains(&local.len())
        && local
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&c));
    text.len() <= MAX_EMAIL_LENGTH
        && is_local_part
        && domain.contains('.')
        && domain.split('.').all(is_domain_label)
}

fn is_domain_label(label: &str) -> bool {
    let characters = label
        .bytes()
        .all(|c| c.is_ascii_alphanumeric() || c == b'-');
    (1..=63).contains(&label.len())
        && characters
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_has_one_key_however_it_is_written() {
        let one = EmailAddress::parse(" Ada.L@Example.ORG\n").unwrap();
        let other = EmailAddress::parse("ada.l@example.org").unwrap();
        assert_eq!(one.as_str(), "Ada.L@example.org");
        assert_eq!(one.local_part(), "Ada.L");
        assert_eq!(one.key(), other.key());
    }

    #[test]
    fn text_that_is_no_address_is_refused() {
        let long_local = format!("{}@example.org", "a".repeat(65));
        let long_label = format!("a@{}.org", "b".repeat(64));
        let long = format!("a@{}org", "abcdefg.".repeat(40));
        for text in [
            "",
            "@",
            "a@",
            "@b.org",
            "a@b",
            "a b@c.org",
            "a@-b.org",
            "a@b-.org",
            "a@b..org",
            "a@b.org.",
            "a@b@c.org",
            "ä@b.org",
            "a@b.org\0",
            &long_local,
            &long_label,
            &long,
        ] {
            assert_eq!(
                EmailAddress::parse(text),
                Err(InvalidEmailAddress),
                "{text:?}"
            );
            assert!(!is_email_address(text), "{text:?}");
        }
    }

    #[test]
    fn an_exact_address_has_no_line_end() {
        assert!(is_email_address("a+b.c@x-y.example.org"));
        assert!(!is_email_address("a@b.org\n"));
    }

    #[test]
    fn a_line_has_no_line_breaks_or_tabs() {
        let is_line = |text: &str| {
            let mut check = Check::new();
            check_line(&mut check, "/name", text, 1, 5);
            check.is_ok()
        };
        assert!(is_line("a b"));
        for text in ["", "abcdef", " a", "a\nb", "a\tb", "a\u{7}"] {
            assert!(!is_line(text), "{text:?}");
        }
    }
}

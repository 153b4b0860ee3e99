//! E-mail addresses: the rule of the HTML standard ("valid e-mail address"), with a dot in the
//! domain.

/// An address that mail could be sent to. Two are the same account when their keys are equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    shown: String,
    key: String,
}

/// Not an address.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("must be an e-mail address such as ada@example.org, at most 254 characters")]
pub struct InvalidEmail;

/// Characters, as RFC 5321 section 4.5.3.1.3 allows for the path without its brackets.
pub const MAX_LENGTH: usize = 254;

impl Email {
    /// Surrounding spaces and line ends are dropped: they come from copying.
    pub fn parse(text: &str) -> Result<Self, InvalidEmail> {
        let trimmed = text.trim_matches([' ', '\t', '\r', '\n']);
        let (local, domain) = trimmed.split_once('@').ok_or(InvalidEmail)?;
        let local_ok = !local.is_empty()
            && local.len() <= 64
            && local
                .bytes()
                .all(|c| c.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&c));
        let labels_ok = domain.contains('.') && domain.split('.').all(is_label);
        if text.chars().count() > MAX_LENGTH || !local_ok || !labels_ok {
            return Err(InvalidEmail);
        }
        let shown = format!("{local}@{}", domain.to_ascii_lowercase());
        let key = shown.to_ascii_lowercase();
        Ok(Self { shown, key })
    }

    /// As its owner wrote it, the domain in lower case.
    pub fn as_str(&self) -> &str {
        &self.shown
    }

    /// All in lower case: no provider in use distinguishes.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What stands before the `@`.
    pub fn local_part(&self) -> &str {
        self.shown.split_once('@').map_or("", |(local, _)| local)
    }
}

fn is_label(label: &str) -> bool {
    let inner = label
        .bytes()
        .all(|c| c.is_ascii_alphanumeric() || c == b'-');
    (1..=63).contains(&label.len()) && inner && !label.starts_with('-') && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_person_cannot_sign_up_twice_by_writing_the_address_otherwise() {
        let one = Email::parse(" Ada.L@Example.ORG\n").unwrap();
        let other = Email::parse("ada.l@example.org").unwrap();
        assert_eq!(one.as_str(), "Ada.L@example.org");
        assert_eq!(one.key(), other.key());
    }

    #[test]
    fn what_is_no_address_is_refused() {
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
            assert_eq!(Email::parse(text), Err(InvalidEmail), "{text:?}");
        }
    }
}

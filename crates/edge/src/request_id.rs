//! Which request ids of clients are accepted.

/// Whether the id has 1 to 128 characters of `A-Z a-z 0-9 . _ -`, none of which could forge a log
/// line or a header.
pub fn is_sane(id: &str) -> bool {
    (1..=128).contains(&id.len())
        && id
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_could_forge_a_log_line_is_not_sane() {
        assert!(is_sane("Req-1_a.b") && is_sane(&"a".repeat(128)));
        for id in ["", "a b", "a\nb", "é", &"a".repeat(129)] {
            assert!(!is_sane(id), "{id:?}");
        }
    }
}

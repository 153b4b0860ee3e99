//! What a user may say about themselves: name, language, time zone.

use eventhub_guest::Check;
use eventhub_guest::validate::check_line;

use super::user::ProfileChange;

/// A language tag of BCP 47, cut down to language, script and region: `en`, `pt-BR`, `zh-Hant-TW`.
pub fn is_locale(text: &str) -> bool {
    let mut parts = text.split('-').peekable();
    let alpha = |part: &str, lengths: std::ops::RangeInclusive<usize>| {
        lengths.contains(&part.len()) && part.bytes().all(|c| c.is_ascii_alphabetic())
    };
    let digits = |part: &str| part.len() == 3 && part.bytes().all(|c| c.is_ascii_digit());
    if !parts.next().is_some_and(|language| alpha(language, 2..=3)) {
        return false;
    }
    parts.next_if(|script| alpha(script, 4..=4));
    parts.next_if(|region| alpha(region, 2..=2) || digits(region));
    parts.next().is_none()
}

/// The name of a zone in the IANA database, spelled as there: `Europe/Berlin`.
pub fn is_time_zone(text: &str) -> bool {
    // jiff finds names in any case; one zone has one spelling here.
    jiff::tz::TimeZone::get(text).is_ok_and(|zone| zone.iana_name() == Some(text))
}

/// Checks what a user changes about themselves.
pub fn check_change(check: &mut Check, change: &ProfileChange) {
    if let Some(name) = &change.name {
        check_name(check, name);
    }
    if let Some(locale) = &change.locale {
        check.that(
            is_locale(locale),
            "/locale",
            "invalid",
            "must be a language, optionally with script and region: en, pt-BR, zh-Hant-TW",
        );
    }
    if let Some(zone) = &change.time_zone {
        check.that(
            is_time_zone(zone),
            "/time_zone",
            "invalid",
            "must be a zone of the IANA database, such as Europe/Berlin",
        );
    }
}

/// Checks a name of a person or an organizer: 1 to 200 characters.
pub fn check_name(check: &mut Check, name: &str) {
    check_line(check, "/name", name, 1, 200);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locales_are_language_script_region() {
        for text in [
            "en",
            "de",
            "gsw",
            "pt-BR",
            "zh-Hant",
            "zh-Hant-TW",
            "es-419",
        ] {
            assert!(is_locale(text), "{text}");
        }
        for text in [
            "",
            "e",
            "english",
            "en_US",
            "en-",
            "-en",
            "en-USA",
            "en-US-Latn",
            "en-US-x-y",
            "dé",
        ] {
            assert!(!is_locale(text), "{text}");
        }
    }

    #[test]
    fn time_zones_are_those_of_the_iana_database() {
        for text in ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires"] {
            assert!(is_time_zone(text), "{text}");
        }
        for text in [
            "",
            "europe/berlin",
            "Berlin",
            "+02:00",
            "CET-1CEST",
            "Europe/Berlin\0",
            "../etc/passwd",
        ] {
            assert!(!is_time_zone(text), "{text}");
        }
    }
}

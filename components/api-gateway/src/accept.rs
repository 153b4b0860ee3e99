//! Content negotiation: every answer is JSON, except pictures; a JSON Schema is JSON with its own
//! media type.

/// The media type of a route's answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Media {
    Json,
    Schema,
    Svg,
}

/// Whether the client accepts that media type, by the value of `Accept` (RFC 9110 section 12.5.1);
/// an absent field accepts everything.
pub fn accepts(accept: Option<&str>, media: Media) -> bool {
    let Some(accept) = accept else { return true };
    if accept == "*/*" || accept == "application/json" && media == Media::Json {
        return true;
    }
    // The most specific range decides, so that `application/json;q=0, */*` is a refusal of JSON.
    let best = accept
        .split(',')
        .filter_map(|range| matches(range, media))
        .max_by_key(|(precision, _)| *precision);
    // A field without a range counts as absent.
    best.map_or(accept.trim().is_empty(), |(_, wanted)| wanted)
}

/// How precisely a media range matches our media type, and whether its weight is above zero.
fn matches(range: &str, media: Media) -> Option<(u8, bool)> {
    let mut parts = range.split(';');
    let name = parts.next()?.trim().to_ascii_lowercase();
    let precision = match (name.as_str(), media) {
        ("*/*", _) => 1,
        ("application/*", Media::Json | Media::Schema) | ("image/*", Media::Svg) => 2,
        // A schema is JSON, too: a client that accepts JSON can read it.
        ("application/json", Media::Json | Media::Schema)
        | ("application/schema+json", Media::Schema)
        | ("image/svg+xml", Media::Svg) => 3,
        // Errors are problem documents: a client that accepts these accepts our JSON.
        ("application/problem+json", _) => 2,
        _ => return None,
    };
    let weight = parts
        .filter_map(|parameter| {
            parameter
                .trim()
                .strip_prefix("q=")
                .or_else(|| parameter.trim().strip_prefix("Q="))
        })
        .next_back();
    let is_zero = weight.is_some_and(|weight| {
        weight
            .trim()
            .parse::<f32>()
            .is_ok_and(|weight| weight == 0.0)
    });
    Some((precision, !is_zero))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_sdks_and_curl_are_served() {
        for accept in [
            None,
            Some(""),
            Some("*/*"),
            Some("application/json"),
            Some("text/html,application/xhtml+xml,*/*;q=0.8"),
            Some("application/json; charset=utf-8"),
            Some("*/*; q=0.5, application/xml"),
            Some("APPLICATION/*"),
        ] {
            assert!(accepts(accept, Media::Json), "{accept:?}");
        }
    }

    #[test]
    fn who_takes_no_json_is_told_so() {
        for accept in [
            "text/html",
            "application/xml",
            "image/svg+xml",
            "application/json;q=0",
            "application/json;q=0.000, */*",
            "*/*;q=0",
        ] {
            assert!(!accepts(Some(accept), Media::Json), "{accept}");
        }
        assert!(accepts(Some("image/svg+xml"), Media::Svg) && accepts(Some("image/*"), Media::Svg));
        assert!(!accepts(Some("image/png"), Media::Svg));
    }

    #[test]
    fn a_schema_is_had_under_its_own_name_and_as_json() {
        for accept in [
            "application/schema+json",
            "application/schema+json, */*;q=0.1",
            "application/json",
            "application/*",
        ] {
            assert!(accepts(Some(accept), Media::Schema), "{accept}");
        }
        assert!(
            !accepts(Some("text/html"), Media::Schema)
                && !accepts(Some("application/schema+json;q=0, */*"), Media::Schema)
        );
        assert!(
            !accepts(Some("application/schema+json"), Media::Json),
            "other routes have no schema to give"
        );
    }
}

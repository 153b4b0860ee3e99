//! Slugs: a title in lower-case ASCII, for people to read in a URL. Not unique; the id is.

/// Longest slug, characters.
const LONGEST: usize = 80;

/// `Zoë & the Löwen!` becomes `zoe-the-lowen`; a title without any Latin letter or digit becomes
/// `event`.
pub fn make_slug(title: &str) -> String {
    let mut slug = String::new();
    for character in title.chars() {
        let folded = fold(character);
        if folded.is_empty() && !is_mark(character) && !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        slug.push_str(&folded);
    }
    let cut: String = slug.chars().take(LONGEST).collect();
    let slug = cut.trim_end_matches('-');
    if slug.is_empty() {
        "event".into()
    } else {
        slug.into()
    }
}

/// Marks that change the letter before them, and apostrophes, which join.
fn is_mark(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36f}' | '\'' | '’')
}

fn fold(character: char) -> String {
    let lower: String = character.to_lowercase().collect();
    let base = match lower.chars().next().unwrap_or_default() {
        ascii @ ('a'..='z' | '0'..='9') => return ascii.into(),
        'à'..='å' | 'ā' | 'ă' | 'ą' | 'ǎ' => "a",
        'æ' => "ae",
        'ç' | 'ć' | 'ĉ' | 'ċ' | 'č' => "c",
        'ď' | 'đ' | 'ð' => "d",
        'è'..='ë' | 'ē' | 'ĕ' | 'ė' | 'ę' | 'ě' => "e",
        'ĝ' | 'ğ' | 'ġ' | 'ģ' => "g",
        'ĥ' | 'ħ' => "h",
        'ì'..='ï' | 'ĩ' | 'ī' | 'ĭ' | 'į' | 'ı' => "i",
        'ĵ' => "j",
        'ķ' => "k",
        'ĺ' | 'ļ' | 'ľ' | 'ŀ' | 'ł' => "l",
        'ñ' | 'ń' | 'ņ' | 'ň' => "n",
        'ò'..='ö' | 'ø' | 'ō' | 'ŏ' | 'ő' => "o",
        'œ' => "oe",
        'ŕ' | 'ŗ' | 'ř' => "r",
        'ś' | 'ŝ' | 'ş' | 'š' | 'ș' => "s",
        'ß' => "ss",
        'ţ' | 'ť' | 'ŧ' | 'ț' => "t",
        'þ' => "th",
        'ù'..='ü' | 'ũ' | 'ū' | 'ŭ' | 'ů' | 'ű' | 'ų' => "u",
        'ŵ' => "w",
        'ý' | 'ÿ' | 'ŷ' => "y",
        'ź' | 'ż' | 'ž' => "z",
        _ => "",
    };
    base.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn titles_are_folded_to_ascii() {
        let cases = [
            ("Zoë & the Löwen!", "zoe-the-lowen"),
            ("  Große Straße  ", "grosse-strasse"),
            ("Rock'n'Roll 2026", "rocknroll-2026"),
            ("e\u{301}te\u{301}", "ete"),
            ("İstanbul", "istanbul"),
            ("東京", "event"),
            ("---", "event"),
        ];
        for (title, slug) in cases {
            assert_eq!(make_slug(title), slug);
        }
    }

    proptest! {
        #[test]
        fn a_slug_is_short_ascii_without_stray_hyphens(title: String) {
            let slug = make_slug(&title);
            prop_assert!((1..=LONGEST).contains(&slug.len()));
            prop_assert!(slug.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'));
            prop_assert!(!slug.starts_with('-') && !slug.ends_with('-') && !slug.contains("--"));
        }
    }
}

//! Whole numbers as JSON Schema has them: `409.0` and `4.09e2` are integers there, and serde takes
//! neither for one.

/// Beyond this, floating point does not tell neighbours apart.
const MAX: f64 = 9_007_199_254_740_992.0;

/// The JSON text with such numbers written as integers; none where it has none.
pub fn written_plainly(json: &[u8]) -> Option<Vec<u8>> {
    let (mut plain, mut copied, mut at) = (vec![], 0, 0);
    while let Some(&byte) = json.get(at) {
        let start = at;
        at += 1;
        if byte == b'"' {
            while json.get(at).is_some_and(|&byte| byte != b'"') {
                at += if json[at] == b'\\' { 2 } else { 1 };
            }
            at += 1;
        } else if byte == b'-' || byte.is_ascii_digit() {
            while json
                .get(at)
                .is_some_and(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'))
            {
                at += 1;
            }
            if let Some(whole) = whole(&json[start..at]) {
                plain.extend_from_slice(&json[copied..start]);
                plain.extend_from_slice(whole.to_string().as_bytes());
                copied = at;
            }
        }
    }
    plain.extend_from_slice(&json[copied..]);
    (copied > 0).then_some(plain)
}

fn whole(number: &[u8]) -> Option<i64> {
    let is_plain = number
        .iter()
        .all(|byte| !matches!(byte, b'.' | b'e' | b'E'));
    let number: f64 = std::str::from_utf8(number).ok()?.parse().ok()?;
    (!is_plain && number.fract() == 0.0 && number.abs() <= MAX).then_some(number as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(json: &str) -> Option<String> {
        written_plainly(json.as_bytes()).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn only_whole_numbers_outside_of_texts_are_rewritten() {
        assert_eq!(
            plain(r#"{"a":409.0,"b":[4.09e2,-1.0],"c":0.5}"#).as_deref(),
            Some(r#"{"a":409,"b":[409,-1],"c":0.5}"#)
        );
        assert_eq!(
            plain(r#"{"1.0":"2.0 \" 3.0","a":1e0}"#).as_deref(),
            Some(r#"{"1.0":"2.0 \" 3.0","a":1}"#)
        );
        for same in [
            r#"{"a":409,"b":1.5}"#,
            "1e300",
            r#""1.0"#,
            r#""\"#,
            "9007199254740993.5e9",
            "",
        ] {
            assert_eq!(plain(same), None, "{same}");
        }
    }
}

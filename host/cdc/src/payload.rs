//! The value of a message: what Debezium makes of a `jsonb` payload with
//! `table.expand.json.payload=true`.
//!
//! Compact JSON, members in the order of the text, null members of objects left out at every level;
//! elements of arrays stay. A payload that is neither an object nor an array becomes a JSON string,
//! and a missing payload becomes `null`.

use std::borrow::Cow;

/// A payload nested deeper than this is passed on unchanged, nulls included.
const MAX_DEPTH: usize = 256;

/// The value for a payload's text; `None` is SQL's NULL.
pub(crate) fn value(payload: Option<&str>) -> Cow<'_, [u8]> {
    let Some(text) = payload else {
        return Cow::Borrowed(b"null");
    };
    match text.trim_start().bytes().next() {
        Some(b'{' | b'[') => {
            let mut copy = Copy {
                input: text.as_bytes(),
                at: 0,
                output: Vec::with_capacity(text.len()),
            };
            match copy.value(0) {
                Some(()) => Cow::Owned(copy.output),
                None => Cow::Borrowed(text.as_bytes()),
            }
        }
        _ => Cow::Owned(quoted(text)),
    }
}

/// One pass over the JSON; `None` when it is invalid or too deep.
struct Copy<'a> {
    input: &'a [u8],
    at: usize,
    output: Vec<u8>,
}

impl Copy<'_> {
    fn value(&mut self, depth: usize) -> Option<()> {
        match self.peek()? {
            b'{' if depth < MAX_DEPTH => self.object(depth),
            b'[' if depth < MAX_DEPTH => self.array(depth),
            b'{' | b'[' => None,
            b'"' => self.string(),
            _ => self.literal(),
        }
    }

    fn object(&mut self, depth: usize) -> Option<()> {
        self.take(b'{')?;
        let mut first = true;
        while self.peek()? != b'}' {
            let rollback = self.output.len();
            if !first {
                self.output.push(b',');
            }
            self.string()?;
            self.take(b':')?;
            if self.peek()? == b'n' {
                self.at += 4;
                self.output.truncate(rollback);
            } else {
                self.value(depth + 1)?;
                first = false;
            }
            if self.peek()? == b',' {
                self.at += 1;
            }
        }
        self.take(b'}')
    }

    fn array(&mut self, depth: usize) -> Option<()> {
        self.take(b'[')?;
        while self.peek()? != b']' {
            self.value(depth + 1)?;
            if self.peek()? == b',' {
                self.take(b',')?;
            }
        }
        self.take(b']')
    }

    fn string(&mut self) -> Option<()> {
        if self.peek()? != b'"' {
            return None;
        }
        let start = self.at;
        let mut end = start + 1;
        while *self.input.get(end)? != b'"' {
            end += if self.input[end] == b'\\' { 2 } else { 1 };
        }
        self.output.extend_from_slice(&self.input[start..=end]);
        self.at = end + 1;
        Some(())
    }

    /// A number, `true`, `false`, or `null` in an array.
    fn literal(&mut self) -> Option<()> {
        let rest = &self.input[self.at..];
        let length = rest
            .iter()
            .position(|byte| matches!(byte, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t'))?;
        self.output
            .extend_from_slice(rest.get(..length).filter(|literal| !literal.is_empty())?);
        self.at += length;
        Some(())
    }

    /// The next byte other than white space.
    fn peek(&mut self) -> Option<u8> {
        while matches!(self.input.get(self.at)?, b' ' | b'\n' | b'\r' | b'\t') {
            self.at += 1;
        }
        self.input.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| {
            self.at += 1;
            self.output.push(byte);
        })
    }
}

fn quoted(text: &str) -> Vec<u8> {
    let mut output = Vec::with_capacity(text.len() + 2);
    output.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' => output.extend_from_slice(b"\\\""),
            b'\\' => output.extend_from_slice(b"\\\\"),
            b'\n' => output.extend_from_slice(b"\\n"),
            b'\r' => output.extend_from_slice(b"\\r"),
            b'\t' => output.extend_from_slice(b"\\t"),
            0..0x20 => output.extend_from_slice(format!("\\u{byte:04X}").as_bytes()),
            _ => output.push(byte),
        }
    }
    output.push(b'"');
    output
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(payload: &str, expected: &str) {
        assert_eq!(
            String::from_utf8(value(Some(payload)).into_owned()).unwrap(),
            expected
        );
    }

    #[test]
    fn null_members_are_dropped_at_every_level_and_the_order_stays() {
        check(
            r#"{"n": 1, "seats": ["A-1", "A-2"], "who": null}"#,
            r#"{"n":1,"seats":["A-1","A-2"]}"#,
        );
        check(
            r#"{"a": null, "z": {"b": null, "a": {"c": null}}, "b": true}"#,
            r#"{"z":{"a":{}},"b":true}"#,
        );
        check(r#"{"a": null, "b": null}"#, "{}");
        check(r#"[{"a": null, "b": 2}, {"a": 1}]"#, r#"[{"b":2},{"a":1}]"#);
    }

    #[test]
    fn elements_of_arrays_stay_even_when_null() {
        check(r#"{"a": [1, null, [null]]}"#, r#"{"a":[1,null,[null]]}"#);
        check("[]", "[]");
    }

    #[test]
    fn strings_are_not_touched() {
        check(
            r#"{"a b": "x, \"y\": null } \\", "ü": "日本 \u0001"}"#,
            r#"{"a b":"x, \"y\": null } \\","ü":"日本 \u0001"}"#,
        );
        check(
            r#"{"null": "null", "n": "a\\"}"#,
            r#"{"null":"null","n":"a\\"}"#,
        );
    }

    #[test]
    fn numbers_keep_their_digits() {
        check(
            r#"{"a": 12345678901234567890.10, "b": -1e-7}"#,
            r#"{"a":12345678901234567890.10,"b":-1e-7}"#,
        );
    }

    #[test]
    fn scalars_become_strings_and_a_missing_payload_becomes_null() {
        check(r#""text""#, r#""\"text\"""#);
        check("17", r#""17""#);
        assert_eq!(value(None).as_ref(), b"null");
    }

    #[test]
    fn what_is_not_json_or_too_deep_goes_out_as_it_is() {
        for odd in ["{\"a\"", "{\"a\": \"b", "[1", "{a: null}"] {
            check(odd, odd);
        }
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        check(&deep, &deep);
    }
}

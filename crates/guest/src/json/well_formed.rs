//! Whether bytes are JSON throughout: strings and numbers are parsed, not skipped, and no value is
//! kept.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

/// Any JSON value whose strings are UTF-8, whose escapes encode characters and whose numbers are
/// finite. `serde`'s own `IgnoredAny` skips invalid strings.
struct WellFormed;

/// Whether the bytes are exactly one JSON value.
pub fn is_json(bytes: &[u8]) -> bool {
    serde_json::from_slice::<WellFormed>(bytes).is_ok()
}

impl<'de> Deserialize<'de> for WellFormed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for WellFormed {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self, A::Error> {
        while list.next_element::<WellFormed>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self, A::Error> {
        while object.next_entry::<WellFormed, WellFormed>()?.is_some() {}
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_looks_like_json_is_none() {
        for good in [
            r#"{"a":[1,-2.5e3,true,null,"\ud83d\ude00"]}"#,
            " 7 ",
            r#""\u0000""#,
        ] {
            assert!(is_json(good.as_bytes()), "{good}");
        }
        let bad: [&[u8]; 7] = [
            b"",
            b"{",
            br#"{"a":1} x"#,
            b"\"\xff\"",
            br#"["\ud800"]"#,
            br#"{"a":1e400}"#,
            b"{\"\xff\":1}",
        ];
        for bad in bad {
            assert!(!is_json(bad), "{:?}", String::from_utf8_lossy(bad));
        }
    }
}

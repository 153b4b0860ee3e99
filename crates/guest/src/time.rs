//! Points in time: UTC everywhere, RFC 3339 with `Z` in JSON, microseconds in WIT and SQL.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Timestamp(i64);

/// Not an RFC 3339 date-time with an offset, or outside the years 1900 to 9998.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("must be an RFC 3339 date-time such as 2026-05-01T18:30:00Z, in the years 1900 to 9998")]
pub struct InvalidTimestamp;

// What both jiff and PostgreSQL can hold with room for arithmetic.
const EARLIEST: i64 = -2_208_988_800_000_000;
const LATEST: i64 = 253_370_764_800_000_000;

impl Timestamp {
    /// The system's clock. Domain rules take time as an argument; only routes and timers call this.
    pub fn now() -> Self {
        #[cfg(not(target_arch = "wasm32"))]
        if let Some(now) = crate::native::clock() {
            return now;
        }
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Self(since.as_micros() as i64)
    }

    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    pub const fn micros(self) -> i64 {
        self.0
    }

    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1000)
    }

    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    pub const fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration.as_micros() as i64))
    }

    pub const fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(duration.as_micros() as i64))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(timestamp) => timestamp.fmt(f),
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let micros = shaped(text)
            .and_then(|text| text.parse::<jiff::Timestamp>().ok())
            .map(|timestamp| timestamp.as_microsecond())
            .filter(|micros| (EARLIEST..LATEST).contains(micros));
        micros.map(Self).ok_or(InvalidTimestamp)
    }
}

/// The text, if it has the form of RFC 3339 (section 5.6) with at most nine fractional digits of a
/// second: jiff also accepts other forms, and refuses more digits.
fn shaped(text: &str) -> Option<String> {
    let (moment, rest) = text.split_at_checked(19)?;
    let like = |(byte, like): (u8, u8)| {
        if like == b'0' {
            byte.is_ascii_digit()
        } else {
            byte.eq_ignore_ascii_case(&like)
        }
    };
    let (fraction, offset) = match rest.strip_prefix('.') {
        Some(rest) => rest.split_at(rest.bytes().take_while(u8::is_ascii_digit).count()),
        None => ("0", rest),
    };
    let is_offset = match offset.as_bytes() {
        [b'Z' | b'z'] => true,
        [
            b'+' | b'-',
            tens @ b'0'..=b'2',
            ones @ b'0'..=b'9',
            b':',
            b'0'..=b'5',
            b'0'..=b'9',
        ] => *tens < b'2' || *ones < b'4',
        _ => false,
    };
    let fits =
        moment.bytes().zip(*b"0000-00-00T00:00:00").all(like) && !fraction.is_empty() && is_offset;
    fits.then(|| format!("{moment}.{}{offset}", fraction.get(..9).unwrap_or(fraction)))
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_become_utc() {
        let parsed: Timestamp = "2026-05-01T20:30:00+02:00".parse().unwrap();
        assert_eq!(parsed.to_string(), "2026-05-01T18:30:00Z");
    }

    #[test]
    fn every_way_to_write_a_second_is_taken() {
        let written = |text: &str| text.parse::<Timestamp>().unwrap().to_string();
        assert_eq!(
            written("2026-05-01t18:30:00.1234567891234z"),
            "2026-05-01T18:30:00.123456Z"
        );
        assert_eq!(
            written("2026-05-01T18:30:00.5-23:59"),
            "2026-05-02T18:29:00.5Z"
        );
        assert_eq!(written("2016-12-31T23:59:60Z"), "2016-12-31T23:59:59Z");
    }

    #[test]
    fn what_is_no_rfc_3339_date_time_is_refused() {
        for text in [
            "2026-05-01T18:30+02:00:00",
            "2026-05-01T18:30:00+02",
            "2026-05-01T18:30:00+24:00",
            "2026-05-01T18:30:00.Z",
            "2026-05-01T18:30:00Z[UTC]",
            "2026-05-01T18:30:0ü",
            "",
            "2026-05-01",
            "2026-05-01 18:30:00Z",
            "2026-05-01T18:30:00",
            "2026-13-01T18:30:00Z",
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
        ] {
            assert_eq!(text.parse::<Timestamp>(), Err(InvalidTimestamp), "{text}");
        }
    }
}

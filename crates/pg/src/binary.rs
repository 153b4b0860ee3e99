//! Values in PostgreSQL's binary form. An error is the rest of a sentence that begins with `column
//! x `.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Microseconds from the Unix epoch to PostgreSQL's, 2000-01-01.
pub const EPOCH_US: i64 = 946_684_800_000_000;

/// The error for bytes that are not a value of the type.
pub const BROKEN: &str = "is not in the binary form of its type";

/// A value of exactly `N` bytes.
pub fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N], &'static str> {
    bytes.try_into().map_err(|_| BROKEN)
}

/// Text.
pub fn text(bytes: &[u8]) -> Result<String, &'static str> {
    std::str::from_utf8(bytes)
        .map(str::to_owned)
        .map_err(|_| "is not UTF-8")
}

/// The 128 bits, high half first.
pub fn uuid(bytes: &[u8]) -> Result<(u64, u64), &'static str> {
    let bits = u128::from_be_bytes(fixed(bytes)?);
    Ok(((bits >> 64) as u64, bits as u64))
}

/// An array of one dimension, without NULL in it.
pub fn array<T>(
    bytes: &[u8],
    element: impl Fn(&[u8]) -> Result<T, &'static str>,
) -> Result<Vec<T>, &'static str> {
    let mut rest = bytes;
    let mut number = || -> Result<i32, &'static str> {
        let (head, tail) = rest.split_first_chunk::<4>().ok_or(BROKEN)?;
        rest = tail;
        Ok(i32::from_be_bytes(*head))
    };
    let (dimensions, _flags, _element) = (number()?, number()?, number()?);
    match dimensions {
        0 => return Ok(Vec::new()),
        1 => {}
        _ => return Err("is an array of more than one dimension"),
    }
    let (length, _lower_bound) = (number()?, number()?);
    let mut values = Vec::new();
    for _ in 0..length {
        let (head, tail) = rest.split_first_chunk::<4>().ok_or(BROKEN)?;
        let size = i32::from_be_bytes(*head);
        let size = usize::try_from(size).map_err(|_| "is an array with a NULL in it")?;
        let (bytes, tail) = tail.split_at_checked(size).ok_or(BROKEN)?;
        values.push(element(bytes)?);
        rest = tail;
    }
    Ok(values)
}

/// `timestamp` and `timestamptz` as microseconds since the Unix epoch.
pub fn timestamp(bytes: &[u8]) -> Result<i64, &'static str> {
    match i64::from_be_bytes(fixed(bytes)?) {
        i64::MAX | i64::MIN => Err("is infinite"),
        since_2000 => since_2000.checked_add(EPOCH_US).ok_or("is too late a time"),
    }
}

/// Days since 2000-01-01 as `2024-02-29`, in the proleptic Gregorian calendar as PostgreSQL has it.
pub fn date(days: i32) -> Result<String, &'static str> {
    if days == i32::MAX || days == i32::MIN {
        return Err("is infinite");
    }
    // Counted from 0000-03-01, so that a leap day is the last of its year; 400 years have 146,097
    // days.
    let days = i64::from(days) + 730_425;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 {
        shifted_month + 3
    } else {
        shifted_month - 9
    };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    Ok(match year {
        1.. => format!("{year:04}-{month:02}-{day:02}"),
        _ => format!("{:04}-{month:02}-{day:02} BC", 1 - year),
    })
}

/// `inet_send` in src/backend/utils/adt/network.c: family, prefix, whether it is a cidr, length,
/// address.
pub fn inet(bytes: &[u8], always_prefix: bool) -> Result<String, &'static str> {
    let &[_family, prefix, _cidr, _length, ref address @ ..] = bytes else {
        return Err(BROKEN);
    };
    let (address, whole) = match address.len() {
        4 => (Ipv4Addr::from(fixed::<4>(address)?).to_string(), 32),
        16 => (Ipv6Addr::from(fixed::<16>(address)?).to_string(), 128),
        _ => return Err(BROKEN),
    };
    Ok(if always_prefix || prefix != whole {
        format!("{address}/{prefix}")
    } else {
        address
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_the_right_day_around_leap_days_and_eras() {
        for (days, text) in [
            (0, "2000-01-01"),
            (59, "2000-02-29"),
            (60, "2000-03-01"),
            (-1, "1999-12-31"),
            (8_825, "2024-02-29"),
            (-10_957, "1970-01-01"),
            (-730_119, "0001-01-01"),
            (-730_120, "0001-12-31 BC"),
        ] {
            assert_eq!(date(days).as_deref(), Ok(text), "{days}");
        }
        assert!(date(i32::MAX).is_err());
    }
}

//! From a column's binary form to a WIT value. Which form a column has is decided once per statement, before it runs.

use std::{
    error::Error as StdError,
    net::{Ipv4Addr, Ipv6Addr},
};

use tokio_postgres::{
    Row,
    types::{FromSql, Kind, Type},
};

use crate::{
    encode::{EPOCH_US, base, is_text},
    numeric,
    values::Value,
};

/// How a column is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Bool,
    Int2,
    Int4,
    Int8,
    Oid,
    Float4,
    Float8,
    Numeric,
    Text,
    Char,
    Bytes,
    Uuid,
    Json,
    Jsonb,
    Timestamp,
    Date,
    Inet { always_prefix: bool },
    Void,
    Int2s,
    Int4s,
    Int8s,
    Texts,
    Uuids,
}

/// The form of a type, or none when there is no value for it.
pub fn form(ty: &Type) -> Option<Form> {
    let ty = base(ty);
    Some(match *ty {
        Type::BOOL => Form::Bool,
        Type::INT2 => Form::Int2,
        Type::INT4 => Form::Int4,
        Type::INT8 => Form::Int8,
        Type::OID => Form::Oid,
        Type::FLOAT4 => Form::Float4,
        Type::FLOAT8 => Form::Float8,
        Type::NUMERIC => Form::Numeric,
        Type::CHAR => Form::Char,
        Type::BYTEA => Form::Bytes,
        Type::UUID => Form::Uuid,
        Type::JSON => Form::Json,
        Type::JSONB => Form::Jsonb,
        Type::TIMESTAMP | Type::TIMESTAMPTZ => Form::Timestamp,
        Type::DATE => Form::Date,
        Type::INET => Form::Inet { always_prefix: false },
        Type::CIDR => Form::Inet { always_prefix: true },
        Type::VOID => Form::Void,
        Type::INT2_ARRAY => Form::Int2s,
        Type::INT4_ARRAY => Form::Int4s,
        Type::INT8_ARRAY => Form::Int8s,
        Type::UUID_ARRAY => Form::Uuids,
        _ if is_text(ty) => Form::Text,
        _ => match ty.kind() {
            Kind::Array(element) if is_text(base(element)) => Form::Texts,
            _ => return None,
        },
    })
}

/// Reads one row.
///
/// # Errors
/// Which column has no value and why: the caller has to ask for something else.
pub fn row(row: &Row, forms: &[Form]) -> Result<Vec<Value>, String> {
    let mut values = Vec::with_capacity(forms.len());
    for (index, &form) in forms.iter().enumerate() {
        let raw: Raw<'_> = row.try_get(index).map_err(|error| error.to_string())?;
        let value = match raw.0 {
            None => Value::Null,
            Some(bytes) => read(form, bytes).map_err(|why| format!("column {} {why}", row.columns()[index].name()))?,
        };
        values.push(value);
    }
    Ok(values)
}

/// A column's bytes as they came; none for NULL.
struct Raw<'a>(Option<&'a [u8]>);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self(Some(raw)))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self(None))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

fn read(form: Form, bytes: &[u8]) -> Result<Value, &'static str> {
    Ok(match form {
        Form::Bool => Value::Boolean(fixed::<1>(bytes)? != [0]),
        Form::Int2 => Value::Int(i16::from_be_bytes(fixed(bytes)?).into()),
        Form::Int4 => Value::Int(i32::from_be_bytes(fixed(bytes)?).into()),
        Form::Int8 => Value::Int(i64::from_be_bytes(fixed(bytes)?)),
        Form::Oid => Value::Int(u32::from_be_bytes(fixed(bytes)?).into()),
        Form::Float4 => Value::Float(f32::from_be_bytes(fixed(bytes)?).into()),
        Form::Float8 => Value::Float(f64::from_be_bytes(fixed(bytes)?)),
        Form::Numeric => Value::Numeric(numeric::decode(bytes)?),
        Form::Text => Value::Text(text(bytes)?),
        Form::Char => Value::Text(char::from(fixed::<1>(bytes)?[0]).to_string()),
        Form::Bytes => Value::Bytes(bytes.to_vec()),
        Form::Uuid => Value::Uuid(uuid(bytes)?),
        Form::Json => Value::Json(text(bytes)?),
        // The first byte is the version of the form.
        Form::Jsonb => Value::Json(text(bytes.strip_prefix(&[1]).ok_or(BROKEN)?)?),
        Form::Timestamp => Value::Timestamp(match i64::from_be_bytes(fixed(bytes)?) {
            i64::MAX | i64::MIN => return Err("is infinite"),
            since_2000 => since_2000.checked_add(EPOCH_US).ok_or("is too late a time")?,
        }),
        Form::Date => Value::Text(date(i32::from_be_bytes(fixed(bytes)?))?),
        Form::Inet { always_prefix } => Value::Text(inet(bytes, always_prefix)?),
        Form::Void => Value::Null,
        Form::Int2s => Value::IntArray(array(bytes, |bytes| Ok(i16::from_be_bytes(fixed(bytes)?).into()))?),
        Form::Int4s => Value::IntArray(array(bytes, |bytes| Ok(i32::from_be_bytes(fixed(bytes)?).into()))?),
        Form::Int8s => Value::IntArray(array(bytes, |bytes| Ok(i64::from_be_bytes(fixed(bytes)?)))?),
        Form::Texts => Value::TextArray(array(bytes, text)?),
        Form::Uuids => Value::UuidArray(array(bytes, uuid)?),
    })
}

const BROKEN: &str = "is not in the binary form of its type";

fn fixed<const N: usize>(bytes: &[u8]) -> Result<[u8; N], &'static str> {
    bytes.try_into().map_err(|_| BROKEN)
}

fn text(bytes: &[u8]) -> Result<String, &'static str> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| "is not UTF-8")
}

fn uuid(bytes: &[u8]) -> Result<(u64, u64), &'static str> {
    let bits = u128::from_be_bytes(fixed(bytes)?);
    Ok(((bits >> 64) as u64, bits as u64))
}

fn array<T>(bytes: &[u8], element: impl Fn(&[u8]) -> Result<T, &'static str>) -> Result<Vec<T>, &'static str> {
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

/// Days since 2000-01-01 as `2024-02-29`, in the proleptic Gregorian calendar as PostgreSQL has it.
fn date(days: i32) -> Result<String, &'static str> {
    if days == i32::MAX || days == i32::MIN {
        return Err("is infinite");
    }
    // Counted from 0000-03-01, so that a leap day is the last of its year; 400 years have 146,097 days.
    let days = i64::from(days) + 730_425;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    Ok(match year {
        1.. => format!("{year:04}-{month:02}-{day:02}"),
        _ => format!("{:04}-{month:02}-{day:02} BC", 1 - year),
    })
}

/// `inet_send` in src/backend/utils/adt/network.c: family, prefix, whether it is a cidr, length, address.
fn inet(bytes: &[u8], always_prefix: bool) -> Result<String, &'static str> {
    let &[_family, prefix, _cidr, _length, ref address @ ..] = bytes else { return Err(BROKEN) };
    let (address, whole) = match address.len() {
        4 => (Ipv4Addr::from(fixed::<4>(address)?).to_string(), 32),
        16 => (Ipv6Addr::from(fixed::<16>(address)?).to_string(), 128),
        _ => return Err(BROKEN),
    };
    Ok(if always_prefix || prefix != whole { format!("{address}/{prefix}") } else { address })
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

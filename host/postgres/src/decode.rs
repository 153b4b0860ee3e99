//! From a column's binary form to a WIT value. Which form a column has is decided once per
//! statement, before it runs.

use std::error::Error as StdError;

use eventhub_bindings::postgres::Value;
use eventhub_pg::binary::{BROKEN, array, date, fixed, inet, text, timestamp, uuid};
use eventhub_pg::numeric;
use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Kind, Type};

use crate::encode::{base, is_text};

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

/// The form of a type, or none when the WIT has no value for it.
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
        Type::INET => Form::Inet {
            always_prefix: false,
        },
        Type::CIDR => Form::Inet {
            always_prefix: true,
        },
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
/// Which column has no WIT value, and why: the caller has to select something else.
pub fn row(row: &Row, forms: &[Form]) -> Result<Vec<Value>, String> {
    let mut values = Vec::with_capacity(forms.len());
    for (index, &form) in forms.iter().enumerate() {
        let raw: Raw<'_> = row.try_get(index).map_err(|error| error.to_string())?;
        let value = match raw.0 {
            None => Value::Null,
            Some(bytes) => read(form, bytes)
                .map_err(|why| format!("column {} {why}", row.columns()[index].name()))?,
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
        Form::Timestamp => Value::Timestamp(timestamp(bytes)?),
        Form::Date => Value::Text(date(i32::from_be_bytes(fixed(bytes)?))?),
        Form::Inet { always_prefix } => Value::Text(inet(bytes, always_prefix)?),
        Form::Void => Value::Null,
        Form::Int2s => Value::IntArray(array(bytes, |bytes| {
            Ok(i16::from_be_bytes(fixed(bytes)?).into())
        })?),
        Form::Int4s => Value::IntArray(array(bytes, |bytes| {
            Ok(i32::from_be_bytes(fixed(bytes)?).into())
        })?),
        Form::Int8s => {
            Value::IntArray(array(bytes, |bytes| Ok(i64::from_be_bytes(fixed(bytes)?)))?)
        }
        Form::Texts => Value::TextArray(array(bytes, text)?),
        Form::Uuids => Value::UuidArray(array(bytes, uuid)?),
    })
}

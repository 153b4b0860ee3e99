//! From a WIT value to the bytes of a parameter, by the parameter's type as the server reports it.
//! A value that does not fit is refused here, before anything is sent.

use std::error::Error as StdError;

use eventhub_bindings::postgres::Value;
use eventhub_pg::binary::EPOCH_US;
use eventhub_pg::numeric::is_decimal;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{Format, IsNull, Kind, ToSql, Type};

/// A parameter that fits, ready to be written.
#[derive(Debug)]
pub enum Wire<'a> {
    Null,
    /// In the text form, which the server reads as it would a quoted literal. For text itself both
    /// forms are the same.
    Text(&'a str),
    TextOwned(String),
    Bool(bool),
    Int2(i16),
    Int4(i32),
    Int8(i64),
    Oid(u32),
    Float4(f32),
    Float8(f64),
    Bytes(&'a [u8]),
    Uuid([u8; 16]),
    /// Arrays name the type of their elements.
    Ints(u32, Width, &'a [i64]),
    Texts(u32, &'a [String]),
    Uuids(u32, &'a [(u64, u64)]),
}

/// The width of an array's integers; all of them fit.
#[derive(Debug, Clone, Copy)]
pub enum Width {
    Two,
    Four,
    Eight,
}

/// Fits a value to a parameter's type.
///
/// # Errors
/// Why it does not fit, as the rest of a sentence that begins with `parameter $1 `.
pub fn fit<'a>(value: &'a Value, ty: &Type) -> Result<Wire<'a>, String> {
    let ty = base(ty);
    let wire = match (value, ty) {
        (Value::Null, _) => Wire::Null,
        (Value::Boolean(value), &Type::BOOL) => Wire::Bool(*value),
        (Value::Int(value), &Type::INT8) => Wire::Int8(*value),
        (Value::Int(value), &Type::INT4) => Wire::Int4(narrow(*value, ty)?),
        (Value::Int(value), &Type::INT2) => Wire::Int2(narrow(*value, ty)?),
        (Value::Int(value), &Type::OID) => Wire::Oid(narrow(*value, ty)?),
        (Value::Int(value), &Type::NUMERIC) => Wire::TextOwned(value.to_string()),
        (Value::Float(value), &Type::FLOAT8) => Wire::Float8(*value),
        (Value::Float(value), &Type::FLOAT4) => Wire::Float4(*value as f32),
        (Value::Bytes(value), &Type::BYTEA) => Wire::Bytes(value),
        (Value::Uuid(value), &Type::UUID) => Wire::Uuid(uuid(*value)),
        (Value::Json(value), &Type::JSON | &Type::JSONB) => Wire::Text(value),
        (Value::Timestamp(value), &Type::TIMESTAMPTZ | &Type::TIMESTAMP) => Wire::Int8(
            value
                .checked_sub(EPOCH_US)
                .ok_or_else(|| format!("is the time {value}, too early for {}", ty.name()))?,
        ),
        (Value::Numeric(value), &Type::NUMERIC) if is_decimal(value) => Wire::Text(value),
        (Value::Numeric(value), &Type::NUMERIC) => {
            return Err(format!("is {value:?}, not a decimal like -12.50"));
        }
        (Value::Text(value), ty) if takes_text(ty) => Wire::Text(value),
        (Value::IntArray(values), ty) => {
            let (width, element) = match *ty {
                Type::INT2_ARRAY => (Width::Two, Type::INT2),
                Type::INT4_ARRAY => (Width::Four, Type::INT4),
                Type::INT8_ARRAY => (Width::Eight, Type::INT8),
                _ => return Err(wrong_kind(value, ty)),
            };
            for &value in values {
                match width {
                    Width::Two => drop(narrow::<i16>(value, &element)?),
                    Width::Four => drop(narrow::<i32>(value, &element)?),
                    Width::Eight => {}
                }
            }
            Wire::Ints(element.oid(), width, values)
        }
        (Value::TextArray(values), ty) => match ty.kind() {
            Kind::Array(element) if is_text(base(element)) => Wire::Texts(element.oid(), values),
            _ => return Err(wrong_kind(value, ty)),
        },
        (Value::UuidArray(values), &Type::UUID_ARRAY) => Wire::Uuids(Type::UUID.oid(), values),
        (value, ty) => return Err(wrong_kind(value, ty)),
    };
    Ok(wire)
}

/// The base type of a domain.
pub(crate) fn base(mut ty: &Type) -> &Type {
    while let Kind::Domain(inner) = ty.kind() {
        ty = inner;
    }
    ty
}

/// Types whose binary form is their text in UTF-8.
pub(crate) fn is_text(ty: &Type) -> bool {
    matches!(
        *ty,
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN
    ) || matches!(ty.kind(), Kind::Enum(_))
        || (ty.name() == "citext" && matches!(ty.kind(), Kind::Simple))
}

/// Whether a type is sent in its text form. Types with a WIT kind of their own are not, so that a
/// time or an amount cannot be passed as text; dates, intervals, addresses and the like have no WIT
/// kind.
fn takes_text(ty: &Type) -> bool {
    let own_kind = matches!(
        *ty,
        Type::BOOL
            | Type::INT2
            | Type::INT4
            | Type::INT8
            | Type::OID
            | Type::FLOAT4
            | Type::FLOAT8
            | Type::NUMERIC
            | Type::BYTEA
            | Type::UUID
            | Type::JSON
            | Type::JSONB
            | Type::TIMESTAMP
            | Type::TIMESTAMPTZ
    );
    !own_kind
        && !matches!(
            ty.kind(),
            Kind::Array(_) | Kind::Composite(_) | Kind::Pseudo
        )
}

fn narrow<T: TryFrom<i64>>(value: i64, ty: &Type) -> Result<T, String> {
    T::try_from(value).map_err(|_| format!("is {value}, which does not fit {}", ty.name()))
}

fn uuid((high, low): (u64, u64)) -> [u8; 16] {
    ((u128::from(high) << 64) | u128::from(low)).to_be_bytes()
}

fn wrong_kind(value: &Value, ty: &Type) -> String {
    let kind = match value {
        Value::Null => "null",
        Value::Boolean(_) => "boolean",
        Value::Int(_) => "int",
        Value::Float(_) => "float",
        Value::Text(_) => "text",
        Value::Bytes(_) => "bytes",
        Value::Uuid(_) => "uuid",
        Value::Json(_) => "json",
        Value::Timestamp(_) => "timestamp",
        Value::Numeric(_) => "numeric",
        Value::IntArray(_) => "int-array",
        Value::TextArray(_) => "text-array",
        Value::UuidArray(_) => "uuid-array",
    };
    format!(
        "is of the kind {kind}, but the server takes {} there",
        ty.name()
    )
}

impl ToSql for Wire<'_> {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match self {
            Self::Null => return Ok(IsNull::Yes),
            Self::Text(text) => out.extend_from_slice(text.as_bytes()),
            Self::TextOwned(text) => out.extend_from_slice(text.as_bytes()),
            Self::Bool(value) => out.extend_from_slice(&[u8::from(*value)]),
            Self::Int2(value) => out.extend_from_slice(&value.to_be_bytes()),
            Self::Int4(value) => out.extend_from_slice(&value.to_be_bytes()),
            Self::Int8(value) => out.extend_from_slice(&value.to_be_bytes()),
            Self::Oid(value) => out.extend_from_slice(&value.to_be_bytes()),
            Self::Float4(value) => out.extend_from_slice(&value.to_be_bytes()),
            Self::Float8(value) => out.extend_from_slice(&value.to_be_bytes()),
            Self::Bytes(bytes) => out.extend_from_slice(bytes),
            Self::Uuid(bytes) => out.extend_from_slice(bytes),
            Self::Ints(element, width, values) => {
                array(out, *element, values, |value, out| match width {
                    Width::Two => sized(out, &(*value as i16).to_be_bytes()),
                    Width::Four => sized(out, &(*value as i32).to_be_bytes()),
                    Width::Eight => sized(out, &value.to_be_bytes()),
                })?
            }
            Self::Texts(element, values) => {
                array(out, *element, values, |value, out| {
                    sized(out, value.as_bytes())
                })?;
            }
            Self::Uuids(element, values) => {
                array(out, *element, values, |value, out| {
                    sized(out, &uuid(*value))
                })?;
            }
        }
        Ok(IsNull::No)
    }

    /// [`fit`] has checked it.
    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        match self {
            Self::Text(_) | Self::TextOwned(_) => Format::Text,
            _ => Format::Binary,
        }
    }

    fn to_sql_checked(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        self.to_sql(ty, out)
    }
}

type Written = Result<(), std::num::TryFromIntError>;

/// `array_recv` in src/backend/utils/adt/arrayfuncs.c: dimensions, flags, element type; per
/// dimension length and lower bound.
fn array<T>(
    out: &mut BytesMut,
    element: u32,
    values: &[T],
    write: impl Fn(&T, &mut BytesMut) -> Written,
) -> Result<(), std::num::TryFromIntError> {
    out.extend_from_slice(&i32::from(!values.is_empty()).to_be_bytes());
    out.extend_from_slice(&0i32.to_be_bytes());
    out.extend_from_slice(&element.to_be_bytes());
    if !values.is_empty() {
        out.extend_from_slice(&i32::try_from(values.len())?.to_be_bytes());
        out.extend_from_slice(&1i32.to_be_bytes());
    }
    values.iter().try_for_each(|value| write(value, out))
}

fn sized(out: &mut BytesMut, bytes: &[u8]) -> Written {
    out.extend_from_slice(&i32::try_from(bytes.len())?.to_be_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}

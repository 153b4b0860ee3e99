//! Values in PostgreSQL's text form, and constants of SQL.

use eventhub_pg::binary::date;
use eventhub_pg::numeric::is_decimal;

use crate::bindings::exports::eventhub::postgres::sql::Value;

/// A string constant. A text with a backslash or a line end is written with escapes, so that the
/// constant is one line and does not depend on `standard_conforming_strings`.
pub fn quoted(text: &str) -> String {
    let escapes = text.contains(['\\', '\n', '\r']);
    let mut quoted = String::with_capacity(text.len() + 8);
    quoted.push_str(if escapes { "E'" } else { "'" });
    for c in text.chars() {
        match c {
            '\'' => quoted.push_str("''"),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            c => quoted.push(c),
        }
    }
    quoted.push('\'');
    quoted
}

/// A value in the text form of its type; none for NULL.
///
/// # Errors
/// Why the value has no text form, as the rest of a sentence that begins with `parameter $1 `.
pub fn text(value: &Value) -> Result<Option<String>, String> {
    let text = match value {
        Value::Null => return Ok(None),
        Value::Boolean(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) if value.is_infinite() => if *value > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        }
        .into(),
        Value::Float(value) => format!("{value:?}"),
        Value::Text(text) | Value::Json(text) => text.clone(),
        Value::Bytes(bytes) => bytes.iter().fold(String::from("\\x"), |text, byte| {
            text + &format!("{byte:02x}")
        }),
        Value::Uuid(value) => uuid(*value),
        Value::Timestamp(micros) => timestamp(*micros)?,
        Value::Numeric(text) if is_decimal(text) => text.clone(),
        Value::Numeric(text) => return Err(format!("is {text:?}, not a decimal like -12.50")),
        Value::IntArray(values) => array(values.iter().map(i64::to_string)),
        Value::TextArray(values) => array(
            values
                .iter()
                .map(|text| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))),
        ),
        Value::UuidArray(values) => array(values.iter().map(|value| uuid(*value))),
    };
    if text.contains('\0') {
        return Err("has a zero byte in it, which PostgreSQL's text cannot have".into());
    }
    Ok(Some(text))
}

fn array(items: impl Iterator<Item = String>) -> String {
    format!("{{{}}}", items.collect::<Vec<_>>().join(","))
}

fn uuid((high, low): (u64, u64)) -> String {
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}

/// `2024-02-29 12:00:00.000001+00`.
fn timestamp(micros: i64) -> Result<String, String> {
    const DAY: i64 = 86_400_000_000;
    let (days, time) = (micros.div_euclid(DAY) - 10_957, micros.rem_euclid(DAY));
    let day = i32::try_from(days)
        .map_err(|_| "days".to_string())
        .and_then(|days| date(days).map_err(String::from));
    let day = day.map_err(|_| format!("is the time {micros}, which is out of range"))?;
    let (day, era) = day
        .split_once(' ')
        .map_or((day.as_str(), ""), |(day, _)| (day, " BC"));
    let seconds = time / 1_000_000;
    Ok(format!(
        "{day} {:02}:{:02}:{:02}.{:06}+00{era}",
        seconds / 3_600,
        seconds / 60 % 60,
        seconds % 60,
        time % 1_000_000
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_cannot_be_left() {
        assert_eq!(quoted("a'b"), "'a''b'");
        assert_eq!(quoted("\\'; DROP"), "E'\\\\''; DROP'");
        assert_eq!(quoted("a\nb"), "E'a\\nb'");
        assert!(text(&Value::Text("a\0".into())).is_err());
        let array = Value::TextArray(vec!["NULL".into(), "a\"\\'".into(), String::new()]);
        assert_eq!(text(&array).unwrap().unwrap(), r#"{"NULL","a\"\\'",""}"#);
    }

    #[test]
    fn times_are_written_to_the_microsecond_in_every_era() {
        assert_eq!(timestamp(0).unwrap(), "1970-01-01 00:00:00.000000+00");
        assert_eq!(timestamp(-1).unwrap(), "1969-12-31 23:59:59.999999+00");
        assert_eq!(
            timestamp(1_709_208_000_000_001).unwrap(),
            "2024-02-29 12:00:00.000001+00"
        );
        assert_eq!(
            timestamp(-62_135_596_800_000_000 - 1).unwrap(),
            "0001-12-31 23:59:59.999999+00 BC"
        );
    }

    #[test]
    fn values_are_exact() {
        assert!(text(&Value::Numeric("1e5".into())).is_err());
        assert_eq!(text(&Value::Null), Ok(None));
        let text = |value| text(&value).unwrap().unwrap();
        assert_eq!(text(Value::Float(0.1)), "0.1");
        assert_eq!(text(Value::Float(f64::NEG_INFINITY)), "-Infinity");
        assert_eq!(
            text(Value::Uuid((0x0123_4567_89ab_cdef, 1))),
            "01234567-89ab-cdef-0000-000000000001"
        );
        assert_eq!(text(Value::Bytes(vec![0, 255])), "\\x00ff");
        assert_eq!(text(Value::UuidArray(vec![])), "{}");
    }
}

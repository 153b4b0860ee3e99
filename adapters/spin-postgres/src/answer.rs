//! The answer of a block: words separated by spaces. The first word is the block's mark; every
//! other word is a letter and its value. Each statement has `c` and a column's name in hex, `r` and
//! a row in hex (both only if it returns rows), then `n` and the number of rows returned or
//! changed.
//!
//! A row has the form of `record_send` (src/backend/utils/adt/rowtypes.c): the number of columns,
//! and for each column the OID of its type, its length (-1 for NULL) and its bytes.

use eventhub_pg::binary::{BROKEN, array, date, fixed, inet, text, timestamp, uuid};
use eventhub_pg::numeric;

use crate::bindings::exports::eventhub::postgres::sql::{Rows, Value};

/// OIDs from here on belong to types created in this database: enums, and the types of extensions.
const FIRST_OWN_TYPE: u32 = 16_384;

/// Reads the results of a block with this number of statements.
///
/// # Errors
/// Which column has no WIT value, and why. The transaction has taken effect all the same.
pub fn read(answer: &str, statements: usize) -> Result<Vec<Rows>, String> {
    let mut results = Vec::with_capacity(statements);
    let mut rows = Rows {
        columns: vec![],
        rows: vec![],
        affected: 0,
    };
    for word in answer.split(' ').filter(|word| !word.is_empty()) {
        let broken = || format!("statement {}: the block's answer is broken", results.len());
        let value = word.get(1..).ok_or_else(broken)?;
        match word.as_bytes()[0] {
            b'c' => rows.columns.push(
                hex(value)
                    .and_then(|bytes| String::from_utf8(bytes).ok())
                    .ok_or_else(broken)?,
            ),
            b'r' => {
                let row = row(&hex(value).ok_or_else(broken)?, &rows.columns)
                    .map_err(|why| format!("statement {}: {why}", results.len()))?;
                rows.rows.push(row);
            }
            b'n' => {
                rows.affected = value.parse().map_err(|_| broken())?;
                results.push(std::mem::replace(
                    &mut rows,
                    Rows {
                        columns: vec![],
                        rows: vec![],
                        affected: 0,
                    },
                ));
            }
            _ => return Err(broken()),
        }
    }
    if results.len() != statements {
        return Err(format!(
            "{} of {statements} statements were answered",
            results.len()
        ));
    }
    Ok(results)
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    text.as_bytes()
        .chunks(2)
        .map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?))
        .collect()
}

fn row(mut bytes: &[u8], columns: &[String]) -> Result<Vec<Value>, String> {
    let number = |bytes: &mut &[u8]| -> Result<i32, String> {
        let (head, tail) = bytes.split_first_chunk::<4>().ok_or(BROKEN)?;
        *bytes = tail;
        Ok(i32::from_be_bytes(*head))
    };
    let count = number(&mut bytes)?;
    let mut values = Vec::with_capacity(columns.len());
    for index in 0..count as usize {
        let (oid, length) = (number(&mut bytes)? as u32, number(&mut bytes)?);
        let Ok(length) = usize::try_from(length) else {
            values.push(Value::Null);
            continue;
        };
        let (value, tail) = bytes.split_at_checked(length).ok_or(BROKEN)?;
        bytes = tail;
        let name = columns.get(index).map_or("?", String::as_str);
        values.push(read_value(oid, value).map_err(|why| format!("column {name} {why}"))?);
    }
    Ok(values)
}

/// By the OIDs of src/include/catalog/pg_type.dat, which never change.
fn read_value(oid: u32, bytes: &[u8]) -> Result<Value, String> {
    Ok(match oid {
        16 => Value::Boolean(fixed::<1>(bytes)? != [0]),
        21 => Value::Int(i16::from_be_bytes(fixed(bytes)?).into()),
        23 => Value::Int(i32::from_be_bytes(fixed(bytes)?).into()),
        20 => Value::Int(i64::from_be_bytes(fixed(bytes)?)),
        26 => Value::Int(u32::from_be_bytes(fixed(bytes)?).into()),
        700 => Value::Float(f32::from_be_bytes(fixed(bytes)?).into()),
        701 => Value::Float(f64::from_be_bytes(fixed(bytes)?)),
        1700 => Value::Numeric(numeric::decode(bytes)?),
        // text, varchar, bpchar, name, unknown
        25 | 1043 | 1042 | 19 | 705 => Value::Text(text(bytes)?),
        18 => Value::Text(char::from(fixed::<1>(bytes)?[0]).to_string()),
        17 => Value::Bytes(bytes.to_vec()),
        2950 => Value::Uuid(uuid(bytes)?),
        114 => Value::Json(text(bytes)?),
        // The first byte is the version of the form.
        3802 => Value::Json(text(bytes.strip_prefix(&[1]).ok_or(BROKEN)?)?),
        1114 | 1184 => Value::Timestamp(timestamp(bytes)?),
        1082 => Value::Text(date(i32::from_be_bytes(fixed(bytes)?))?),
        869 => Value::Text(inet(bytes, false)?),
        650 => Value::Text(inet(bytes, true)?),
        2278 => Value::Null,
        1005 => Value::IntArray(array(bytes, |bytes| {
            Ok(i16::from_be_bytes(fixed(bytes)?).into())
        })?),
        1007 => Value::IntArray(array(bytes, |bytes| {
            Ok(i32::from_be_bytes(fixed(bytes)?).into())
        })?),
        1016 => Value::IntArray(array(bytes, |bytes| Ok(i64::from_be_bytes(fixed(bytes)?)))?),
        // text[], varchar[], bpchar[], name[]
        1009 | 1015 | 1014 | 1003 => Value::TextArray(array(bytes, text)?),
        2951 => Value::UuidArray(array(bytes, uuid)?),
        // Enums and citext are text in UTF-8 without control characters; the binary forms of other
        // types contain some.
        FIRST_OWN_TYPE.. if !bytes.iter().any(u8::is_ascii_control) => Value::Text(text(bytes)?),
        _ => {
            return Err(format!(
                "has the type with the OID {oid}: cast it, to text for example"
            ));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hexed(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn record(columns: &[(u32, Option<&[u8]>)]) -> String {
        let mut bytes = (columns.len() as i32).to_be_bytes().to_vec();
        for (oid, value) in columns {
            bytes.extend(oid.to_be_bytes());
            bytes.extend(value.map_or(-1, |value| value.len() as i32).to_be_bytes());
            bytes.extend(value.unwrap_or_default());
        }
        hexed(&bytes)
    }

    #[test]
    fn rows_nulls_and_counts_of_several_statements_are_kept_apart() {
        let row = record(&[
            (23, Some(&[0, 0, 0, 7])),
            (25, None),
            (20_000, Some(b"confirmed")),
        ]);
        let answer = format!(
            "n2 c{} c{} c{} r{row} n1 n0",
            hexed(b"a b"),
            hexed(b"note"),
            hexed("é".as_bytes())
        );
        let results = read(&answer, 3).unwrap();
        assert_eq!(
            (
                results[0].affected,
                results[1].affected,
                results[2].affected
            ),
            (2, 1, 0)
        );
        assert_eq!(results[1].columns, ["a b", "note", "é"]);
        assert!(
            matches!(results[1].rows[0].as_slice(), [Value::Int(7), Value::Null, Value::Text(status)] if status == "confirmed")
        );
    }

    #[test]
    fn what_has_no_value_is_refused_by_column() {
        let answer = |row: String| format!("c{} r{row} n1", hexed(b"span"));
        let error = read(&answer(record(&[(1186, Some(&[0; 16]))])), 1).unwrap_err();
        assert!(
            error.contains("column span") && error.contains("1186"),
            "{error}"
        );
        // An array of an enum: its header has zeros.
        assert!(read(&answer(record(&[(20_001, Some(&[0, 0, 0, 0]))])), 1).is_err());
        for broken in ["n1", "r00 n1", "x", "n", "cfff n1 n1"] {
            assert!(read(broken, 2).is_err(), "{broken}");
        }
    }
}

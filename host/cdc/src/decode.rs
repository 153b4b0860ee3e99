//! The two messages of `pgoutput` (protocol version 1) that matter here: Relation, which names the
//! columns of a table, and Insert. "Logical Replication Message Formats" in the manual of
//! PostgreSQL describes them.

use std::collections::HashMap;

use crate::Error;
use crate::event::Event;

/// The tables seen so far; the server describes a table before its first row, and again after each
/// change.
#[derive(Default)]
pub(crate) struct Decoder {
    tables: HashMap<u32, Columns>,
}

/// The positions of the outbox's columns in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Columns {
    id: usize,
    aggregate_type: usize,
    aggregate_id: usize,
    event_type: usize,
    payload: usize,
    occurred_at: Option<usize>,
    tracing_span_context: Option<usize>,
}

/// A bound above the number of columns that Postgres allows in a table.
const MAX_COLUMNS: usize = 1_700;

impl Decoder {
    /// Decodes one message; `Some` for an inserted row.
    pub fn decode<'a>(&mut self, message: &'a [u8]) -> Result<Option<Event<'a>>, Error> {
        let mut reader = Reader(message);
        match reader.u8()? {
            b'R' => {
                let (table, columns) = relation(&mut reader)?;
                self.tables.insert(table, columns);
                Ok(None)
            }
            b'I' => {
                let table = reader.u32()?;
                let columns = self
                    .tables
                    .get(&table)
                    .ok_or_else(|| bad("a row of a table that was not described"))?;
                insert(&mut reader, columns).map(Some)
            }
            // Type, Origin, Truncate; Update and Delete are not published.
            _ => Ok(None),
        }
    }
}

fn relation(reader: &mut Reader<'_>) -> Result<(u32, Columns), Error> {
    let table = reader.u32()?;
    let (_schema, _name, _replica_identity) = (reader.text()?, reader.text()?, reader.u8()?);
    let mut names = HashMap::new();
    for index in 0..usize::from(reader.u16()?) {
        let (_flags, name) = (reader.u8()?, reader.text()?);
        let (_type, _modifier) = (reader.u32()?, reader.u32()?);
        names.insert(name, index);
    }
    let place = |name: &str| {
        names
            .get(name)
            .copied()
            .ok_or_else(|| bad(&format!("the outbox has no column `{name}`")))
    };
    let columns = Columns {
        id: place("id")?,
        aggregate_type: place("aggregatetype")?,
        aggregate_id: place("aggregateid")?,
        event_type: place("type")?,
        payload: place("payload")?,
        occurred_at: place("occurred_at_us").ok(),
        tracing_span_context: place("tracingspancontext").ok(),
    };
    Ok((table, columns))
}

fn insert<'a>(reader: &mut Reader<'a>, columns: &Columns) -> Result<Event<'a>, Error> {
    if reader.u8()? != b'N' {
        return Err(bad("an insert without a new row"));
    }
    let count = usize::from(reader.u16()?);
    if count > MAX_COLUMNS {
        return Err(bad("too many columns"));
    }
    let mut values: Vec<Option<&str>> = Vec::with_capacity(count);
    for _ in 0..count {
        values.push(match reader.u8()? {
            b'n' | b'u' => None,
            b't' => {
                let length = reader.u32()? as usize;
                Some(utf8(reader.bytes(length)?)?)
            }
            kind => return Err(bad(&format!("a value of kind {kind}"))),
        });
    }
    let optional = |column: usize| values.get(column).copied().flatten();
    let required = |column: usize| optional(column).ok_or_else(|| bad("a required column is null"));
    Ok(Event {
        id: required(columns.id)?,
        aggregate_type: required(columns.aggregate_type)?,
        aggregate_id: required(columns.aggregate_id)?,
        event_type: required(columns.event_type)?,
        payload: optional(columns.payload),
        occurred_at_ms: columns
            .occurred_at
            .and_then(optional)
            .and_then(milliseconds),
        tracing_span_context: columns.tracing_span_context.and_then(optional),
    })
}

/// `2026-11-22 16:58:17.123456` (DateStyle ISO, UTC) as milliseconds since the Unix epoch; `None`
/// for `infinity` and `-infinity`.
fn milliseconds(text: &str) -> Option<i64> {
    let (date, time) = text.split_once(' ')?;
    let mut date = date.splitn(3, '-').map(str::parse::<i64>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
    let mut time = time.splitn(3, ':').map(str::parse::<i64>);
    let (hour, minute, second) = (time.next()?.ok()?, time.next()?.ok()?, time.next()?.ok()?);
    let millis: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    // Days since 1970-01-01 in the Gregorian calendar, counting years from March.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    let days = era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100
        + day_of_year
        - 719_468;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000 + millis)
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn bytes(&mut self, length: usize) -> Result<&'a [u8], Error> {
        let (head, rest) = self
            .0
            .split_at_checked(length)
            .ok_or_else(|| bad("a message ends too early"))?;
        self.0 = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        self.bytes(N)?
            .try_into()
            .map_err(|_| bad("a message ends too early"))
    }

    fn u8(&mut self) -> Result<u8, Error> {
        self.array().map(u8::from_be_bytes)
    }

    fn u16(&mut self) -> Result<u16, Error> {
        self.array().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Result<u32, Error> {
        self.array().map(u32::from_be_bytes)
    }

    /// A text up to its terminating NUL.
    fn text(&mut self) -> Result<&'a str, Error> {
        let end = self
            .0
            .iter()
            .position(|&byte| byte == 0)
            .ok_or_else(|| bad("a name does not end"))?;
        let text = utf8(self.bytes(end)?)?;
        self.bytes(1)?;
        Ok(text)
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, Error> {
    std::str::from_utf8(bytes).map_err(|_| bad("a text is not UTF-8"))
}

fn bad(what: &str) -> Error {
    Error::Protocol(what.to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const COLUMNS: [&str; 8] = [
        "extra",
        "id",
        "aggregatetype",
        "aggregateid",
        "type",
        "payload",
        "occurred_at_us",
        "tracingspancontext",
    ];

    fn relation(table: u32, columns: &[&str]) -> Vec<u8> {
        let mut message = vec![b'R'];
        message.extend(table.to_be_bytes());
        message.extend(b"public\0outbox\0d");
        message.extend((columns.len() as u16).to_be_bytes());
        for name in columns {
            message.push(0);
            message.extend(name.as_bytes());
            message.push(0);
            message.extend([0; 8]);
        }
        message
    }

    fn insert(table: u32, values: &[Option<&str>]) -> Vec<u8> {
        let mut message = vec![b'I'];
        message.extend(table.to_be_bytes());
        message.push(b'N');
        message.extend((values.len() as u16).to_be_bytes());
        for value in values {
            match value {
                None => message.push(b'n'),
                Some(text) => {
                    message.push(b't');
                    message.extend((text.len() as u32).to_be_bytes());
                    message.extend(text.as_bytes());
                }
            }
        }
        message
    }

    #[test]
    fn columns_are_found_by_name_wherever_they_are() {
        let mut decoder = Decoder::default();
        assert_eq!(decoder.decode(&relation(7, &COLUMNS)).unwrap(), None);
        let row = insert(
            7,
            &[
                None,
                Some("01a"),
                Some("booking"),
                Some("bkg_ü"),
                Some("BookingCreated"),
                None,
                Some("2026-11-22 16:58:17.5"),
                None,
            ],
        );
        let expected = Event {
            id: "01a",
            aggregate_type: "booking",
            aggregate_id: "bkg_ü",
            event_type: "BookingCreated",
            payload: None,
            occurred_at_ms: Some(1_795_366_697_500),
            tracing_span_context: None,
        };
        assert_eq!(decoder.decode(&row).unwrap(), Some(expected));
    }

    #[test]
    fn a_table_without_the_outbox_columns_is_an_error() {
        let mut decoder = Decoder::default();
        assert!(decoder.decode(&relation(7, &["id", "payload"])).is_err());
        assert!(decoder.decode(&insert(7, &[])).is_err());
    }

    #[test]
    fn a_message_cut_short_anywhere_is_an_error_and_no_panic() {
        let mut decoder = Decoder::default();
        let relation = relation(7, &COLUMNS);
        decoder.decode(&relation).unwrap();
        let row = insert(
            7,
            &[
                Some("e"),
                Some("i"),
                Some("t"),
                Some("k"),
                Some("T"),
                Some("{}"),
                None,
                Some("x=y"),
            ],
        );
        assert!(decoder.decode(&row).unwrap().is_some());
        for end in 0..relation.len() {
            assert!(Decoder::default().decode(&relation[..end]).is_err());
        }
        for end in 0..row.len() {
            assert!(decoder.decode(&row[..end]).is_err());
        }
    }

    #[test]
    fn timestamps_are_cut_to_milliseconds() {
        assert_eq!(milliseconds("1970-01-01 00:00:00"), Some(0));
        assert_eq!(
            milliseconds("2000-02-29 23:59:59.999999"),
            Some(951_868_799_999)
        );
        assert_eq!(
            milliseconds("2026-11-22 16:58:17.05"),
            Some(1_795_366_697_050)
        );
        assert_eq!(milliseconds("infinity"), None);
    }
}

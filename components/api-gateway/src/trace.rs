//! The ids of an exchange: the request id, and the trace of W3C Trace Context.

use std::cell::Cell;
use std::hash::{BuildHasher, RandomState};

use eventhub_edge::request_id::is_sane;

/// 128 random bits at a time, for ids that need to be unique and not secret. Two generators with
/// seeds of their own (SplitMix64).
pub struct Ids(Cell<(u64, u64)>);

impl Ids {
    pub fn new() -> Self {
        let seed = |name: &str| RandomState::new().hash_one(name);
        Self(Cell::new((seed("high"), seed("low"))))
    }

    pub fn next(&self) -> u128 {
        let step = |state: u64| state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let (high, low) = self.0.get();
        let (high, low) = (step(high), step(low));
        self.0.set((high, low));
        u128::from(mix(high)) << 64 | u128::from(mix(low))
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The client's own id if it is valid, or a new one.
pub fn request_id(sent: Option<String>, ids: &Ids) -> String {
    sent.filter(|id| is_sane(id)).unwrap_or_else(|| {
        let mut id = String::with_capacity(32);
        push_hex(&mut id, &ids.next().to_be_bytes());
        id
    })
}

/// Two digits per byte; `format!` would take longer than all other code here.
fn push_hex(text: &mut String, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        text.push(DIGITS[usize::from(byte >> 4)].into());
        text.push(DIGITS[usize::from(byte & 15)].into());
    }
}

/// The `traceparent` for the services: the client's trace if it is valid, with a new span in it.
pub fn traceparent(sent: Option<&str>, ids: &Ids) -> String {
    let random = ids.next();
    // A span id of zeros is not valid.
    let span = (random as u64).max(1);
    let mut value = String::with_capacity(55);
    value.push_str("00-");
    let parsed = sent.and_then(parse);
    match parsed {
        Some((trace, _)) => value.push_str(trace),
        None => push_hex(&mut value, &ids.next().max(1).to_be_bytes()),
    }
    value.push('-');
    push_hex(&mut value, &span.to_be_bytes());
    value.push('-');
    value.push_str(parsed.map_or("01", |(_, flags)| flags));
    value
}

/// Trace id and flags of a valid header (W3C Trace Context section 3.2; later versions may be
/// longer).
fn parse(header: &str) -> Option<(&str, &str)> {
    let bytes = header.as_bytes();
    let is_hex = |text: &str| {
        text.bytes()
            .all(|c| c.is_ascii_digit() || matches!(c, b'a'..=b'f'))
    };
    let dashes =
        bytes.len() >= 55 && header.is_ascii() && [2, 35, 52].iter().all(|at| bytes[*at] == b'-');
    if !dashes {
        return None;
    }
    let (version, trace, span, flags) = (
        &header[..2],
        &header[3..35],
        &header[36..52],
        &header[53..55],
    );
    let longer_ok = bytes.len() == 55 || (version != "00" && bytes[55] == b'-');
    let all_hex = [version, trace, span, flags].into_iter().all(is_hex);
    let zero = |text: &str| text.bytes().all(|c| c == b'0');
    (longer_ok && all_hex && version != "ff" && !zero(trace) && !zero(span))
        .then_some((trace, flags))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

    #[test]
    fn bytes_are_written_as_two_digits_each() {
        let mut text = String::new();
        push_hex(&mut text, &[0, 1, 0x9a, 0xff]);
        assert_eq!(text, "00019aff");
    }

    #[test]
    fn a_trace_goes_on_with_a_span_of_ours() {
        let ids = Ids::new();
        let ours = traceparent(Some(SENT), &ids);
        assert!(ours.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-") && ours.ends_with("-00"));
        assert_ne!(ours, SENT);
        assert!(parse(&ours).is_some() && parse(&traceparent(None, &ids)).is_some());
    }

    #[test]
    fn a_broken_traceparent_is_replaced_and_breaks_nothing() {
        let uppercase = SENT.to_uppercase();
        let longer = format!("{SENT}-x");
        for sent in [
            "",
            "00",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-00",
            &uppercase,
            &longer,
            "00-4bf92f3577b34da6a3ce929d0e0e47366-00f067aa0ba902b7-00é",
        ] {
            assert_eq!(parse(sent), None, "{sent}");
        }
        assert!(parse(&format!("01{}-x", &SENT[2..])).is_some());
    }

    #[test]
    fn an_id_that_could_forge_a_log_line_is_not_taken() {
        let ids = Ids::new();
        assert_eq!(request_id(Some("Req-1_a.b".into()), &ids), "Req-1_a.b");
        assert_eq!(request_id(Some("a\nb".into()), &ids).len(), 32);
    }

    #[test]
    fn ids_do_not_repeat() {
        let (one, other) = (Ids::new(), Ids::new());
        let all: std::collections::HashSet<u128> = (0..10_000)
            .flat_map(|_| [one.next(), other.next()])
            .collect();
        assert_eq!(all.len(), 20_000);
    }
}

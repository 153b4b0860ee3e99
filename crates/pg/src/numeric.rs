//! PostgreSQL's `numeric`: reading its binary form, and checking a decimal text before it is sent.
//! The format is that of `numeric_send` in src/backend/utils/adt/numeric.c: digits to the base of
//! 10,000, the weight of the first, sign, scale.

const POSITIVE: u16 = 0x0000;
const NEGATIVE: u16 = 0x4000;

/// Reads the binary form as decimal text with as many decimals as the value's scale: `0.00`.
///
/// # Errors
/// Why there is no decimal text: the bytes are malformed, or the value is NaN or infinite.
pub fn decode(bytes: &[u8]) -> Result<String, &'static str> {
    const BROKEN: &str = "is not numeric's binary form";
    let mut halves = bytes
        .chunks_exact(2)
        .map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    let mut next = || halves.next().ok_or(BROKEN);
    let (count, weight, sign, scale) = (
        usize::from(next()?),
        next()? as i16,
        next()?,
        usize::from(next()?),
    );
    let digits: Vec<u16> = halves.collect();
    if digits.len() != count
        || !bytes.len().is_multiple_of(2)
        || digits.iter().any(|&digit| digit > 9_999)
    {
        return Err(BROKEN);
    }
    if sign != POSITIVE && sign != NEGATIVE {
        return Err("is NaN or infinite");
    }

    // A digit of weight w counts digit × 10,000^w.
    let digit = |w: i32| {
        usize::try_from(i32::from(weight) - w)
            .ok()
            .and_then(|i| digits.get(i))
            .copied()
            .unwrap_or(0)
    };
    let mut text = String::with_capacity(count * 4 + scale + 3);
    if sign == NEGATIVE {
        text.push('-');
    }
    let first = i32::from(weight).max(0);
    text.push_str(&digit(first).to_string());
    for w in (0..first).rev() {
        text.push_str(&format!("{:04}", digit(w)));
    }
    if scale > 0 {
        text.push('.');
        let end = text.len() + scale;
        let mut w = -1;
        while text.len() < end {
            text.push_str(&format!("{:04}", digit(w)));
            w -= 1;
        }
        text.truncate(end);
    }
    Ok(text)
}

/// Whether a text is a plain decimal: an optional sign, digits, and perhaps a point and more
/// digits. The server parses the text, so this check only excludes the other forms that the server
/// accepts: NaN, Infinity, exponents, hexadecimal.
pub fn is_decimal(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole) && digits(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(weight: i16, sign: u16, scale: u16, digits: &[u16]) -> Vec<u8> {
        let head = [digits.len() as u16, weight as u16, sign, scale];
        head.iter()
            .chain(digits)
            .flat_map(|half| half.to_be_bytes())
            .collect()
    }

    #[test]
    fn decimals_are_read_with_their_scale_and_every_zero() {
        assert_eq!(decode(&wire(0, POSITIVE, 2, &[])).as_deref(), Ok("0.00"));
        assert_eq!(decode(&wire(0, POSITIVE, 0, &[])).as_deref(), Ok("0"));
        assert_eq!(
            decode(&wire(0, NEGATIVE, 2, &[12, 5_000])).as_deref(),
            Ok("-12.50")
        );
        assert_eq!(decode(&wire(1, POSITIVE, 0, &[1])).as_deref(), Ok("10000"));
        assert_eq!(
            decode(&wire(2, POSITIVE, 1, &[1, 0, 7, 1_000])).as_deref(),
            Ok("100000007.1")
        );
        assert_eq!(
            decode(&wire(-1, POSITIVE, 4, &[1])).as_deref(),
            Ok("0.0001")
        );
        assert_eq!(
            decode(&wire(-2, POSITIVE, 7, &[1_230])).as_deref(),
            Ok("0.0000123")
        );
        assert_eq!(
            decode(&wire(0, POSITIVE, 6, &[9_999, 9_999])).as_deref(),
            Ok("9999.999900")
        );
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for sign in [0xC000, 0xD000, 0xF000] {
            assert_eq!(decode(&wire(0, sign, 0, &[])), Err("is NaN or infinite"));
        }
        assert!(decode(&[]).is_err());
        assert!(decode(&wire(0, POSITIVE, 0, &[10_000])).is_err());
        let mut short = wire(0, POSITIVE, 0, &[1, 2]);
        short.pop();
        assert!(decode(&short).is_err());
    }

    #[test]
    fn only_plain_decimals_are_sent() {
        for good in [
            "0",
            "-12.50",
            "+1",
            "0.00",
            "123456789012345678901234567890.1",
        ] {
            assert!(is_decimal(good), "{good}");
        }
        for bad in [
            "", "-", ".5", "5.", "1e5", "NaN", "Infinity", "1 ", "0x10", "1_000", "--1", "1.2.3",
            "１",
        ] {
            assert!(!is_decimal(bad), "{bad}");
        }
    }
}

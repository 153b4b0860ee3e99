//! Which currencies may be charged and between which amounts.
//! Source: https://docs.stripe.com/currencies (presentment currencies, minimum amounts, special cases).

use crate::error::{ApiError, Result};

const SUPPORTED: &str = "usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bhd bif bmd bnd bob brl bsd bwp byn bzd \
    cad cdf chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf gtq gyd hkd hnl hrk htg huf \
    idr ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr \
    mwk mxn myr mzn nad ngn nio nok npr nzd omr pab pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp \
    sle sos srd std szl thb tjs tnd top try ttd twd tzs uah ugx uyu uzs vnd vuv wst xaf xcd xof xpf yer zar zmw";

const ZERO_DECIMAL: &str = "bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf";
const THREE_DECIMAL: &str = "bhd jod kwd omr tnd";

/// What Stripe settles for less than; in minor units. Others are only bounded below by 1.
const MINIMUM: &[(&str, i64)] = &[
    ("usd", 50),
    ("aed", 200),
    ("aud", 50),
    ("brl", 50),
    ("cad", 50),
    ("chf", 50),
    ("czk", 1500),
    ("dkk", 250),
    ("eur", 50),
    ("gbp", 30),
    ("hkd", 400),
    ("huf", 17500),
    ("inr", 50),
    ("jpy", 50),
    ("mxn", 1000),
    ("myr", 200),
    ("nok", 300),
    ("nzd", 50),
    ("pln", 200),
    ("ron", 200),
    ("sek", 300),
    ("sgd", 50),
    ("thb", 1000),
];

const MAXIMUM: i64 = 99_999_999;

/// The currency in lower case.
///
/// # Errors
/// 400 for one that is not supported.
pub fn parse(text: &str) -> Result<String> {
    let code = text.to_ascii_lowercase();
    if code.len() == 3 && SUPPORTED.split_whitespace().any(|known| known == code) {
        return Ok(code);
    }
    Err(ApiError::parameter(
        None,
        "currency",
        format!(
            "Invalid currency: {code}. Stripe currently supports these currencies: {}",
            SUPPORTED.replace(' ', ", ")
        ),
    ))
}

/// Checks an amount to charge, in minor units.
///
/// # Errors
/// 400 `parameter_invalid_integer`, `amount_too_small`, `amount_too_large`; or without a code where
/// the currency's last digits must be zero (three-decimal currencies: the last; ISK and UGX: the
/// last two).
pub fn check_amount(amount: i64, currency: &str) -> Result<()> {
    let refuse = |code, message: String| Err(ApiError::parameter(code, "amount", message));
    if amount < 1 {
        return refuse(
            Some("parameter_invalid_integer"),
            "This value must be greater than or equal to 1.".to_owned(),
        );
    }
    let minimum = MINIMUM
        .iter()
        .find(|(code, _)| *code == currency)
        .map_or(1, |(_, minimum)| *minimum);
    if amount < minimum {
        return refuse(
            Some("amount_too_small"),
            format!("Amount must be at least {}", show(minimum, currency)),
        );
    }
    if amount > MAXIMUM {
        return refuse(
            Some("amount_too_large"),
            format!("Amount must be no more than {}", show(MAXIMUM, currency)),
        );
    }
    let step = match currency {
        "isk" | "ugx" => 100,
        _ if THREE_DECIMAL.contains(currency) => 10,
        _ => 1,
    };
    if amount % step != 0 {
        return refuse(
            None,
            format!("Invalid amount: for {currency} it must be divisible by {step}."),
        );
    }
    Ok(())
}

/// An amount for people: `45.00 eur`, `500 jpy`, `1.250 kwd`.
pub fn show(amount: i64, currency: &str) -> String {
    let (unit, places) = match currency {
        _ if ZERO_DECIMAL.contains(currency) => return format!("{amount} {currency}"),
        _ if THREE_DECIMAL.contains(currency) => (1000, 3),
        _ => (100, 2),
    };
    format!("{}.{:0places$} {currency}", amount / unit, amount % unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_bounded_per_currency() {
        assert_eq!(
            check_amount(49, "eur").unwrap_err().code,
            Some("amount_too_small")
        );
        assert!(check_amount(50, "eur").is_ok());
        assert!(check_amount(50, "jpy").is_ok());
        assert_eq!(
            check_amount(100_000_000, "usd").unwrap_err().code,
            Some("amount_too_large")
        );
        assert_eq!(
            check_amount(0, "usd").unwrap_err().code,
            Some("parameter_invalid_integer")
        );
        assert!(check_amount(5124, "kwd").is_err());
        assert!(check_amount(5120, "kwd").is_ok());
    }

    #[test]
    fn money_is_shown_with_its_currency_s_decimals() {
        assert_eq!(show(4505, "eur"), "45.05 eur");
        assert_eq!(show(500, "jpy"), "500 jpy");
        assert_eq!(show(1250, "kwd"), "1.250 kwd");
    }

    #[test]
    fn an_unknown_currency_is_the_parameter_s_fault() {
        assert_eq!(parse("EUR").unwrap(), "eur");
        assert_eq!(parse("eu").unwrap_err().param.as_deref(), Some("currency"));
        assert!(parse("zzz").is_err());
    }
}

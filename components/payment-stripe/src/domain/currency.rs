//! Amounts in ISO 4217's minor units, which the rest of EventHub uses, and in Stripe's, which
//! differ for some currencies. Nothing is ever rounded. Source:
//! <https://docs.stripe.com/currencies>, "Minor units" and "Special cases".

/// An amount that has no counterpart on the other side.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// The price's fault: the currency has smaller units than Stripe charges.
    #[error(
        "Stripe takes amounts in {currency} only in steps of {step} minor units, and {amount} is between two"
    )]
    TooFine {
        amount: i64,
        currency: String,
        step: i64,
    },
    /// Stripe's fault: it never charges a fraction of these currencies.
    #[error("Stripe's amount {amount} in {currency} is a fraction of the currency's smallest unit")]
    Fraction { amount: i64, currency: String },
    #[error("the amount {amount} in {currency} is too large")]
    TooLarge { amount: i64, currency: String },
}

/// How the two sides count one currency.
struct Units {
    /// Stripe's units in one minor unit.
    stripe: i64,
    /// Minor units in one of Stripe's.
    iso: i64,
    /// Minor units between two amounts that Stripe takes.
    step: i64,
}

fn units_of(currency: &str) -> Units {
    match currency {
        // They have lost their decimals, and Stripe counts them with two as before.
        "ISK" | "UGX" => Units {
            stripe: 100,
            iso: 1,
            step: 1,
        },
        // An ariary is five iraimbilanja, which ISO 4217 counts as two decimals and Stripe not at
        // all.
        "MGA" => Units {
            stripe: 1,
            iso: 100,
            step: 100,
        },
        // Three decimals, but the card networks know only two.
        "BHD" | "JOD" | "KWD" | "OMR" | "TND" => Units {
            stripe: 1,
            iso: 1,
            step: 10,
        },
        _ => Units {
            stripe: 1,
            iso: 1,
            step: 1,
        },
    }
}

/// Stripe's amount for one in minor units of the currency (in capitals).
pub fn to_stripe(amount: i64, currency: &str) -> Result<i64, Error> {
    let Units { stripe, iso, step } = units_of(currency);
    if amount % step != 0 {
        return Err(Error::TooFine {
            amount,
            currency: currency.into(),
            step,
        });
    }
    (amount / iso)
        .checked_mul(stripe)
        .ok_or_else(|| Error::TooLarge {
            amount,
            currency: currency.into(),
        })
}

/// The amount in minor units of the currency (in capitals) for one of Stripe's.
pub fn from_stripe(amount: i64, currency: &str) -> Result<i64, Error> {
    let Units { stripe, iso, .. } = units_of(currency);
    if amount % stripe != 0 {
        return Err(Error::Fraction {
            amount,
            currency: currency.into(),
        });
    }
    (amount / stripe)
        .checked_mul(iso)
        .ok_or_else(|| Error::TooLarge {
            amount,
            currency: currency.into(),
        })
}

#[cfg(test)]
mod tests {
    use eventhub_guest::Currency;

    use super::*;

    /// Stripe's own lists; UGX is in its first one, too, and a special case of two decimals all the
    /// same.
    const NO_DECIMALS: &str = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF";
    const THREE_DECIMALS: &str = "BHD JOD KWD OMR TND";
    /// Three decimals by ISO 4217, and not to be had at Stripe.
    const NOT_AT_STRIPE: &str = "IQD LYD";

    fn every_currency() -> Vec<Currency> {
        let letters = || 'A'..='Z';
        let codes = letters().flat_map(|a| {
            letters()
                .flat_map(move |b| letters().map(move |c| [a, b, c].iter().collect::<String>()))
        });
        codes.filter_map(|code| code.parse().ok()).collect()
    }

    #[test]
    fn one_unit_of_any_currency_is_one_unit_at_stripe() {
        let currencies = every_currency();
        assert!(currencies.len() > 100);
        for currency in currencies
            .iter()
            .filter(|currency| !NOT_AT_STRIPE.contains(currency.as_str()))
        {
            let code = currency.as_str();
            let decimals = if NO_DECIMALS.contains(code) {
                0
            } else {
                2 + u32::from(THREE_DECIMALS.contains(code))
            };
            let (ours, theirs) = (10_i64.pow(currency.decimals().into()), 10_i64.pow(decimals));
            assert_eq!(to_stripe(ours, code), Ok(theirs), "{code}");
            assert_eq!(from_stripe(theirs, code), Ok(ours), "{code}");
        }
    }

    #[test]
    fn a_charged_amount_reads_back_as_the_same_amount() {
        for currency in every_currency() {
            for amount in [100, 4500, 123_400] {
                let code = currency.as_str();
                assert_eq!(
                    from_stripe(to_stripe(amount, code).unwrap(), code),
                    Ok(amount),
                    "{code}"
                );
            }
        }
    }

    #[test]
    fn no_amount_is_rounded_to_one_that_stripe_takes() {
        assert_eq!(
            to_stripe(4505, "KWD"),
            Err(Error::TooFine {
                amount: 4505,
                currency: "KWD".into(),
                step: 10
            })
        );
        assert_eq!(
            to_stripe(4550, "MGA"),
            Err(Error::TooFine {
                amount: 4550,
                currency: "MGA".into(),
                step: 100
            })
        );
        assert_eq!(
            from_stripe(4550, "ISK"),
            Err(Error::Fraction {
                amount: 4550,
                currency: "ISK".into()
            })
        );
    }

    #[test]
    fn an_amount_that_overflows_is_an_error() {
        assert!(matches!(
            to_stripe(i64::MAX, "ISK"),
            Err(Error::TooLarge { .. })
        ));
        assert!(matches!(
            from_stripe(i64::MAX, "MGA"),
            Err(Error::TooLarge { .. })
        ));
    }
}

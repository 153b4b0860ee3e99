//! Money: integer minor units of an ISO 4217 currency.

use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A current currency of ISO 4217 (table A.1, without funds, metals and testing codes).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

/// The code of a currency is invalid.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("must be the ISO 4217 code of a currency in capital letters, such as EUR")]
pub struct InvalidCurrency;

const CODES: &str = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG";
const NO_DECIMALS: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF";
const THREE_DECIMALS: &str = "BHD IQD JOD KWD LYD OMR TND";

impl Currency {
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// Decimal places of the minor unit: 2 for EUR, 0 for JPY, 3 for KWD.
    pub fn decimals(&self) -> u8 {
        let among = |codes: &str| codes.split(' ').any(|code| code == self.as_str());
        if among(NO_DECIMALS) {
            0
        } else if among(THREE_DECIMALS) {
            3
        } else {
            2
        }
    }
}

impl FromStr for Currency {
    type Err = InvalidCurrency;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let code: [u8; 3] = text.as_bytes().try_into().map_err(|_| InvalidCurrency)?;
        CODES
            .split(' ')
            .any(|known| known == text)
            .then_some(Self(code))
            .ok_or(InvalidCurrency)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

/// `{"amount": 4500, "currency": "EUR"}` is 45.00 EUR.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// Minor units.
    pub amount: i64,
    pub currency: Currency,
}

impl Money {
    pub const fn new(amount: i64, currency: Currency) -> Self {
        Self { amount, currency }
    }

    /// None if the currencies differ or the sum overflows.
    pub fn plus(self, other: Self) -> Option<Self> {
        (self.currency == other.currency).then_some(())?;
        Some(Self {
            amount: self.amount.checked_add(other.amount)?,
            ..self
        })
    }

    /// None on overflow.
    pub fn times(self, quantity: u32) -> Option<Self> {
        Some(Self {
            amount: self.amount.checked_mul(i64::from(quantity))?,
            ..self
        })
    }

    /// The form of the typed interfaces.
    pub fn to_wit(self) -> crate::bindings::eventhub::common::types::Money {
        crate::bindings::eventhub::common::types::Money {
            amount: self.amount,
            currency: self.currency.to_string(),
        }
    }

    pub fn from_wit(
        money: &crate::bindings::eventhub::common::types::Money,
    ) -> Result<Self, InvalidCurrency> {
        Ok(Self {
            amount: money.amount,
            currency: money.currency.parse()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn currencies_have_their_own_decimals() {
        for (code, decimals) in [("EUR", 2), ("JPY", 0), ("KWD", 3)] {
            assert_eq!(code.parse::<Currency>().unwrap().decimals(), decimals);
        }
        assert!("eur".parse::<Currency>().is_err());
        assert!("XXX".parse::<Currency>().is_err());
    }

    #[test]
    fn sums_do_not_overflow_or_mix_currencies() {
        let (eur, jpy) = ("EUR".parse().unwrap(), "JPY".parse().unwrap());
        assert_eq!(Money::new(i64::MAX, eur).plus(Money::new(1, eur)), None);
        assert_eq!(Money::new(1, eur).plus(Money::new(1, jpy)), None);
        assert_eq!(Money::new(i64::MAX, eur).times(2), None);
        assert_eq!(
            Money::new(4500, eur).times(4),
            Some(Money::new(18_000, eur))
        );
    }
}

//! Typed ids: a prefix and a UUIDv7 in lower-case Crockford base32, 26 characters: `evt_01jd…`.
//! They sort by time.

use std::fmt;
use std::hash::Hash;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The kind of resource that an id names; the prefix shows it to people.
pub trait Kind: Copy + Eq + Ord + Hash + fmt::Debug + 'static {
    const PREFIX: &'static str;
}

/// The id of a `K`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id<K: Kind>(u128, PhantomData<K>);

/// Not an id of this kind.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("must be an id such as {0}01jdg3v0000000000000000000")]
pub struct InvalidId(&'static str);

macro_rules! kinds {
    ($($kind:ident $alias:ident $prefix:literal $what:literal;)*) => {$(
        #[doc = $what]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $kind;
        impl Kind for $kind { const PREFIX: &'static str = $prefix; }
        #[doc = concat!("Id of ", $what)]
        pub type $alias = Id<$kind>;
    )*};
}

kinds! {
    User UserId "usr_" "a user";
    Organizer OrganizerId "org_" "an organizer";
    Venue VenueId "ven_" "a venue";
    Layout LayoutId "lay_" "a layout, all versions of it";
    Event EventId "evt_" "an event";
    Session SessionId "ses_" "a session: one dated performance";
    Hold HoldId "hld_" "a hold";
    Booking BookingId "bkg_" "a booking";
    Payment PaymentId "pay_" "a payment";
    Ticket TicketId "tkt_" "a ticket";
}

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

impl<K: Kind> Id<K> {
    /// A new id: a UUIDv7 of the current time.
    pub fn new() -> Self {
        Self(uuid::Uuid::now_v7().as_u128(), PhantomData)
    }

    pub const fn from_u128(value: u128) -> Self {
        Self(value, PhantomData)
    }

    pub const fn as_u128(self) -> u128 {
        self.0
    }

    /// As the Postgres capability carries a uuid: high half first.
    pub const fn halves(self) -> (u64, u64) {
        ((self.0 >> 64) as u64, self.0 as u64)
    }

    pub const fn from_halves((high, low): (u64, u64)) -> Self {
        Self(((high as u128) << 64) | low as u128, PhantomData)
    }
}

impl<K: Kind> Default for Id<K> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Kind> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0u8; 26];
        for (place, character) in text.iter_mut().enumerate() {
            *character = ALPHABET[(self.0 >> (125 - 5 * place)) as usize & 31];
        }
        f.write_str(K::PREFIX)?;
        f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
    }
}

impl<K: Kind> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<K: Kind> FromStr for Id<K> {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text
            .strip_prefix(K::PREFIX)
            .filter(|digits| digits.len() == 26)
            .ok_or(InvalidId(K::PREFIX))?;
        let mut value = 0u128;
        for (place, character) in digits.bytes().enumerate() {
            let digit = ALPHABET
                .iter()
                .position(|&known| known == character)
                .ok_or(InvalidId(K::PREFIX))? as u128;
            // 26 digits are 130 bits: the first may only use three.
            if place == 0 && digit > 7 {
                return Err(InvalidId(K::PREFIX));
            }
            value = value << 5 | digit;
        }
        Ok(Self(value, PhantomData))
    }
}

impl<K: Kind> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, K: Kind> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_id_reads_back_as_itself(value: u128) {
            let id = EventId::from_u128(value);
            prop_assert_eq!(id.to_string().parse::<EventId>(), Ok(id));
            prop_assert_eq!(EventId::from_halves(id.halves()), id);
        }

        #[test]
        fn ids_sort_as_text_as_they_sort_as_numbers(a: u128, b: u128) {
            prop_assert_eq!(a.cmp(&b), EventId::from_u128(a).to_string().cmp(&EventId::from_u128(b).to_string()));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text: String) {
            let _ = text.parse::<EventId>();
        }
    }

    #[test]
    fn another_kind_upper_case_and_overflow_are_refused() {
        let text = EventId::from_u128(u128::MAX).to_string();
        assert_eq!(text, "evt_7zzzzzzzzzzzzzzzzzzzzzzzzz");
        assert!(text.parse::<UserId>().is_err());
        assert!(text.to_uppercase().parse::<EventId>().is_err());
        assert!("evt_8zzzzzzzzzzzzzzzzzzzzzzzzz".parse::<EventId>().is_err());
        assert!("evt_7zzzzzzzzzzzzzzzzzzzzzzzzu".parse::<EventId>().is_err());
    }
}

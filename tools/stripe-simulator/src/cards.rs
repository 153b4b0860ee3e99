//! Stripe's test cards: by number, by `pm_card_…` and by `tok_…`, and what each of them does.
//! Source: https://docs.stripe.com/testing. To add one, append it: its place in the list is part of payment method ids.

use crate::error::{ApiError, Result};
use crate::ids;

/// Why a card is refused.
#[derive(Debug, PartialEq, Eq)]
pub struct Decline {
    /// `error.code`.
    pub code: &'static str,
    /// `error.decline_code`.
    pub decline_code: Option<&'static str>,
    /// `error.message`.
    pub message: &'static str,
}

/// What a card does when it is charged.
#[derive(Debug, Clone, Copy)]
pub enum Charging {
    /// It pays.
    Approve,
    /// It is refused.
    Refuse(&'static Decline),
    /// It asks the buyer first (3-D Secure), and then pays or is refused.
    Authenticate(Option<&'static Decline>),
}

/// What its refunds do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refunding {
    /// `succeeded` at once.
    AtOnce,
    /// `pending`, then `succeeded`.
    Later,
    /// `succeeded`, then `failed`.
    FailsLater,
}

/// One test card.
#[derive(Debug)]
pub struct Card {
    /// What follows `pm_card_` and `tok_`; the first is the usual one.
    pub names: &'static [&'static str],
    /// The number a buyer types.
    pub number: &'static str,
    /// Stripe's name for the brand.
    pub brand: &'static str,
    /// `credit` or `debit`.
    pub funding: &'static str,
    /// What charging it does.
    pub charging: Charging,
    /// What refunding it does.
    pub refunding: Refunding,
}

const GENERIC: Decline = Decline {
    code: "card_declined",
    decline_code: Some("generic_decline"),
    message: "Your card was declined.",
};
const FUNDS: Decline = Decline {
    code: "card_declined",
    decline_code: Some("insufficient_funds"),
    message: "Your card has insufficient funds.",
};
const LOST: Decline = Decline {
    code: "card_declined",
    decline_code: Some("lost_card"),
    message: "Your card was declined.",
};
const STOLEN: Decline = Decline {
    code: "card_declined",
    decline_code: Some("stolen_card"),
    message: "Your card was declined.",
};
const FRAUD: Decline = Decline {
    code: "card_declined",
    decline_code: Some("fraudulent"),
    message: "Your card was declined.",
};
const VELOCITY: Decline = Decline {
    code: "card_declined",
    decline_code: Some("card_velocity_exceeded"),
    message: "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
};
const EXPIRED: Decline = Decline {
    code: "expired_card",
    decline_code: None,
    message: "Your card has expired.",
};
const CVC: Decline = Decline {
    code: "incorrect_cvc",
    decline_code: None,
    message: "Your card's security code is incorrect.",
};
const PROCESSING: Decline = Decline {
    code: "processing_error",
    decline_code: None,
    message: "An error occurred while processing your card. Try again in a little bit.",
};

const fn visa(names: &'static [&'static str], number: &'static str, charging: Charging) -> Card {
    Card {
        names,
        number,
        brand: "visa",
        funding: "credit",
        charging,
        refunding: Refunding::AtOnce,
    }
}

const fn other(
    name: &'static [&'static str],
    number: &'static str,
    brand: &'static str,
    funding: &'static str,
) -> Card {
    Card {
        names: name,
        number,
        brand,
        funding,
        charging: Charging::Approve,
        refunding: Refunding::AtOnce,
    }
}

use Charging::{Approve, Authenticate, Refuse};

/// All of them.
pub static CARDS: &[Card] = &[
    visa(&["visa", "us"], "4242424242424242", Approve),
    visa(
        &["visa_chargeDeclined", "chargeDeclined"],
        "4000000000000002",
        Refuse(&GENERIC),
    ),
    visa(
        &[
            "visa_chargeDeclinedInsufficientFunds",
            "chargeDeclinedInsufficientFunds",
        ],
        "4000000000009995",
        Refuse(&FUNDS),
    ),
    visa(
        &["visa_chargeDeclinedLostCard", "chargeDeclinedLostCard"],
        "4000000000009987",
        Refuse(&LOST),
    ),
    visa(
        &["visa_chargeDeclinedStolenCard", "chargeDeclinedStolenCard"],
        "4000000000009979",
        Refuse(&STOLEN),
    ),
    visa(
        &["chargeDeclinedExpiredCard"],
        "4000000000000069",
        Refuse(&EXPIRED),
    ),
    visa(
        &["chargeDeclinedIncorrectCvc"],
        "4000000000000127",
        Refuse(&CVC),
    ),
    visa(
        &["chargeDeclinedProcessingError"],
        "4000000000000119",
        Refuse(&PROCESSING),
    ),
    visa(
        &["visa_chargeDeclinedVelocityLimitExceeded"],
        "4000000000006975",
        Refuse(&VELOCITY),
    ),
    visa(
        &["radarBlock", "chargeDeclinedFraudulent"],
        "4100000000000019",
        Refuse(&FRAUD),
    ),
    visa(
        &["authenticationRequired"],
        "4000002760003184",
        Authenticate(None),
    ),
    visa(
        &["authenticationRequiredOnSetup"],
        "4000002500003155",
        Authenticate(None),
    ),
    visa(
        &["threeDSecure2Required"],
        "4000000000003220",
        Authenticate(None),
    ),
    visa(
        &["threeDSecureRequired"],
        "4000000000003063",
        Authenticate(None),
    ),
    visa(
        &["threeDSecureRequiredChargeDeclined"],
        "4000008400001629",
        Authenticate(Some(&GENERIC)),
    ),
    visa(
        &["authenticationRequiredChargeDeclinedInsufficientFunds"],
        "4000008260003178",
        Authenticate(Some(&FUNDS)),
    ),
    Card {
        refunding: Refunding::Later,
        ..visa(&["pendingRefund"], "4000000000007726", Approve)
    },
    Card {
        refunding: Refunding::FailsLater,
        ..visa(&["refundFail"], "4000000000005126", Approve)
    },
    other(&["visa_debit"], "4000056655665556", "visa", "debit"),
    other(&["mastercard"], "5555555555554444", "mastercard", "credit"),
    other(
        &["mastercard_debit"],
        "5200828282828210",
        "mastercard",
        "debit",
    ),
    other(&["amex"], "378282246310005", "amex", "credit"),
    other(&["discover"], "6011111111111117", "discover", "credit"),
];

/// The card behind a payment method's id: `pm_card_…`, or one that was made here.
///
/// # Errors
/// 404 `resource_missing`.
pub fn by_payment_method(id: &str) -> Result<usize> {
    let place = match id.strip_prefix("pm_card_") {
        Some(name) => by_name(name),
        None => ids::read_payment_method(id)
            .map(|(place, _)| place)
            .filter(|&place| place < CARDS.len()),
    };
    place.ok_or_else(|| ApiError::missing("PaymentMethod", id, "payment_method"))
}

/// The card behind a token such as `tok_visa`.
///
/// # Errors
/// 404 `resource_missing`.
pub fn by_token(token: &str) -> Result<usize> {
    token
        .strip_prefix("tok_")
        .and_then(by_name)
        .ok_or_else(|| ApiError::missing("token", token, "card[token]"))
}

/// The card with a number as it was typed, spaces allowed.
///
/// # Errors
/// 402 `incorrect_number` for one that cannot be a card's, `card_declined` for one that is not a
/// test card.
pub fn by_number(number: &str) -> Result<usize> {
    let digits: String = number.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    if let Some(place) = CARDS.iter().position(|card| card.number == digits) {
        return Ok(place);
    }
    let error = if luhn(&digits) {
        ApiError::card(
            "card_declined",
            Some("test_mode_live_card"),
            "Your card was declined. Your request was in test mode, but used a non test card. \
             For a list of valid test cards, visit: https://stripe.com/docs/testing.",
        )
    } else {
        ApiError::card("incorrect_number", None, "Your card number is incorrect.")
    };
    Err(error)
}

fn by_name(name: &str) -> Option<usize> {
    CARDS.iter().position(|card| card.names.contains(&name))
}

fn luhn(digits: &str) -> bool {
    let mut sum = 0;
    for (place, byte) in digits.bytes().rev().enumerate() {
        if !byte.is_ascii_digit() {
            return false;
        }
        let digit = u32::from(byte - b'0') << (place % 2);
        sum += if digit > 9 { digit - 9 } else { digit };
    }
    (12..=19).contains(&digits.len()) && sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_test_card_has_a_possible_number_and_its_own_names() {
        let mut names: Vec<_> = CARDS.iter().flat_map(|card| card.names).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
        for card in CARDS {
            assert!(luhn(card.number), "{}", card.number);
        }
    }

    #[test]
    fn a_mistyped_number_and_a_real_card_are_refused_differently() {
        assert_eq!(
            by_number("4242 4242 4242 4241").unwrap_err().code,
            Some("incorrect_number")
        );
        assert_eq!(
            by_number("4012888888881881").unwrap_err().decline_code,
            Some("test_mode_live_card")
        );
        assert_eq!(by_number("4242 4242 4242 4242").unwrap(), 0);
    }

    #[test]
    fn number_name_and_token_lead_to_the_same_card() {
        let place = by_payment_method("pm_card_visa_chargeDeclined").unwrap();
        assert_eq!(by_number("4000000000000002").unwrap(), place);
        assert_eq!(by_token("tok_chargeDeclined").unwrap(), place);
        assert_eq!(
            by_payment_method("pm_card_nothing").unwrap_err().status,
            404
        );
    }
}

//! The errors a client sees, in Stripe's shape, each saying whose fault it is.
//! Source: https://docs.stripe.com/api/errors and https://docs.stripe.com/error-codes.

use std::sync::Arc;

use crate::objects::Intent;

/// What every operation returns; boxed because an error carries a whole intent at times.
pub type Result<T> = std::result::Result<T, Box<ApiError>>;

/// Whose fault it is: Stripe's `error.type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The caller's: a parameter, an id, a state, a key.
    InvalidRequest,
    /// The caller's: an idempotency key used for two things, or twice at once.
    Idempotency,
    /// The buyer's (or the buyer's bank's): the card was refused.
    Card,
    /// Ours, or a fault that a test asked for.
    Api,
}

impl Kind {
    /// The text in `error.type`.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::InvalidRequest => "invalid_request_error",
            Kind::Idempotency => "idempotency_error",
            Kind::Card => "card_error",
            Kind::Api => "api_error",
        }
    }
}

/// An answer other than 200.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{status} {}: {message}", kind.as_str())]
pub struct ApiError {
    /// HTTP status.
    pub status: u16,
    /// Whose fault.
    pub kind: Kind,
    /// Stripe's stable code, where it has one.
    pub code: Option<&'static str>,
    /// The bank's reason when a card was refused.
    pub decline_code: Option<&'static str>,
    /// The parameter at fault.
    pub param: Option<String>,
    /// A sentence for people.
    pub message: String,
    /// The failed charge, when there is one.
    pub charge: Option<String>,
    /// The refused payment method's id.
    pub payment_method: Option<String>,
    /// The intent as it is after the error.
    pub intent: Option<Arc<Intent>>,
    /// Whether execution had begun: only then is the answer kept under the idempotency key.
    pub executed: bool,
    /// `Stripe-Should-Retry`, which the SDKs obey before anything else.
    pub should_retry: Option<bool>,
}

impl ApiError {
    fn new(
        status: u16,
        kind: Kind,
        code: Option<&'static str>,
        message: impl Into<String>,
    ) -> Box<Self> {
        Box::new(Self {
            status,
            kind,
            code,
            message: message.into(),
            decline_code: None,
            param: None,
            charge: None,
            payment_method: None,
            intent: None,
            executed: false,
            should_retry: None,
        })
    }

    /// 400: a parameter that is missing, unknown or of the wrong kind.
    pub fn parameter(
        code: Option<&'static str>,
        param: &str,
        message: impl Into<String>,
    ) -> Box<Self> {
        let mut error = Self::new(400, Kind::InvalidRequest, code, message);
        error.param = Some(param.to_owned());
        error
    }

    /// 400: the request is well formed but the object's state does not allow it.
    pub fn state(
        code: Option<&'static str>,
        intent: Option<&Arc<Intent>>,
        message: impl Into<String>,
    ) -> Box<Self> {
        let mut error = Self::new(400, Kind::InvalidRequest, code, message);
        error.intent = intent.cloned();
        error.executed = true;
        error
    }

    /// 404 for an id that names nothing.
    pub fn missing(kind: &str, id: &str, param: &str) -> Box<Self> {
        let mut error = Self::new(
            404,
            Kind::InvalidRequest,
            Some("resource_missing"),
            format!("No such {kind}: '{id}'"),
        );
        error.param = Some(param.to_owned());
        error
    }

    /// 404 for a path that Stripe does not have, or that this stand-in does not speak.
    pub fn unknown_route(method: &str, path: &str) -> Box<Self> {
        Self::new(
            404,
            Kind::InvalidRequest,
            None,
            format!("Unrecognized request URL ({method}: {path})."),
        )
    }

    /// 400 without a parameter to blame.
    pub fn malformed(message: impl Into<String>) -> Box<Self> {
        Self::new(400, Kind::InvalidRequest, None, message)
    }

    /// 401: no key, or one that is not ours.
    pub fn unauthenticated(message: impl Into<String>) -> Box<Self> {
        Self::new(401, Kind::InvalidRequest, None, message)
    }

    /// 403: a publishable key where only the secret one will do.
    pub fn secret_key_required() -> Box<Self> {
        Self::new(
            403,
            Kind::InvalidRequest,
            Some("secret_key_required"),
            "This API call cannot be made with a publishable API key. Please use a secret API key.",
        )
    }

    /// 400: the key was first used with other parameters or at another address.
    pub fn key_reused(key: &str, same_path: bool) -> Box<Self> {
        let what = if same_path {
            "with the same parameters"
        } else {
            "for the same endpoint"
        };
        Self::new(
            400,
            Kind::Idempotency,
            None,
            format!(
                "Keys for idempotent requests can only be used {what} they were first used with. \
                 Try using a key other than '{key}' if you meant to execute a different request."
            ),
        )
    }

    /// 409: the first request with this key is still running.
    pub fn key_in_use(key: &str) -> Box<Self> {
        let mut error = Self::new(
            409,
            Kind::Idempotency,
            Some("idempotency_key_in_use"),
            format!(
                "There is currently another in-progress request using this Idempotent Key (that probably means you \
                 submitted twice, and the other request is still going through): {key}. Please try again later."
            ),
        );
        error.should_retry = Some(true);
        error
    }

    /// 402: the card was refused.
    pub fn card(
        code: &'static str,
        decline_code: Option<&'static str>,
        message: &str,
    ) -> Box<Self> {
        let mut error = Self::new(402, Kind::Card, Some(code), message);
        error.decline_code = decline_code;
        error.executed = true;
        error
    }

    /// 429, asked for by a test.
    pub fn rate_limited() -> Box<Self> {
        Self::new(
            429,
            Kind::InvalidRequest,
            Some("rate_limit"),
            "Too many requests hit the API too quickly. We recommend an exponential backoff of your requests.",
        )
    }

    /// 500, asked for by a test.
    pub fn server() -> Box<Self> {
        Self::new(
            500,
            Kind::Api,
            None,
            "An unknown error occurred (asked for through /_simulator/faults).",
        )
    }
}

//! Errors as clients see them: RFC 9457 `application/problem+json`, made in this one place.
//!
//! Use a module's own error enum inside a service and turn it into a [`Problem`] in its `routes`;
//! use [`Check`] to collect all faults of a request body before answering.

use serde_json::{Map, Value, json};

use crate::Response;

/// Stable codes; `docs/errors.md` lists the cause and remedy of each.
macro_rules! codes {
    ($($variant:ident $status:literal $code:literal $title:literal;)*) => {
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum Code { $($variant),* }

        impl Code {
            pub const ALL: &[Code] = &[$(Code::$variant),*];
            pub const fn status(self) -> u16 { match self { $(Code::$variant => $status),* } }
            /// The code in the API: `seats_unavailable`.
            pub const fn as_str(self) -> &'static str { match self { $(Code::$variant => $code),* } }
            pub const fn title(self) -> &'static str { match self { $(Code::$variant => $title),* } }
        }
    };
}

codes! {
    MalformedJson 400 "malformed_json" "The body is not JSON";
    BadSignature 400 "bad_signature" "The signature does not fit the body";
    Unauthenticated 401 "unauthenticated" "Sign in first";
    TokenExpired 401 "token_expired" "The access token has expired";
    InvalidCredentials 401 "invalid_credentials" "E-mail or password is wrong";
    RefreshTokenReused 401 "refresh_token_reused" "This refresh token was used before";
    Forbidden 403 "forbidden" "Not allowed";
    NotFound 404 "not_found" "Not found";
    MethodNotAllowed 405 "method_not_allowed" "Method not allowed";
    NotAcceptable 406 "not_acceptable" "No representation that you accept";
    SeatsUnavailable 409 "seats_unavailable" "Seats are taken";
    IdempotencyKeyInUse 409 "idempotency_key_in_use" "The first request with this key is still running";
    EmailTaken 409 "email_taken" "This e-mail address has an account";
    HoldAlreadyExtended 409 "hold_already_extended" "A hold is extended once";
    HoldAlreadyBooked 409 "hold_already_booked" "This hold has been booked";
    InvalidTransition 409 "invalid_transition" "Not possible in this state";
    Conflict 409 "conflict" "In conflict with what is there";
    HoldExpired 410 "hold_expired" "The hold has expired";
    PreconditionFailed 412 "precondition_failed" "It has changed since you read it";
    BodyTooLarge 413 "body_too_large" "The body is too large";
    UnsupportedMediaType 415 "unsupported_media_type" "The body must be JSON";
    ValidationFailed 422 "validation_failed" "Some fields are wrong";
    LayoutInvalid 422 "layout_invalid" "The layout has faults";
    UnknownSeats 422 "unknown_seats" "The layout has no such seats";
    LimitExceeded 422 "limit_exceeded" "More than allowed";
    IdempotencyKeyReused 422 "idempotency_key_reused" "This key was used with another request";
    PreconditionRequired 428 "precondition_required" "Send If-Match";
    RateLimited 429 "rate_limited" "Too many requests";
    HeadersTooLarge 431 "headers_too_large" "The headers are too large";
    Internal 500 "internal" "Internal error";
    Unavailable 503 "unavailable" "Not available just now";
    Overloaded 503 "overloaded" "Too busy just now";
}

/// One fault of a request: its place, its kind, and a sentence for people.
#[derive(Clone, PartialEq, Debug)]
pub struct Fault {
    /// JSON pointer into the body (`/sections/0/id`), or `/query/limit` and
    /// `/headers/idempotency-key`.
    pub pointer: String,
    /// For programs: `required`, `unknown_field`, `too_long`, `duplicate` …
    pub code: &'static str,
    pub detail: String,
}

impl Fault {
    pub fn new(pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            pointer: pointer.into(),
            code,
            detail: detail.into(),
        }
    }
}

/// An error answer.
#[derive(Clone, PartialEq, Debug)]
pub struct Problem {
    pub code: Code,
    pub detail: String,
    pub faults: Vec<Fault>,
    /// Further members: `unavailable`, `from`, `to`.
    pub members: Map<String, Value>,
    pub headers: Vec<(String, String)>,
}

impl Problem {
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let mut problem = Self {
            code,
            detail: detail.into(),
            faults: vec![],
            members: Map::new(),
            headers: vec![],
        };
        if code.status() == 503 || code == Code::IdempotencyKeyInUse {
            problem = problem.header("retry-after", "1");
        }
        if code.status() == 401 {
            problem = problem.header("www-authenticate", "Bearer");
        }
        problem
    }

    pub fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.members.insert(member.into(), value.into());
        self
    }

    /// Replaces a header of the same name.
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn faults(code: Code, faults: Vec<Fault>) -> Self {
        // A pointer to the whole is empty.
        let told = |fault: &Fault| match fault.pointer.as_str() {
            "" => format!("The body {}", fault.detail),
            pointer => format!("{pointer}: {}", fault.detail),
        };
        let detail = match faults.as_slice() {
            [] => code.title().to_string(),
            [one] => told(one),
            [first, ..] => format!("{} faults, the first: {}", faults.len(), told(first)),
        };
        Self {
            faults,
            ..Self::new(code, detail)
        }
    }

    /// One fault in the body.
    pub fn invalid(
        pointer: impl Into<String>,
        code: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self::faults(
            Code::ValidationFailed,
            vec![Fault::new(pointer, code, detail)],
        )
    }

    /// `what` as in "There is no such event."
    pub fn not_found(what: &str) -> Self {
        Self::new(
            Code::NotFound,
            format!("There is no such {what}, or you may not see it."),
        )
    }

    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(Code::Forbidden, detail)
    }

    pub fn invalid_transition(from: &str, to: &str, detail: impl Into<String>) -> Self {
        Self::new(Code::InvalidTransition, detail)
            .with("from", from)
            .with("to", to)
    }

    /// 422: another request has used the Idempotency-Key.
    pub fn key_reused() -> Self {
        Self::new(
            Code::IdempotencyKeyReused,
            "This key was sent with another request before: use a new key for every new request.",
        )
    }

    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(Code::Unavailable, detail)
    }

    /// An internal error: the cause goes to the log, not to the client.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        tracing::error!(error.cause = %cause, "request failed by an internal error");
        Self::new(
            Code::Internal,
            "Something went wrong on our side; it has been recorded.",
        )
    }

    pub fn to_response(&self, request_id: &str) -> Response {
        let mut body = json!({
            "type": format!("https://eventhub.dev/problems/{}", self.code.as_str()),
            "title": self.code.title(),
            "status": self.code.status(),
            "detail": self.detail,
            "code": self.code.as_str(),
            "request_id": request_id,
        });
        if let Some(object) = body.as_object_mut() {
            if !self.faults.is_empty() {
                let faults = self.faults.iter();
                let errors = faults
                    .map(|f| json!({"pointer": f.pointer, "code": f.code, "detail": f.detail}));
                object.insert("errors".into(), errors.collect());
            }
            object.extend(self.members.clone());
        }
        let mut headers = vec![(
            "content-type".to_string(),
            "application/problem+json".to_string(),
        )];
        headers.extend(self.headers.iter().cloned());
        Response {
            status: self.code.status(),
            headers,
            body: body.to_string().into_bytes(),
        }
    }
}

/// Collects the faults of one request, so that a client gets all of them at once.
#[derive(Default, Debug)]
pub struct Check {
    faults: Vec<Fault>,
}

impl Check {
    pub fn new() -> Self {
        Self::default()
    }

    /// Records a fault if `holds` is false.
    pub fn that(
        &mut self,
        holds: bool,
        pointer: impl Into<String>,
        code: &'static str,
        detail: impl Into<String>,
    ) -> &mut Self {
        if !holds {
            self.faults.push(Fault::new(pointer, code, detail));
        }
        self
    }

    /// A text of `min` to `max` characters that does not begin or end with white space and has no
    /// control characters.
    pub fn text(&mut self, pointer: &str, text: &str, min: usize, max: usize) -> &mut Self {
        let length = text.chars().count();
        self.that(
            length >= min,
            pointer,
            "too_short",
            format!("must have at least {min} characters"),
        );
        self.that(
            length <= max,
            pointer,
            "too_long",
            format!("must have at most {max} characters"),
        );
        self.that(
            text.trim() == text,
            pointer,
            "surrounding_space",
            "must not begin or end with white space",
        );
        let control = text
            .chars()
            .any(|c| c.is_control() && !matches!(c, '\n' | '\t'));
        self.that(
            !control,
            pointer,
            "invalid_character",
            "must not contain control characters",
        )
    }

    pub fn is_ok(&self) -> bool {
        self.faults.is_empty()
    }

    /// The faults, for rules whose caller builds the answer.
    pub fn into_faults(self) -> Vec<Fault> {
        self.faults
    }

    pub fn finish(self) -> Result<(), Problem> {
        if self.faults.is_empty() {
            Ok(())
        } else {
            Err(Problem::faults(Code::ValidationFailed, self.faults))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_has_the_members_of_the_contract() {
        let response = Problem::invalid("/name", "required", "is missing")
            .with("from", "draft")
            .to_response("req-1");
        assert_eq!(response.status, 422);
        let body: Value = serde_json::from_slice(&response.body).unwrap();
        assert_eq!(
            body["type"],
            "https://eventhub.dev/problems/validation_failed"
        );
        assert_eq!(body["errors"][0]["pointer"], "/name");
        assert_eq!(
            (body["request_id"].as_str(), body["from"].as_str()),
            (Some("req-1"), Some("draft"))
        );
    }

    #[test]
    fn who_is_told_to_come_back_is_told_when() {
        assert!(
            Problem::unavailable("x")
                .headers
                .contains(&("retry-after".into(), "1".into()))
        );
    }

    #[test]
    fn every_code_is_explained_to_people() {
        let page = include_str!("../../../docs/errors.md");
        for code in Code::ALL {
            assert!(
                page.contains(&format!("| {} | `{}` |", code.status(), code.as_str())),
                "docs/errors.md lacks {}",
                code.as_str()
            );
        }
    }
}

//! The server's side: takes calls over `wasi:http/incoming-handler`. It serves callers with the
//! token of the variable `CALL_TOKEN`; without that variable it refuses every call.

use eventhub_guest::config::text;
use eventhub_guest::problem::{Code, Problem};
use eventhub_guest::{Request, Response};

use crate::wire::{self, MAX_BYTES, MEDIA_TYPE, PREFIX};

/// Why a call was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The function does not exist here.
    Unknown,
    /// The parameters do not fit the function.
    Unreadable(String),
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown => f.write_str("no such function here"),
            Self::Unreadable(cause) => write!(f, "not what both sides agreed on: {cause}"),
        }
    }
}

/// Calls a function of an import: interface, function, parameters.
pub type Dispatch = fn(&str, &str, &[u8]) -> Result<Vec<u8>, Refusal>;

/// The part of a call that is known before its body is read.
pub struct Head<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub authorization: Option<&'a str>,
    pub content_type: Option<&'a str>,
}

thread_local! {
    static TOKEN: Option<String> = {
        eventhub_guest::log::init();
        text("CALL_TOKEN").filter(|token| !token.is_empty())
    };
}

/// The called interface and function.
///
/// # Errors
/// The refusal: 401 without the token, before any other check; 404.
pub fn admit<'a>(head: &Head<'a>) -> Result<(String, &'a str), Response> {
    let token = head
        .authorization
        .and_then(|value| value.strip_prefix("Bearer "));
    if !TOKEN.with(|known| is_known(known.as_deref(), token)) {
        return Err(refuse(401, "this is no call by someone we know"));
    }
    let called = wire::called(head.path, head.content_type.unwrap_or_default());
    called
        .filter(|_| head.method == "POST")
        .ok_or_else(|| refuse(404, &Refusal::Unknown.to_string()))
}

/// Takes as long for a wrong token as for the right one.
fn is_known(known: Option<&str>, token: Option<&str>) -> bool {
    let (Some(known), Some(token)) = (known, token) else {
        return false;
    };
    let differences = known
        .bytes()
        .zip(token.bytes())
        .fold(0, |differences, (one, other)| differences | (one ^ other));
    known.len() == token.len() && differences == 0
}

/// Runs the call.
pub fn answer(dispatch: Dispatch, interface: &str, function: &str, params: &[u8]) -> Response {
    match dispatch(interface, function, params) {
        Ok(body) => Response {
            status: 200,
            headers: vec![("content-type".into(), MEDIA_TYPE.into())],
            body,
        },
        Err(refusal) => {
            tracing::warn!(call.interface = interface, call.function = function, error.cause = %refusal, "a call over HTTP was refused");
            refuse(
                if refusal == Refusal::Unknown {
                    404
                } else {
                    400
                },
                &refusal.to_string(),
            )
        }
    }
}

/// A refusal as a line of text.
pub fn refuse(status: u16, why: &str) -> Response {
    Response {
        status,
        headers: vec![("content-type".into(), "text/plain; charset=utf-8".into())],
        body: why.into(),
    }
}

/// Exports `wasi:http/incoming-handler` for a [`Dispatch`], and for a gateway that answers all
/// other requests.
#[macro_export]
macro_rules! serve {
    ($dispatch:path) => {
        $crate::serve!(@ $dispatch, None);
    };
    ($dispatch:path, $gateway:path) => {
        $crate::serve!(@ $dispatch, Some($gateway));
    };
    (@ $dispatch:path, $gateway:expr) => {
        struct Shim;

        impl wasip2::exports::http::incoming_handler::Guest for Shim {
            fn handle(incoming: wasip2::http::types::IncomingRequest, out: wasip2::http::types::ResponseOutparam) {
                eventhub_wasi_http::incoming::send($crate::server::take(&incoming, $dispatch, $gateway), out);
            }
        }

        wasip2::http::proxy::export!(Shim with_types_in wasip2);
    };
}

/// Answers requests that are no calls.
pub type Gateway = fn(Request) -> Response;

/// One exchange.
pub fn take(
    incoming: &wasip2::http::types::IncomingRequest,
    dispatch: Dispatch,
    gateway: Option<Gateway>,
) -> Response {
    let (mut request, length) = eventhub_wasi_http::incoming::head(incoming);
    let read = || eventhub_wasi_http::incoming::body(incoming, length, MAX_BYTES);
    if let Some(gateway) = gateway.filter(|_| !request.path.starts_with(PREFIX)) {
        return match read() {
            Ok(body) => {
                request.body = body;
                gateway(request)
            }
            // The gateway checks the body limit of each route; every limit is below this one.
            Err(_) => Problem::new(
                Code::BodyTooLarge,
                "The body is larger than any route takes.",
            )
            .to_response(""),
        };
    }
    let header = |name| eventhub_guest::http::header(&request, name);
    let head = Head {
        method: &request.method,
        path: &request.path,
        authorization: header("authorization"),
        content_type: header("content-type"),
    };
    let (interface, function) = match admit(&head) {
        Ok(called) => called,
        Err(refusal) => return refusal,
    };
    match read() {
        Ok(params) => answer(dispatch, &interface, function, &params),
        Err(_) => refuse(413, "the parameters are too large"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_is_known() {
        assert!(is_known(Some("secret"), Some("secret")));
        for token in [
            None,
            Some(""),
            Some("secre"),
            Some("secret "),
            Some("Secret"),
        ] {
            assert!(!is_known(Some("secret"), token), "{token:?}");
        }
        assert!(
            !is_known(None, Some("")) && !is_known(None, None),
            "without a token nobody is known"
        );
    }

    #[test]
    fn without_the_token_nothing_is_told_about_the_path() {
        let refused = admit(&Head {
            method: "POST",
            path: "/call/booking/routes/handle",
            authorization: None,
            content_type: None,
        })
        .unwrap_err();
        assert_eq!(refused.status, 401);
    }
}

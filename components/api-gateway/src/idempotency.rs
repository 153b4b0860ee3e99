//! Idempotency keys: a POST that is sent twice has one effect and one answer. The record stays in
//! Redis for a day. During an outage of Redis requests run unprotected; services have constraints
//! of their own. A record that exists but cannot be read means that the request may have run
//! before: then it is not run.

pub mod reread;

use std::time::Duration;

use eventhub_guest::problem::{Code, Problem};
use eventhub_guest::redis::{Error, Item, Reply};
use eventhub_guest::{Request, Response};
use sha2::{Digest, Sha256};

use crate::headers::RequestHeaders;
use crate::ports::Ports;

const BEGIN: &str = include_str!("idempotency/begin.lua");
const FINISH: &str = include_str!("idempotency/finish.lua");

/// A claim outlives the longest call of the service by this time: by then every statement of the
/// call has ended. If the gateway dies with a claim, the key stays blocked until the claim expires.
const CLAIM_GRACE: Duration = Duration::from_secs(5);
/// How long an answer is kept. Milliseconds.
const RECORD_TTL_MS: &str = "86400000";
/// A body above this size is not stored but reread: the body of a layout may have 20 MB, more than
/// Redis should store per key, and more than the limit of a reply. Bytes.
const MAX_STORED_BODY: usize = 256 * 1024;

/// The checked key of a request, if it has one.
///
/// # Errors
/// 422 if it is not 1 to 255 visible ASCII characters, is repeated, or is missing although
/// required.
pub fn key(sent: &RequestHeaders, required: bool) -> Result<Option<&str>, Problem> {
    let fault = |code, detail| Problem::invalid("/headers/idempotency-key", code, detail);
    match sent.idempotency_key.as_deref() {
        _ if sent.repeats_key => Err(fault("duplicate", "comes twice")),
        None if required => Err(fault(
            "required",
            "is missing: send a new random one, and the same one again when you repeat the request",
        )),
        None => Ok(None),
        Some(key)
            if (1..=255).contains(&key.len()) && key.bytes().all(|c| c.is_ascii_graphic()) =>
        {
            Ok(Some(key))
        }
        Some(_) => Err(fault(
            "invalid",
            "must be 1 to 255 visible ASCII characters",
        )),
    }
}

/// A key that this request holds.
pub struct Claim {
    record: Vec<u8>,
    attempt: Vec<u8>,
}

/// The decision about a request with a key.
pub enum Decision {
    /// Run it, and call [`finish`] with the answer.
    Run(Claim),
    /// Run it without protection: Redis does not answer. The text is for the log.
    Unprotected(String),
    /// Repeat the first answer.
    Replay(Response),
    /// Repeat the first answer, with a body reread from that path: [`reread::request`], then
    /// [`reread::complete`].
    Reread {
        first: Response,
        location: String,
    },
    Refused(Problem),
}

/// Claims the key of a request that takes `longest` at most. `attempt` distinguishes this request
/// from every other one.
pub fn begin(
    user: &str,
    key: &str,
    attempt: u128,
    longest: Duration,
    request: &Request,
    ports: &impl Ports,
) -> Decision {
    // The key is hashed, because the client chooses its content and length.
    let record = format!(
        "idem:{{{user}}}:{}",
        hex::encode(Sha256::digest(key.as_bytes()))
    )
    .into_bytes();
    let attempt = attempt.to_be_bytes().to_vec();
    let args = [
        fingerprint(request),
        attempt.clone(),
        (longest + CLAIM_GRACE).as_millis().to_string().into_bytes(),
    ];
    match ports.script(BEGIN, std::slice::from_ref(&record), &args) {
        Ok(reply) => decide(&reply, Claim { record, attempt }),
        Err(Error::Unavailable(cause)) => Decision::Unprotected(cause),
        Err(error) => unreadable(error),
    }
}

fn unreadable(cause: impl std::fmt::Display) -> Decision {
    tracing::error!(error.cause = %cause, "the record of an idempotency key cannot be read");
    Decision::Refused(Problem::unavailable(
        "The outcome of the first request with this key is unknown for now: it is not run again.",
    ))
}

fn decide(reply: &Reply, claim: Claim) -> Decision {
    let items = reply.items();
    match (items.first().and_then(Item::int), items) {
        (Some(0), _) => Decision::Run(claim),
        (Some(1), _) => Decision::Refused(Problem::key_reused()),
        (Some(2), [_, remaining]) => {
            // The first request may hold the key for longer, but it is unlikely to take that long.
            let seconds = remaining.int().unwrap_or_default().clamp(0, 2_000) as u64;
            let seconds = seconds.div_ceil(1_000).max(1);
            let problem = Problem::new(
                Code::IdempotencyKeyInUse,
                "The first request with this key has no answer yet: retry to get it.",
            );
            Decision::Refused(problem.header("retry-after", seconds.to_string()))
        }
        (Some(3), [_, status, headers, body]) => {
            stored(status, headers, body).unwrap_or_else(|| unreadable("it is no answer"))
        }
        _ => unreadable("the script answered something else"),
    }
}

fn stored(status: &Item, headers: &Item, body: &Item) -> Option<Decision> {
    let mut headers: Vec<(String, String)> = serde_json::from_slice(headers.bytes()?).ok()?;
    headers.push(("idempotent-replayed".into(), "true".into()));
    let first = Response {
        status: status.text()?.parse().ok()?,
        headers,
        body: body.bytes().unwrap_or_default().to_vec(),
    };
    match body {
        Item::Bulk(_) => Some(Decision::Replay(first)),
        Item::Nil => location(&first)
            .map(str::to_string)
            .map(|location| Decision::Reread { first, location }),
        Item::Int(_) => None,
    }
}

fn location(response: &Response) -> Option<&str> {
    response
        .headers
        .iter()
        .find(|(name, _)| name == "location")
        .map(|(_, value)| value.as_str())
}

/// The fingerprint by which two requests are the same.
fn fingerprint(request: &Request) -> Vec<u8> {
    let mut hash = Sha256::new();
    for part in [&request.method, &request.path, &request.query] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.update(&request.body);
    hash.finalize().to_vec()
}

/// Whether a repetition gets the same answer: not if the refusal was temporary.
fn is_final(response: &Response) -> bool {
    response.status < 500 && !matches!(response.status, 401 | 408 | 429)
}

/// Stores the answer for the next request with the key, or gives the key back.
///
/// # Errors
/// Redis does not answer; the claim then expires by itself.
pub fn finish(claim: &Claim, response: &Response, ports: &impl Ports) -> Result<(), Error> {
    let mut args = vec![claim.attempt.clone()];
    if is_final(response) {
        let headers = serde_json::to_vec(&response.headers)
            .map_err(|error| Error::Invalid(error.to_string()))?;
        args.extend([
            RECORD_TTL_MS.into(),
            response.status.to_string().into_bytes(),
            headers,
        ]);
        // An answer without a resource to reread is stored whole; such answers are small.
        if response.body.len() <= MAX_STORED_BODY || location(response).is_none() {
            args.push(response.body.clone());
        }
    }
    ports.script(FINISH, std::slice::from_ref(&claim.record), &args)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(key: Option<&str>) -> RequestHeaders {
        RequestHeaders {
            idempotency_key: key.map(String::from),
            ..RequestHeaders::default()
        }
    }

    fn claim() -> Claim {
        Claim {
            record: vec![],
            attempt: vec![],
        }
    }

    fn request(path: &str, query: &str, body: &str) -> Request {
        Request {
            query: query.into(),
            body: body.into(),
            ..eventhub_guest::http::request("POST", path)
        }
    }

    #[test]
    fn keys_are_visible_ascii_and_present_where_required() {
        let longest = "k".repeat(255);
        for good in ["k", "0195-a_b.c/d=", &longest] {
            assert_eq!(key(&sent(Some(good)), true).unwrap(), Some(good));
        }
        let too_long = "k".repeat(256);
        for bad in ["", "a b", "ä", "a\tb", &too_long] {
            assert_eq!(
                key(&sent(Some(bad)), false).unwrap_err().faults[0].pointer,
                "/headers/idempotency-key"
            );
        }
        assert_eq!(key(&sent(None), false).unwrap(), None);
        assert_eq!(
            key(&sent(None), true).unwrap_err().faults[0].code,
            "required"
        );
        assert!(
            key(
                &RequestHeaders {
                    repeats_key: true,
                    ..sent(Some("k"))
                },
                false
            )
            .is_err()
        );
    }

    #[test]
    fn another_request_has_another_fingerprint() {
        let base = fingerprint(&request("/a", "b", "c"));
        for other in [
            request("/ab", "", "c"),
            request("/a", "bc", ""),
            request("/a", "b", "d"),
            request("/a", "", "bc"),
        ] {
            assert_ne!(fingerprint(&other), base);
        }
        assert_eq!(fingerprint(&request("/a", "b", "c")), base);
    }

    #[test]
    fn refusals_that_pass_are_not_kept() {
        let answer = |status| Response {
            status,
            headers: vec![],
            body: vec![],
        };
        for status in [200, 201, 202, 404, 409, 410, 422] {
            assert!(is_final(&answer(status)), "{status}");
        }
        for status in [401, 408, 429, 500, 503] {
            assert!(!is_final(&answer(status)), "{status}");
        }
    }

    #[test]
    fn what_redis_says_is_understood() {
        let reply = |items: Vec<Item>| Reply::Array(items);
        let bulk = |text: &str| Item::Bulk(text.as_bytes().to_vec());
        assert!(matches!(
            decide(&reply(vec![Item::Int(0)]), claim()),
            Decision::Run(_)
        ));
        let Decision::Refused(reused) = decide(&reply(vec![Item::Int(1)]), claim()) else {
            panic!()
        };
        assert_eq!(reused.code, Code::IdempotencyKeyReused);
        let Decision::Refused(busy) =
            decide(&reply(vec![Item::Int(2), Item::Int(59_000)]), claim())
        else {
            panic!()
        };
        assert_eq!(
            (busy.code, busy.headers.len()),
            (Code::IdempotencyKeyInUse, 1)
        );
        let Decision::Replay(answer) = decide(
            &reply(vec![
                Item::Int(3),
                bulk("201"),
                bulk(r#"[["location","/x"]]"#),
                bulk("{}"),
            ]),
            claim(),
        ) else {
            panic!()
        };
        assert_eq!(
            (answer.status, answer.body.as_slice()),
            (201, b"{}".as_slice())
        );
        assert!(
            answer
                .headers
                .contains(&("idempotent-replayed".into(), "true".into()))
                && answer.headers.contains(&("location".into(), "/x".into()))
        );
    }

    #[test]
    fn a_record_that_cannot_be_read_lets_nothing_run() {
        let bulk = |text: &str| Item::Bulk(text.as_bytes().to_vec());
        let records = [
            vec![bulk("201"), bulk("no headers"), bulk("{}")],
            vec![bulk("no status"), bulk("[]"), bulk("{}")],
            vec![bulk("201"), bulk("[]"), Item::Nil],
            vec![],
        ];
        let replies = records.map(|record| Reply::Array([vec![Item::Int(3)], record].concat()));
        for reply in replies
            .into_iter()
            .chain([Reply::Nil, Reply::Array(vec![Item::Int(4)])])
        {
            let Decision::Refused(problem) = decide(&reply, claim()) else {
                panic!("{reply:?}")
            };
            assert_eq!(problem.code, Code::Unavailable);
            assert!(
                problem
                    .headers
                    .contains(&("retry-after".into(), "1".into()))
            );
        }
    }
}

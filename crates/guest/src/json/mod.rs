//! JSON bodies, parsed once at the edge into types. A fault names its place by JSON pointer
//! (RFC 6901). `document` holds the text as a tree, `reader` makes a type of the tree.
//!
//! Whole numbers are integers in every notation (`409.0`), a repeated member is refused, and `null`
//! for an optional member equals its absence.

mod document;
mod reader;
mod well_formed;

use serde::Serialize;
use serde::de::DeserializeOwned;

use document::Node;
use reader::Reader;
pub use well_formed::is_json;

use crate::problem::{Code, Problem};
use crate::{Request, Response};

/// The body as a `T`. Give request types `#[serde(deny_unknown_fields)]`.
///
/// # Errors
/// 415 if the `content-type` is not JSON, 400 if the body is not JSON, 422 with the pointer if it
/// has another shape, unknown members included.
pub fn body<T: DeserializeOwned>(request: &Request) -> Result<T, Problem> {
    check_media_type(request)?;
    parse(&request.body)
}

/// Checks that the `content-type` is JSON.
///
/// # Errors
/// 415.
pub fn check_media_type(request: &Request) -> Result<(), Problem> {
    let kind = crate::http::header(request, "content-type").unwrap_or("");
    let essence = kind
        .split(';')
        .next()
        .unwrap_or("")
        .trim()
        .to_ascii_lowercase();
    let said_to_be_json = essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"));
    if said_to_be_json {
        Ok(())
    } else {
        Err(Problem::new(
            Code::UnsupportedMediaType,
            "Send the body with Content-Type: application/json.",
        ))
    }
}

/// For a route that takes no body: accepts an absent body, or an object without members.
///
/// # Errors
/// As [`body`].
pub fn empty_body(request: &Request) -> Result<(), Problem> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Nothing {}
    if request.body.is_empty() {
        Ok(())
    } else {
        body::<Nothing>(request).map(|Nothing {}| ())
    }
}

/// Parses bytes from elsewhere, as [`body`] parses those of a request.
///
/// # Errors
/// 400 if the bytes are not JSON, 422 with the pointer if they have another shape.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let document: Node = serde_json::from_slice(bytes).map_err(|error| {
        Problem::new(
            Code::MalformedJson,
            format!("The body is not JSON: {error}."),
        )
    })?;
    let value = T::deserialize(Reader(&document))
        .map_err(|error| Problem::faults(Code::ValidationFailed, vec![error.into_fault()]))?;
    match reader::find_nul(&document) {
        None => Ok(value),
        Some(pointer) => Err(Problem::invalid(
            pointer,
            "invalid_character",
            "must not contain the character U+0000",
        )),
    }
}

/// An answer with a JSON body.
pub fn response(status: u16, body: &impl Serialize) -> Result<Response, Problem> {
    let body = serde_json::to_vec(body).map_err(Problem::internal)?;
    Ok(Response {
        status,
        headers: vec![("content-type".into(), "application/json".into())],
        body,
    })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Outer {
        name: String,
        inner: Vec<Inner>,
    }
    #[derive(Deserialize, Debug)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code)]
    struct Inner {
        id: u8,
    }

    fn place_of(text: &str) -> (String, String) {
        let problem = parse::<Outer>(text.as_bytes()).unwrap_err();
        let pointer = problem
            .faults
            .first()
            .map(|fault| fault.pointer.clone())
            .unwrap_or_default();
        (problem.code.as_str().into(), pointer)
    }

    #[test]
    fn faults_name_their_place() {
        let place = |code: &str, pointer: &str| (code.to_string(), pointer.to_string());
        assert_eq!(place_of("{"), place("malformed_json", ""));
        assert_eq!(
            place_of(r#"{"name":"a","inner":[]} x"#),
            place("malformed_json", "")
        );
        assert_eq!(
            place_of(r#"{"name":"a"}"#),
            place("validation_failed", "/inner")
        );
        assert_eq!(
            place_of(r#"{"name":1,"inner":[]}"#),
            place("validation_failed", "/name")
        );
        assert_eq!(
            place_of(r#"{"name":"a","inner":[{"id":1},{"id":300}]}"#),
            place("validation_failed", "/inner/1/id")
        );
        assert_eq!(
            place_of(r#"{"name":"a","inner":[{"id":1,"x":2}]}"#),
            place("validation_failed", "/inner/0/x")
        );
        assert_eq!(
            place_of(r#"{"name":"a","inner":[],"z/":2}"#),
            place("validation_failed", "/z~1")
        );
    }

    #[test]
    fn a_value_of_the_wrong_kind_for_an_enum_is_no_bad_syntax() {
        #[derive(Deserialize, Debug)]
        #[serde(rename_all = "snake_case")]
        #[allow(dead_code)]
        enum Role {
            Owner,
        }
        #[derive(Deserialize, Debug)]
        #[allow(dead_code)]
        struct Member {
            role: Role,
        }
        for wrong in ["7", "null", "true", "[]", "{}"] {
            let problem = parse::<Member>(format!(r#"{{"role":{wrong}}}"#).as_bytes()).unwrap_err();
            assert_eq!(
                (problem.code, problem.faults[0].pointer.as_str()),
                (Code::ValidationFailed, "/role"),
                "{wrong}"
            );
        }
        assert_eq!(
            parse::<Member>(br#"{"role":}"#).unwrap_err().code,
            Code::MalformedJson
        );
    }

    #[test]
    fn a_whole_number_is_an_integer_however_it_is_written() {
        assert_eq!(
            parse::<Outer>(br#"{"name":"a","inner":[{"id":3.0},{"id":2e1}]}"#)
                .unwrap()
                .inner[1]
                .id,
            20
        );
        assert_eq!(
            place_of(r#"{"name":"a","inner":[{"id":3.5}]}"#),
            ("validation_failed".into(), "/inner/0/id".into())
        );
    }

    #[test]
    fn what_is_wrong_is_told_in_the_words_of_json() {
        let detail = |text: &str| {
            parse::<Outer>(text.as_bytes()).unwrap_err().faults[0]
                .detail
                .clone()
        };
        assert_eq!(detail(r#"{"name":1,"inner":[]}"#), "must be text");
        assert_eq!(detail(r#"{"name":"a","inner":7}"#), "must be a list");
        assert_eq!(detail(r#"{"name":"a","inner":[7]}"#), "must be an object");
        assert_eq!(
            detail(r#"{"name":"a","inner":[{"id":300}]}"#),
            "must be a whole number that is not negative and not too large"
        );
        assert_eq!(
            parse::<Outer>(br#"7"#).unwrap_err().detail,
            "The body must be an object"
        );
    }

    #[test]
    fn text_that_is_no_text_is_no_json() {
        for bad in [
            &b"{\"name\":\"\xff\",\"inner\":[]}"[..],
            br#"{"name":"\ud800","inner":[]}"#,
            br#"{"name":"a","inner":1e400}"#,
        ] {
            assert_eq!(
                parse::<Outer>(bad).unwrap_err().code,
                Code::MalformedJson,
                "{}",
                String::from_utf8_lossy(bad)
            );
        }
    }

    #[test]
    fn a_route_without_a_body_refuses_one() {
        let answer = |body: &[u8]| empty_body(&request(body)).map_err(|problem| problem.code);
        assert_eq!((answer(b""), answer(b" {} ")), (Ok(()), Ok(())));
        assert_eq!(
            (answer(br#"{"x":1}"#), answer(b"{{{")),
            (Err(Code::ValidationFailed), Err(Code::MalformedJson))
        );
    }

    #[test]
    fn a_list_of_values_is_no_object() {
        assert_eq!(
            body::<Outer>(&request(br#"["a", []]"#)).unwrap_err().faults[0].code,
            "wrong_type"
        );
    }

    fn request(body: &[u8]) -> Request {
        let headers = vec![("content-type".into(), "application/json".into())];
        Request {
            headers,
            body: body.to_vec(),
            ..crate::http::request("POST", "/")
        }
    }

    #[test]
    fn a_member_that_comes_twice_is_refused() {
        type Map = std::collections::BTreeMap<String, u8>;
        assert_eq!(
            place_of(r#"{"name":"a","name":"b","inner":[]}"#),
            ("validation_failed".into(), "/name".into())
        );
        let problem = parse::<Map>(br#"{"a~":1,"a~":2}"#).unwrap_err();
        assert_eq!(
            (problem.faults[0].pointer.as_str(), problem.faults[0].code),
            ("/a~0", "duplicate")
        );
    }

    #[test]
    fn null_is_the_absence_of_an_optional_member() {
        #[derive(Deserialize, Debug)]
        #[serde(deny_unknown_fields)]
        struct Patch {
            name: Option<String>,
        }
        assert_eq!(parse::<Patch>(br#"{"name":null}"#).unwrap().name, None);
        assert_eq!(
            place_of(r#"{"name":null,"inner":[]}"#),
            ("validation_failed".into(), "/name".into())
        );
    }

    #[test]
    fn null_is_no_map() {
        type Map = serde_json::Map<String, serde_json::Value>;
        let problem = parse::<Map>(b"null").unwrap_err();
        assert_eq!(
            (problem.code, problem.faults[0].code),
            (Code::ValidationFailed, "wrong_type")
        );
    }

    #[test]
    fn codes_come_from_the_kind_of_fault() {
        #[derive(Deserialize, Debug)]
        #[serde(rename_all = "snake_case")]
        #[allow(dead_code)]
        enum Role {
            Owner,
            Editor,
        }
        #[derive(Deserialize, Debug)]
        #[serde(deny_unknown_fields)]
        #[allow(dead_code)]
        struct Member {
            role: Role,
            id: crate::ids::UserId,
        }
        let fault = |text: &str| {
            let fault = parse::<Member>(text.as_bytes())
                .unwrap_err()
                .faults
                .remove(0);
            (fault.pointer, fault.code, fault.detail)
        };
        let (pointer, code, detail) = fault(r#"{"role":"king","id":""}"#);
        assert_eq!((pointer.as_str(), code), ("/role", "invalid"));
        assert_eq!(detail, "must be one of owner, editor");
        let (pointer, code, detail) = fault(r#"{"role":"owner","id":"unknown field `x`"}"#);
        assert_eq!((pointer.as_str(), code), ("/id", "invalid"));
        assert!(detail.starts_with("must be an id"), "{detail}");
        assert_eq!(fault(r#"{"role":"owner"}"#).1, "required");
        assert_eq!(fault(r#"{"role":"owner","x":1}"#).1, "unknown_field");
        assert_eq!(fault(r#"{"role":"owner","id":7}"#).1, "wrong_type");
    }

    #[test]
    fn a_nul_character_is_refused_and_an_escaped_backslash_is_not() {
        assert!(parse::<String>(br#""a\u0000b""#).is_err());
        assert!(parse::<String>(br#""a\\u0000b""#).is_ok());
    }
}

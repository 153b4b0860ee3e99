//! JSON bodies, parsed once at the edge into types. Faults name the place by JSON pointer.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_path_to_error::{Path, Segment};

use crate::problem::{Code, Fault, Problem};
pub use crate::well_formed::is_json;
use crate::{Request, Response};

/// The body as a `T`. Give request types `#[serde(deny_unknown_fields)]`.
///
/// # Errors
/// 415 where the body is said to be something else than JSON, 400 where it is none, 422 with the
/// pointer where it has another shape, unknown members included.
pub fn body<T: DeserializeOwned>(request: &Request) -> Result<T, Problem> {
    let kind = crate::http::header(request, "content-type").unwrap_or("");
    let essence = kind
        .split(';')
        .next()
        .unwrap_or("")
        .trim()
        .to_ascii_lowercase();
    let said_to_be_json = essence == "application/json"
        || (essence.starts_with("application/") && essence.ends_with("+json"));
    if !said_to_be_json {
        return Err(Problem::new(
            Code::UnsupportedMediaType,
            "Send the body with Content-Type: application/json.",
        ));
    }
    // A derived struct would take a list of its members' values as well.
    let begins_an_object =
        request.body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    if !begins_an_object && is_json(&request.body) {
        return Err(Problem::invalid("", "wrong_type", "must be a JSON object"));
    }
    parse(&request.body)
}

/// For a route that takes no body: none, or an object without members.
///
/// # Errors
/// As [`body`].
pub fn nothing(request: &Request) -> Result<(), Problem> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Nothing {}
    if request.body.is_empty() {
        Ok(())
    } else {
        body::<Nothing>(request).map(|Nothing {}| ())
    }
}

/// The same for bytes from elsewhere.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    read(bytes).or_else(|problem| match crate::whole::written_plainly(bytes) {
        Some(plain) => read(&plain),
        None => Err(problem),
    })
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = pointer(error.path());
        // Where all of it reads as JSON, it is the place that is wrong: an enum calls a number bad
        // syntax, for example.
        if !error.inner().is_data() && is_json(bytes) {
            return Problem::invalid(path, "wrong_type", "must have a value of another kind");
        }
        fault(path, error.inner())
    })?;
    deserializer
        .end()
        .map_err(|error| fault(String::new(), &error))?;
    if contains_nul(bytes) {
        // PostgreSQL cannot store it; no field of ours has a use for it.
        return Err(Problem::invalid(
            "",
            "invalid_character",
            "must not contain the character U+0000",
        ));
    }
    Ok(value)
}

fn fault(path: String, error: &serde_json::Error) -> Problem {
    if !error.is_data() {
        return Problem::new(
            Code::MalformedJson,
            format!("The body is not JSON: {error}."),
        );
    }
    let text = error.to_string();
    let message = text
        .rsplit_once(" at line ")
        .map_or(text.as_str(), |(message, _)| message);
    let member = message.split('`').nth(1).unwrap_or_default();
    let within = |name: &str| {
        let escaped = name.replace('~', "~0").replace('/', "~1");
        // The path may or may not end with the member already.
        if path.ends_with(&format!("/{escaped}")) {
            path.clone()
        } else {
            format!("{path}/{escaped}")
        }
    };
    let fault = if message.starts_with("unknown field") {
        Fault::new(
            within(member),
            "unknown_field",
            "is not a member of this request",
        )
    } else if message.starts_with("missing field") {
        Fault::new(within(member), "required", "is missing")
    } else if message.starts_with("duplicate field") {
        Fault::new(within(member), "duplicate", "comes twice")
    } else if message.starts_with("invalid type") {
        Fault::new(path, "wrong_type", expected(message))
    } else {
        Fault::new(path, "invalid", expected(message))
    };
    Problem::faults(Code::ValidationFailed, vec![fault])
}

/// What serde says it expected, in the words of JSON: its own are those of Rust.
fn expected(message: &str) -> String {
    let Some((_, wanted)) = message.split_once(", expected ") else {
        return message.to_string();
    };
    let words: &str = match wanted {
        "a string" | "a borrowed string" => "text",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "a map" | "an object" => "an object",
        "f32" | "f64" => "a number",
        "u8" | "u16" | "u32" | "u64" | "usize" => {
            "a whole number that is not negative and not too large"
        }
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number that is not too large",
        _ if wanted.starts_with("struct ") => "an object",
        _ if wanted.starts_with("one of ") || wanted.starts_with('`') => {
            return format!("must be {}", wanted.replace('`', ""));
        }
        _ => return message.to_string(),
    };
    format!("must be {words}")
}

fn pointer(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path.iter() {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => {
                pointer.push_str(&format!("/{}", key.replace('~', "~0").replace('/', "~1")))
            }
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

fn contains_nul(bytes: &[u8]) -> bool {
    // An escape is `\u0000` whose backslash is not itself escaped. A raw NUL is no JSON and never
    // gets here.
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'\\' {
            if bytes[at..].starts_with(b"\\u0000") {
                return true;
            }
            at += 1;
        }
        at += 1;
    }
    false
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
    fn where_no_body_is_taken_none_is_ignored() {
        let answer = |body: &[u8]| nothing(&request(body)).map_err(|problem| problem.code);
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
    fn a_nul_character_is_refused_and_an_escaped_backslash_is_not() {
        assert!(parse::<String>(br#""a\u0000b""#).is_err());
        assert!(parse::<String>(br#""a\\u0000b""#).is_ok());
    }
}

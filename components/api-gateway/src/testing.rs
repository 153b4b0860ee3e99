//! A world for tests: services that record requests and give the test's answers, a clock set by the
//! test, and a real Redis for the scripts, or none.

use std::cell::{Cell, RefCell};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::EncodePrivateKey;
use eventhub_edge::address::Network;
use eventhub_guest::redis::{Error, Item, Reply};
use eventhub_guest::{Request, Response, Timestamp};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

use crate::config::Config;
use crate::cors::Origins;
use crate::ports::Ports;
use crate::table::Service;

static REDIS: LazyLock<eventhub_testing::Redis> =
    LazyLock::new(|| eventhub_testing::Redis::start().unwrap());

pub struct World {
    pub now: Cell<Timestamp>,
    /// The requests to services in order, without those for the key set.
    pub asked: RefCell<Vec<(Service, Request)>>,
    pub answer: RefCell<Response>,
    pub key_set: RefCell<Response>,
    pub key_set_asked: Cell<usize>,
    pub scripts_run: Cell<usize>,
    /// The answer of Redis, in place of running a script.
    pub redis_error: RefCell<Option<Error>>,
}

impl World {
    pub fn new() -> Self {
        Self {
            now: Cell::new(Timestamp::from_micros(1_800_000_000_000_000)),
            asked: RefCell::default(),
            answer: RefCell::new(json_answer(200, json!({}))),
            key_set: RefCell::new(key_set(&[("k1", 1)])),
            key_set_asked: Cell::new(0),
            scripts_run: Cell::new(0),
            redis_error: RefCell::default(),
        }
    }

    pub fn without_redis() -> Self {
        Self {
            redis_error: RefCell::new(Some(Error::Unavailable("there is none".into()))),
            ..Self::new()
        }
    }
}

impl Ports for &World {
    fn call(&self, service: Service, request: &Request) -> Response {
        if request.path == "/.well-known/jwks.json" {
            self.key_set_asked.set(self.key_set_asked.get() + 1);
            return self.key_set.borrow().clone();
        }
        self.asked.borrow_mut().push((service, request.clone()));
        self.answer.borrow().clone()
    }

    fn script(&self, source: &str, keys: &[Vec<u8>], args: &[Vec<u8>]) -> Result<Reply, Error> {
        self.scripts_run.set(self.scripts_run.get() + 1);
        self.redis_error
            .borrow()
            .clone()
            .map_or_else(|| eval(source, keys, args), Err)
    }

    fn now(&self) -> Timestamp {
        self.now.get()
    }
}

/// A configuration with high limits and without trusted proxies.
pub fn config() -> Config {
    Config {
        issuer: "https://issuer.test".into(),
        audience: "tests".into(),
        origins: Origins::All,
        trusted_proxies: Vec::<Network>::new(),
        peer_header: None,
        max_body: 1_000,
        max_layout_body: 5_000,
        max_headers: 2_000,
        user_policy: None,
        address_policy: None,
        auth_policy: None,
    }
}

pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Request {
    Request {
        headers: headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect(),
        body: body.into(),
        principal: Some(eventhub_guest::Principal {
            user_id: "forged".into(),
            roles: vec!["admin".into()],
        }),
        client_address: "203.0.113.1".into(),
        ..eventhub_guest::http::request(method, path)
    }
}

pub fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response
        .headers
        .iter()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.as_str())
}

pub fn json_answer(status: u16, body: Value) -> Response {
    Response {
        status,
        headers: vec![("content-type".into(), "application/json".into())],
        body: body.to_string().into_bytes(),
    }
}

pub fn code(response: &Response) -> String {
    let body: Value = serde_json::from_slice(&response.body).unwrap();
    body["code"].as_str().unwrap().to_string()
}

fn signing_key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

/// A key set with these ids and seeds.
pub fn key_set(keys: &[(&str, u8)]) -> Response {
    let keys = keys
        .iter()
        .map(|(kid, seed)| json!({"kid": kid, "kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(signing_key(*seed).verifying_key().as_bytes())}));
    json_answer(200, json!({"keys": keys.collect::<Vec<_>>()}))
}

pub const USER: &str = "usr_01jdg3v0000000000000000000";

/// The claims of a good token, which expires 900 s after the world's beginning.
pub fn claims() -> Value {
    json!({"iss": "https://issuer.test", "aud": "tests", "sub": USER, "exp": 1_800_000_900, "roles": ["user"], "jti": "1"})
}

/// A token with this key id, signed with the key of this seed.
pub fn token(kid: Option<&str>, seed: u8, claims: &Value) -> String {
    let key = EncodingKey::from_ed_der(signing_key(seed).to_pkcs8_der().unwrap().as_bytes());
    let header = Header {
        kid: kid.map(String::from),
        ..Header::new(Algorithm::EdDSA)
    };
    jsonwebtoken::encode(&header, claims, &key).unwrap()
}

/// A user for one test, so that tests do not share limits and keys.
pub fn new_user_token() -> (String, String) {
    let user = eventhub_guest::ids::UserId::new().to_string();
    let mut claims = claims();
    claims["sub"] = json!(user);
    (user, format!("Bearer {}", token(Some("k1"), 1, &claims)))
}

/// EVAL on the real server, in its protocol.
pub fn eval(source: &str, keys: &[Vec<u8>], args: &[Vec<u8>]) -> Result<Reply, Error> {
    let stream = TcpStream::connect(("127.0.0.1", REDIS.port())).unwrap();
    let count = keys.len().to_string();
    let words = [b"EVAL".as_slice(), source.as_bytes(), count.as_bytes()]
        .into_iter()
        .chain(keys.iter().map(Vec::as_slice))
        .chain(args.iter().map(Vec::as_slice));
    let words: Vec<&[u8]> = words.collect();
    let mut command = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        command.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        command.extend_from_slice(word);
        command.extend_from_slice(b"\r\n");
    }
    (&stream).write_all(&command).unwrap();
    let mut reader = BufReader::new(stream);
    let line = line(&mut reader);
    match line.split_at(1) {
        (":", number) => Ok(Reply::Int(number.parse().unwrap())),
        ("*", count) => Ok(Reply::Array(
            (0..count.parse::<usize>().unwrap())
                .map(|_| item(&mut reader))
                .collect(),
        )),
        ("-", error) => Err(Error::Refused(error.into())),
        other => panic!("{other:?}"),
    }
}

fn line(reader: &mut impl BufRead) -> String {
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    line.trim_end().to_string()
}

fn item(reader: &mut impl BufRead) -> Item {
    let line = line(reader);
    match line.split_at(1) {
        (":", number) => Item::Int(number.parse().unwrap()),
        ("$", "-1") => Item::Nil,
        ("$", length) => {
            let mut bytes = vec![0; length.parse::<usize>().unwrap() + 2];
            reader.read_exact(&mut bytes).unwrap();
            bytes.truncate(bytes.len() - 2);
            Item::Bulk(bytes)
        }
        other => panic!("{other:?}"),
    }
}

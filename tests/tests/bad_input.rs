//! What clients get wrong, on every route that the OpenAPI document has: whatever is sent, the
//! answer is a problem document that names the field at fault, never a 500.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use eventhub_tests::api::{Told, patiently};
use eventhub_tests::fixtures::{id, layout, sale};
use eventhub_tests::openapi::{Document, Member, Operation, id_prefix, put, types, with_ids};
use eventhub_tests::{Api, Eventhub, SLOW_BODY, SOCKETS, State};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

/// What there is to talk about: an organizer with a published event and a draft, and a buyer's
/// hold.
struct World {
    api: Api,
    document: Document,
    /// Status and code of every problem that `docs/errors.md` knows.
    codes: BTreeSet<(u16, String)>,
    ids: BTreeMap<&'static str, String>,
    draft: Value,
}

impl World {
    async fn new(state: &State) -> Result<Self> {
        let sale = sale(&state.http, layout(2, 10, 20)).await?;
        let api = sale.organizer.clone();
        let friend = Api::sign_up(&state.http, "Grace Friend").await?;
        let email = friend.get("users/me").await?.expect(200)["email"].clone();
        api.post(
            &format!("organizers/{}/members", sale.organizer_id),
            json!({"email": email, "role": "viewer"}),
        )
        .await?
        .expect(201);
        let hold = id(&api.hold(&sale.session_id, &["A-1-1"]).await?.expect(201));
        let booked = id(&api.hold(&sale.session_id, &["A-1-2"]).await?.expect(201));
        let booking = id(&api.book(&booked).await?.expect(202));
        let booking = api.booking_in(&booking, &["awaiting_payment"]).await?;
        assert_eq!(state.stripe.pay(&booking, "pm_card_visa").await?.0, 200);
        let booking = api.booking_in(&id(&booking), &["confirmed"]).await?;
        let tickets = api
            .get(&format!("bookings/{}/tickets", id(&booking)))
            .await?
            .expect(200);
        let draft = json!({
            "organizer_id": sale.organizer_id, "venue_id": sale.venue_id, "layout_id": sale.layout_id, "title": "A draft", "currency": "EUR",
            "categories": [{"id": "stalls", "name": "Stalls", "price": 4500}, {"id": "standing", "name": "Standing", "price": 2000}],
            "sessions": [{"starts_at": "2031-05-01T18:00:00Z", "ends_at": "2031-05-01T21:00:00Z"}],
        });
        let ids = [
            ("usr", friend.user_id.context("no user")?),
            ("org", sale.organizer_id),
            ("ven", sale.venue_id),
            ("lay", sale.layout_id),
            ("evt", sale.event_id),
            ("ses", sale.session_id),
            ("hld", hold),
            ("bkg", id(&booking)),
            ("tkt", id(&tickets["items"][0])),
        ];
        let codes = include_str!("../../docs/errors.md")
            .lines()
            .filter_map(|line| {
                let mut cells = line.split('|').map(|cell| cell.trim().trim_matches('`'));
                let (status, code) = (cells.nth(1)?.parse().ok()?, cells.next()?);
                Some((status, code.to_string()))
            });
        Ok(Self {
            api,
            document: Document::fetch(&state.http).await?,
            codes: codes.collect(),
            ids: BTreeMap::from(ids),
            draft,
        })
    }

    /// The path with ids of ours; a draft of its own for what changes events.
    async fn path(&self, operation: &Operation) -> Result<String> {
        let mut path = operation.path.clone();
        for parameter in operation
            .parameters
            .iter()
            .filter(|parameter| parameter.place == "path")
        {
            let sample = self.document.sample(&parameter.schema);
            let mut value = with_ids(&sample, &self.ids)
                .as_str()
                .unwrap_or_default()
                .to_string();
            if value.starts_with("evt_") && operation.method != Method::GET {
                value = id(&patiently(|| self.api.post("events", self.draft.clone()))
                    .await?
                    .expect(201));
            }
            path = path.replace(&format!("{{{}}}", parameter.name), &value);
        }
        Ok(path)
    }

    /// A request with all that it needs but a body.
    fn request(&self, operation: &Operation, path: &str) -> RequestBuilder {
        let mut request = self
            .api
            .client
            .request(operation.method.clone(), format!("{}{path}", self.api.base));
        if operation.needs_token {
            request = request.bearer_auth(self.api.token.as_deref().unwrap_or_default());
        }
        for parameter in operation
            .parameters
            .iter()
            .filter(|parameter| parameter.required)
        {
            match (parameter.place.as_str(), parameter.name.as_str()) {
                ("header", "If-Match") => request = request.header("if-match", "*"),
                ("header", "Idempotency-Key") => {
                    request = request.header(
                        "idempotency-key",
                        format!("{:032x}", rand::random::<u128>()),
                    )
                }
                ("query", name) => {
                    request = request.query(&[(
                        name,
                        with_ids(&self.document.sample(&parameter.schema), &self.ids)
                            .as_str()
                            .unwrap_or_default(),
                    )])
                }
                _ => {}
            }
        }
        request
    }

    /// Sends it, again where it is refused for the moment.
    async fn send(&self, what: &str, request: RequestBuilder) -> Result<Reply> {
        patiently(|| async {
            self.ask(what, request.try_clone().context("its body is a stream")?)
                .await
        })
        .await
    }

    /// Sends it and looks whether the answer is one that a client can do something with.
    async fn ask(&self, what: &str, request: RequestBuilder) -> Result<Reply> {
        let response = request
            .send()
            .await
            .with_context(|| format!("{what}: no answer"))?;
        let status = response.status().as_u16();
        let header = |name: &str| {
            response
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
                .to_string()
        };
        let (kind, request_id, allow) = (
            header("content-type"),
            header("x-request-id"),
            header("allow"),
        );
        let text = response.text().await?;
        let body: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        let mut faults = vec![];
        if status >= 400 {
            let code = body["code"].as_str().unwrap_or_default().to_string();
            let mut must =
                |holds: bool, why: &str| faults.extend((!holds).then(|| why.to_string()));
            must(
                kind == "application/problem+json",
                "it is no problem document",
            );
            must(
                self.codes.contains(&(status, code)),
                "docs/errors.md does not have its code",
            );
            must(
                status < 500,
                "bad input is no fault of ours, nor a reason to come again",
            );
            must(
                body["request_id"] == request_id.as_str() && !request_id.is_empty(),
                "it does not carry its request id",
            );
            must(
                body["status"] == status && body["title"].is_string() && body["detail"].is_string(),
                "members are missing",
            );
            let errors = body["errors"].as_array().cloned().unwrap_or_default();
            let names = matches!(
                body["code"].as_str(),
                Some("validation_failed" | "layout_invalid")
            );
            must(!names || !errors.is_empty(), "it names no field");
            must(
                errors.iter().all(|error| {
                    error["pointer"].is_string()
                        && error["code"].is_string()
                        && error["detail"].is_string()
                }),
                "an error without place",
            );
        }
        let pointers = body["errors"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|error| error["pointer"].as_str().map(str::to_string))
            .collect();
        let faults = faults
            .into_iter()
            .map(|fault| format!("{what}: {status}, {fault}: {text}"))
            .collect();
        Ok(Reply {
            status,
            code: body["code"].as_str().unwrap_or_default().into(),
            pointers,
            allow,
            text,
            faults,
        })
    }
}

struct Reply {
    status: u16,
    code: String,
    pointers: Vec<String>,
    allow: String,
    text: String,
    faults: Vec<String>,
}

impl Told for Reply {
    fn told(&self) -> (u16, &str) {
        (self.status, &self.code)
    }
}

impl Reply {
    /// What is wrong with it, where it is not that.
    fn unless(mut self, holds: impl Fn(&Reply) -> bool, what: &str) -> Vec<String> {
        if !holds(&self) {
            self.faults.push(format!(
                "{what}: {} {}",
                self.status,
                self.text.chars().take(300).collect::<String>()
            ));
        }
        self.faults
    }

    fn points_at(&self, pointer: &str) -> bool {
        self.status == 422
            && self.pointers.iter().any(|at| {
                at == pointer || (!pointer.is_empty() && at.starts_with(&format!("{pointer}/")))
            })
    }
}

/// All operations; what must not be is gathered, so that one run tells everything.
async fn on_every_operation<F: Future<Output = Result<Vec<String>>>>(
    try_it: impl Fn(&'static World, Operation) -> F,
) -> Result<()> {
    let state = Eventhub::shared();
    let world: &'static World = Box::leak(Box::new(World::new(state).await?));
    let (mut faults, mut count) = (vec![], 0);
    for operation in world.document.operations()? {
        count += 1;
        faults.extend(try_it(world, operation).await?);
    }
    assert!(count >= 30, "only {count} operations");
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n")
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_with_bad_json_or_a_wrong_content_type_are_refused() -> Result<()> {
    on_every_operation(|world, operation| async move {
        let mut faults = vec![];
        let path = world.path(&operation).await?;
        let signed = operation.id == "receiveWebhook";
        let nested = "[".repeat(100_000);
        let broken: [(&str, &[u8]); 7] = [
            ("cut off", b"{\"name\": \"x\""),
            ("no JSON", b"name=x&email=y"),
            ("nothing", b""),
            ("not UTF-8", b"{\"name\": \"\xff\xfe\"}"),
            ("half a surrogate pair", br#"{"name": "\ud800"}"#),
            ("nested too deeply", nested.as_bytes()),
            ("two documents", b"{} {}"),
        ];
        for (what, body) in broken {
            let what = format!("{} with a body that is {what}", operation.id);
            let request = world
                .request(&operation, &path)
                .header("content-type", "application/json")
                .body(body.to_vec());
            let reply = world.send(&what, request).await?;
            let refused = |reply: &Reply| match reply.code.as_str() {
                "malformed_json" => true,
                // JSON before the fault may have been enough to refuse it.
                "validation_failed" | "layout_invalid" => true,
                code => signed && code == "bad_signature",
            };
            faults.extend(if operation.body.is_some() {
                reply.unless(refused, &what)
            } else {
                reply.faults
            });
        }
        let Some((_, bodies)) = operation.body.clone().filter(|_| !signed) else {
            return Ok(faults);
        };
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/xml",
            "nonsense",
        ] {
            let what = format!("{} said to be {kind}", operation.id);
            let request = world
                .request(&operation, &path)
                .header("content-type", kind)
                .body(with_ids(&bodies[0], &world.ids).to_string());
            faults.extend(
                world
                    .send(&what, request)
                    .await?
                    .unless(|reply| reply.code == "unsupported_media_type", &what),
            );
        }
        for list in ["null", "[]", "[1, 2]", "\"text\"", "7", "true"] {
            let what = format!("{} with {list} for a body", operation.id);
            let request = world
                .request(&operation, &path)
                .header("content-type", "application/json")
                .body(list);
            faults.extend(
                world
                    .send(&what, request)
                    .await?
                    .unless(|reply| reply.status == 422, &what),
            );
        }
        Ok(faults)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_announced_too_large_is_a_problem_before_it_is_read() -> Result<()> {
    for length in [22_000_000_u64, 99_999_999_999] {
        let headers = format!(
            "origin: https://shop.example\r\ncontent-length: {length}\r\nexpect: 100-continue\r\n"
        );
        let answer = raw(
            &format!("POST /api/v1/auth/login HTTP/1.1\r\n{headers}"),
            Duration::from_secs(4),
        )
        .await?;
        assert!(answer.starts_with("http/1.1 413 "), "{answer}");
        for part in [
            "x-request-id: mine-1\r\n",
            "access-control-allow-origin: *\r\n",
            "\"code\":\"body_too_large\"",
            "\"request_id\":\"mine-1\"",
        ] {
            assert!(answer.contains(part), "{part} is not in {answer}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_come_is_given_up() -> Result<()> {
    let answer = raw(
        "POST /api/v1/auth/login HTTP/1.1\r\ncontent-length: 100\r\n",
        Duration::from_secs(SLOW_BODY + 5),
    )
    .await?;
    assert!(answer.starts_with("http/1.1 408 "), "{answer}");
    for part in [
        "x-request-id: mine-1\r\n",
        "\"code\":\"request_timeout\"",
        "\"request_id\":\"mine-1\"",
    ] {
        assert!(answer.contains(part), "{part} is not in {answer}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_handshake_carries_the_request_id() -> Result<()> {
    let upgrade = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 12\r\n";
    let answer = raw(
        &format!("GET /api/v1/sessions/ses_1/live HTTP/1.1\r\n{upgrade}"),
        Duration::from_secs(4),
    )
    .await?;
    assert!(
        answer.starts_with("http/1.1 426 ") && answer.contains("x-request-id: mine-1\r\n"),
        "{answer}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_at_its_socket_limit_is_refused_until_one_closes() -> Result<()> {
    let state = Eventhub::shared();
    let path = format!("/api/v1/sessions/{}/live", state.demo.session_id);
    let open = async |client: &str| {
        let mut request =
            format!("{}{path}", state.http.replace("http://", "ws://")).into_client_request()?;
        request
            .headers_mut()
            .insert("x-forwarded-for", client.parse()?);
        anyhow::Ok(connect_async(request).await?.0)
    };
    let mut sockets = vec![];
    for _ in 0..SOCKETS {
        sockets.push(open("203.0.113.9").await?);
    }
    let upgrade = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let answer = raw(
        &format!("GET {path} HTTP/1.1\r\nx-forwarded-for: 203.0.113.9\r\n{upgrade}"),
        Duration::from_secs(4),
    )
    .await?;
    assert!(answer.starts_with("http/1.1 429 "), "{answer}");
    for part in [
        "x-request-id: mine-1\r\n",
        "retry-after: 1\r\n",
        "application/problem+json",
        "\"code\":\"rate_limited\"",
        "\"request_id\":\"mine-1\"",
    ] {
        assert!(answer.contains(part), "{part} is not in {answer}");
    }
    open("203.0.113.10")
        .await
        .context("another address has its own")?;
    drop(sockets.pop());
    let closed = Instant::now();
    while open("203.0.113.9").await.is_err() {
        ensure!(
            closed.elapsed() < Duration::from_secs(10),
            "the place of a closed socket is not free"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attendee_of_another_seat_costs_the_buyer_nothing() -> Result<()> {
    let sale = sale(&Eventhub::shared().http, layout(2, 10, 20)).await?;
    let buyer = Api::sign_up(&Eventhub::shared().http, "Ada Buyer").await?;
    let hold = id(&buyer
        .hold(&sale.session_id, &["A-1-1", "A-1-2"])
        .await?
        .expect(201));
    let wish = |seat: &str| json!({"hold_id": hold, "payment": {"provider": "stripe"}, "attendees": [{"seat": "A-1-1", "name": "Ada"}, {"seat": seat, "name": "Bob"}]});
    let book = async |seat: &str, key: &str| {
        buyer
            .send(
                Method::POST,
                "bookings",
                &[("idempotency-key", key)],
                Some(&wish(seat)),
            )
            .await
    };
    let problem = book("A-1-3", "first")
        .await?
        .expect_problem(422, "validation_failed");
    assert_eq!(
        problem["errors"],
        json!([{"pointer": "/attendees/1/seat", "code": "not_in_hold", "detail": "is not a seat of the hold"}])
    );
    assert_eq!(
        buyer.get(&format!("holds/{hold}")).await?.expect(200)["status"],
        "active"
    );
    book("A-1-2", "second").await?.expect(202);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_of_a_time_that_no_database_knows_is_refused() -> Result<()> {
    let buyer = Api::sign_up(&Eventhub::shared().http, "Ada Buyer").await?;
    let booking = "bkg_00000000000000000000000000";
    for time in [
        json!(i64::MIN),
        json!(-300_000_000_000_000_000_i64),
        json!("-290000-01-01T00:00:00Z"),
        json!("9999-12-31T23:59:59Z"),
    ] {
        let cursor = URL_SAFE_NO_PAD.encode(json!([time, booking]).to_string());
        let problem = buyer
            .get(&format!("bookings?cursor={cursor}"))
            .await?
            .expect_problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["pointer"], "/query/cursor");
    }
    Ok(())
}

/// What comes first in answer to a head whose body never follows; in lower case.
async fn raw(head: &str, within: Duration) -> Result<String> {
    let authority = Eventhub::shared()
        .http
        .trim_start_matches("http://")
        .to_string();
    let mut socket = tokio::net::TcpStream::connect(&authority).await?;
    let common = "content-type: application/json\r\nx-request-id: mine-1\r\n";
    socket
        .write_all(format!("{head}host: {authority}\r\n{common}\r\n").as_bytes())
        .await?;
    let mut answer = vec![0; 4_096];
    let count = tokio::time::timeout(within, socket.read(&mut answer))
        .await
        .context("it is waited for")??;
    Ok(String::from_utf8_lossy(&answer[..count]).to_lowercase())
}

/// Values that can never be right at this place, with what is wrong with them; as text, for JSON
/// has numbers that we do not.
fn wrong_values(document: &Document, member: &Member) -> Vec<(String, String)> {
    let schema = document.resolve(&member.schema);
    let types = types(schema);
    let is = |kind: &str| types.iter().any(|known| known == kind);
    let mut wrong = vec![];
    let mut add = |what: &str, text: String| wrong.push((what.to_string(), text));
    if types.is_empty() {
        return wrong;
    }
    for (kind, text) in [
        ("string", "\"text\""),
        ("integer", "7"),
        ("boolean", "true"),
        ("array", "[]"),
        ("object", "{}"),
    ] {
        let fits = is(kind) || (kind == "integer" && is("number"));
        if !fits {
            add(
                &format!("{kind} instead of {}", types.join(" or ")),
                text.into(),
            );
        }
    }
    // Null is the absence of a member.
    if member.required && !member.selects_alternative && !is("null") {
        add("null", "null".into());
    }
    if is("integer") {
        for (what, text) in [
            ("a fraction", "1.5"),
            ("more than 64 bits", "99999999999999999999"),
            ("huge", "1e300"),
            ("the largest integer", "9223372036854775807"),
        ] {
            // A number without a maximum may be as large as it fits.
            if schema["maximum"].is_number() || what != "the largest integer" {
                add(what, text.into());
            }
        }
        if schema["minimum"].as_i64().is_some_and(|least| least >= 0) {
            add("negative", "-1".into());
            add("the least integer", "-9223372036854775808".into());
        }
    }
    if is("string") {
        let longest = schema["maxLength"].as_u64();
        if let Some(longest) = longest {
            add(
                "too long",
                json!("x".repeat(longest as usize + 1)).to_string(),
            );
        }
        if schema["minLength"].as_u64().is_some_and(|least| least > 0) {
            add("empty", "\"\"".into());
        }
        if schema["enum"].is_array() || schema["format"] == "date-time" {
            add("none of those", "\"nonsense\"".into());
        }
        if id_prefix(schema).is_some() {
            for (what, text) in [
                ("no id", "x"),
                ("another kind of id", "xyz_01jdg3v0000000000000000000"),
                ("an id with a quote", "evt_'; DROP TABLE events; --"),
            ] {
                add(what, json!(text).to_string());
            }
        }
        add("with U+0000", "\"a\\u0000b\"".into());
    }
    if is("array") {
        if schema["minItems"].as_u64().is_some_and(|least| least > 0) {
            add("an empty list", "[]".into());
        }
        if let Some(most) = schema["maxItems"].as_u64().filter(|most| *most <= 200) {
            let item = document.sample(&schema["items"]);
            add(
                "too many",
                Value::Array(vec![item; most as usize + 1]).to_string(),
            );
        }
    }
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_value_anywhere_in_a_body_is_named_by_its_pointer() -> Result<()> {
    on_every_operation(|world, operation| async move {
        let mut faults = vec![];
        let Some((schema, bodies)) = operation
            .body
            .clone()
            .filter(|_| operation.id != "receiveWebhook")
        else {
            return Ok(faults);
        };
        for body in &bodies {
            let body = with_ids(body, &world.ids);
            let path = world.path(&operation).await?;
            for member in world.document.members(&schema, &body) {
                let pointer = member.pointer.as_str();
                // The body itself has a test of its own.
                for (what, value) in wrong_values(&world.document, &member)
                    .into_iter()
                    .filter(|_| !pointer.is_empty())
                {
                    let what = format!("{} with {what} at {pointer}", operation.id);
                    let marked = put(&body, pointer, json!("THE PLACE")).to_string();
                    let request = world
                        .request(&operation, &path)
                        .header("content-type", "application/json")
                        .body(marked.replace("\"THE PLACE\"", &value));
                    let named = |reply: &Reply| match reply.code.as_str() {
                        // A malformed id is like an unknown one.
                        "not_found" => id_prefix(&member.schema).is_some(),
                        _ => {
                            reply.points_at(pointer)
                                || (what.contains("U+0000") && reply.points_at(""))
                        }
                    };
                    faults.extend(world.send(&what, request).await?.unless(named, &what));
                }
                let types = types(&member.schema);
                if types.iter().any(|kind| kind == "object")
                    && member.schema["additionalProperties"] == false
                    && body.pointer(pointer).is_some()
                {
                    let surplus = format!("{pointer}/surplus");
                    let what = format!("{} with an unknown member {surplus}", operation.id);
                    let request =
                        world
                            .request(&operation, &path)
                            .json(&put(&body, &surplus, json!(1)));
                    faults.extend(
                        world
                            .send(&what, request)
                            .await?
                            .unless(|reply| reply.points_at(&surplus), &what),
                    );
                }
                let removed = pointer
                    .rsplit_once('/')
                    .filter(|(_, name)| member.required && name.parse::<usize>().is_err());
                if let Some((parent, name)) = removed {
                    let mut without = body.clone();
                    without
                        .pointer_mut(parent)
                        .and_then(Value::as_object_mut)
                        .map(|members| members.remove(name));
                    let one_of_several = schema["oneOf"].is_array()
                        || world.document.resolve(&schema)["oneOf"].is_array();
                    let what = format!("{} without {pointer}", operation.id);
                    let request = world.request(&operation, &path).json(&without);
                    faults.extend(world.send(&what, request).await?.unless(
                        |reply| reply.points_at(pointer) || (one_of_several && reply.points_at("")),
                        &what,
                    ));
                }
            }
        }
        Ok(faults)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_of_every_script_and_size_never_cause_a_server_error() -> Result<()> {
    on_every_operation(|world, operation| async move {
        let mut faults = vec![];
        let Some((schema, bodies)) = operation
            .body
            .clone()
            .filter(|_| operation.id != "receiveWebhook")
        else {
            return Ok(faults);
        };
        let long = "ä".repeat(300_000);
        let texts = [
            "👩‍👩‍👧‍👦 🎟️",
            "مرحبا \u{202e}abc",
            "Zo\u{308}e",
            "\u{feff}x",
            "a\u{7f}b\u{1b}[2J",
            "=cmd|' /C calc'!A0",
            "<script>alert(1)</script>",
            "'; DROP TABLE bookings; --",
            "${jndi:ldap://x}",
            &long,
        ];
        for body in &bodies {
            let body = with_ids(body, &world.ids);
            let strings: Vec<_> = world
                .document
                .members(&schema, &body)
                .into_iter()
                .filter(|member| types(&member.schema).iter().any(|kind| kind == "string"))
                .collect();
            for text in texts {
                let path = world.path(&operation).await?;
                for member in &strings {
                    let what = format!(
                        "{} with {:?} at {}",
                        operation.id,
                        text.chars().take(20).collect::<String>(),
                        member.pointer
                    );
                    let request = world.request(&operation, &path).json(&put(
                        &body,
                        &member.pointer,
                        json!(text),
                    ));
                    let reply = world.send(&what, request).await?;
                    let places = reply.status != 422
                        || reply.code == "unknown_seats"
                        || reply.points_at(&member.pointer)
                        || !reply.pointers.is_empty();
                    faults.extend(reply.unless(|_| places, &what));
                }
            }
        }
        Ok(faults)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_ids_are_like_unknown_ones_and_parameters_are_named() -> Result<()> {
    on_every_operation(|world, operation| async move {
        let mut faults = vec![];
        let good = world.path(&operation).await?;
        let body = operation
            .body
            .as_ref()
            .map(|(_, bodies)| with_ids(&bodies[0], &world.ids));
        let with_body = |request: RequestBuilder| {
            if let Some(body) = &body {
                request.json(body)
            } else {
                request
            }
        };
        for parameter in operation
            .parameters
            .iter()
            .filter(|parameter| parameter.place == "path")
        {
            let sample = world
                .document
                .sample(&parameter.schema)
                .as_str()
                .unwrap_or_default()
                .to_string();
            let unknown = format!(
                "{}_7zzzzzzzzzzzzzzzzzzzzzzzzz",
                sample.split('_').next().unwrap_or_default()
            );
            let ids = [
                unknown,
                sample.to_uppercase(),
                format!("{sample}0"),
                "x".into(),
                "%00".into(),
                "%ff".into(),
                "..%2f..%2fmetrics".into(),
                "%F0%9F%8E%9F".into(),
                "'%20OR%201=1".into(),
                "x".repeat(5000),
            ];
            for wrong in ids {
                // The other parameters stay good.
                let place = operation
                    .path
                    .split('/')
                    .position(|part| part == format!("{{{}}}", parameter.name))
                    .unwrap_or_default();
                let path: Vec<&str> = good
                    .split('/')
                    .enumerate()
                    .map(|(at, part)| if at == place { wrong.as_str() } else { part })
                    .collect();
                let what = format!(
                    "{} {}",
                    operation.id,
                    wrong.chars().take(60).collect::<String>()
                );
                let request = with_body(world.request(&operation, &path.join("/")));
                let known = operation.id == "removeMember"
                    || operation.id == "getLayout" && wrong == "schema";
                faults.extend(world.send(&what, request).await?.unless(
                    |reply| known || matches!(reply.code.as_str(), "not_found"),
                    &what,
                ));
            }
        }
        if operation.method == Method::GET && good.starts_with("/api/v1/") {
            let what = format!("{} with an unknown parameter", operation.id);
            let reply = world
                .send(
                    &what,
                    world.request(&operation, &good).query(&[("surplus", "1")]),
                )
                .await?;
            faults.extend(reply.unless(|reply| reply.points_at("/query/surplus"), &what));
        }
        for parameter in operation
            .parameters
            .iter()
            .filter(|parameter| parameter.place == "query")
        {
            for value in wrong_parameters(&parameter.schema) {
                let what = format!(
                    "{} with {}={}",
                    operation.id,
                    parameter.name,
                    value.chars().take(40).collect::<String>()
                );
                let reply = world
                    .send(
                        &what,
                        world
                            .request(&operation, &good)
                            .query(&[(&parameter.name, &value)]),
                    )
                    .await?;
                faults.extend(reply.unless(
                    |reply| reply.points_at(&format!("/query/{}", parameter.name)),
                    &what,
                ));
            }
        }
        Ok(faults)
    })
    .await
}

fn wrong_parameters(schema: &Value) -> Vec<String> {
    let numeric = types(schema)
        .iter()
        .any(|kind| kind == "integer" || kind == "number");
    // A pattern that only excludes characters takes most texts.
    let pattern = schema["pattern"]
        .as_str()
        .is_some_and(|pattern| !pattern.starts_with("^[^"));
    let closed = numeric || schema["enum"].is_array() || schema["format"].is_string() || pattern;
    let mut wrong = vec!["\0".to_string()];
    if closed {
        wrong.extend(["nonsense!", "👍"].map(str::to_string));
    }
    if numeric {
        wrong.extend(["-1", "99999999999999999999", "NaN", "1e999"].map(str::to_string));
    }
    if let Some(longest) = schema["maxLength"].as_u64() {
        wrong.push("x".repeat(longest as usize + 1));
    }
    wrong
}

#[tokio::test(flavor = "multi_thread")]
async fn unexpected_methods_tokens_and_headers_are_refused() -> Result<()> {
    on_every_operation(|world, operation| async move {
        let mut faults = vec![];
        let path = world.path(&operation).await?;
        let body = operation
            .body
            .as_ref()
            .map(|(_, bodies)| with_ids(&bodies[0], &world.ids));
        let request = || {
            if let Some(body) = &body {
                world.request(&operation, &path).json(body)
            } else {
                world.request(&operation, &path)
            }
        };
        if operation.needs_token {
            for (what, token) in [
                ("no token", None),
                ("nonsense", Some("nonsense")),
                (
                    "an unsigned token",
                    Some("eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1c3JfeCJ9."),
                ),
            ] {
                let what = format!("{} with {what}", operation.id);
                let anonymous = Operation {
                    needs_token: false,
                    ..operation.clone()
                };
                let mut request = world.request(&anonymous, &path);
                if let Some(token) = token {
                    request = request.bearer_auth(token);
                }
                faults.extend(
                    world
                        .send(&what, request)
                        .await?
                        .unless(|reply| reply.code == "unauthenticated", &what),
                );
            }
        }
        for (what, name, value, code) in [
            (
                "an Accept that we cannot satisfy",
                "accept",
                "application/pdf".to_string(),
                "not_acceptable",
            ),
            (
                "40 KB of headers",
                "x-padding",
                "x".repeat(40_000),
                "headers_too_large",
            ),
        ] {
            if operation.id == "getOpenApi" && name == "accept" {
                continue;
            }
            let what = format!("{} with {what}", operation.id);
            faults.extend(
                world
                    .send(&what, request().header(name, value))
                    .await?
                    .unless(|reply| reply.code == code, &what),
            );
        }
        for parameter in operation
            .parameters
            .iter()
            .filter(|parameter| parameter.place == "header")
        {
            let (values, right): (Vec<String>, &[&str]) = match parameter.name.as_str() {
                "Idempotency-Key" => (
                    vec!["x".repeat(256), "a b".into(), " ".into()],
                    &["validation_failed"],
                ),
                "If-Match" => (
                    vec![
                        "nonsense".into(),
                        "\"v".into(),
                        "\"v99999999999999999999\"".into(),
                    ],
                    &["validation_failed", "precondition_failed"],
                ),
                _ => continue,
            };
            let mut bare = operation.clone();
            bare.parameters.retain(|other| other.name != parameter.name);
            for value in values {
                let what = format!(
                    "{} with {}: {}",
                    operation.id,
                    parameter.name,
                    value.chars().take(40).collect::<String>()
                );
                let mut request = world.request(&bare, &path).header(&parameter.name, value);
                if let Some(body) = &body {
                    request = request.json(body);
                }
                faults.extend(
                    world
                        .send(&what, request)
                        .await?
                        .unless(|reply| right.contains(&reply.code.as_str()), &what),
                );
            }
        }
        for method in [
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
            Method::TRACE,
        ] {
            let known = world
                .document
                .operations()?
                .iter()
                .any(|other| other.path == operation.path && other.method == method);
            if known {
                continue;
            }
            let what = format!("{method} {}", operation.path);
            let wrong = Operation {
                method,
                needs_token: true,
                ..operation.clone()
            };
            let reply = world.send(&what, world.request(&wrong, &path)).await?;
            faults.extend(reply.unless(
                |reply| {
                    reply.code == "method_not_allowed"
                        && reply.allow.contains(operation.method.as_str())
                },
                &what,
            ));
        }
        Ok(faults)
    })
    .await
}

//! The pipeline as clients see it. Redis is real; the services are fakes.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;

use eventhub_guest::redis::{Error, Reply};
use serde_json::{Value, json};
use sha2::Digest;

use super::*;
use crate::rate::Policy;
use crate::testing::{
    World, claims, code, config, eval, header, json_answer, new_user_token, request, token,
};

fn gateway(world: &World) -> Gateway<&World> {
    Gateway::new(config(), world)
}

/// An address that no other test uses.
fn new_address() -> String {
    static NEXT: AtomicU8 = AtomicU8::new(1);
    format!("198.51.100.{}", NEXT.fetch_add(1, Ordering::Relaxed))
}

#[test]
fn a_service_learns_who_asks_and_nothing_that_was_forged() {
    let world = World::new();
    let bearer = format!("Bearer {}", token(Some("k1"), 1, &claims()));
    let response = gateway(&world).handle(request(
        "GET",
        "/api/v1/users/me",
        &[
            ("authorization", &bearer),
            ("x-request-id", "mine-1"),
            ("te", "x"),
        ],
        "",
    ));
    assert_eq!(
        (response.status, header(&response, "x-request-id")),
        (200, Some("mine-1"))
    );
    assert_eq!(
        (
            header(&response, "cache-control"),
            header(&response, "x-content-type-options")
        ),
        (Some("no-store"), Some("nosniff"))
    );
    gateway(&world).handle(request("GET", "/api/v1/events", &[], ""));
    let asked = world.asked.borrow();
    let principal = asked[0].1.principal.as_ref().unwrap();
    assert_eq!(
        (principal.user_id.as_str(), asked[0].1.request_id.as_str()),
        (crate::testing::USER, "mine-1")
    );
    assert!(asked[0].1.headers.is_empty());
    assert_eq!(asked[1].1.principal, None);
}

#[test]
fn a_host_that_names_the_request_names_it_for_all() {
    let world = World::new();
    let mut named = request("GET", "/api/v1/events", &[("x-request-id", "theirs")], "");
    named.request_id = "the-hosts".into();
    assert_eq!(
        header(&gateway(&world).handle(named), "x-request-id"),
        Some("the-hosts")
    );
    assert_eq!(world.asked.borrow()[0].1.request_id, "the-hosts");
}

#[test]
fn a_bad_token_is_401_on_every_route_except_refresh() {
    let world = World::new();
    let response = gateway(&world).handle(request(
        "GET",
        "/api/v1/events",
        &[("authorization", "Bearer x")],
        "",
    ));
    assert_eq!(
        (response.status, code(&response).as_str()),
        (401, "unauthenticated")
    );
    assert!(header(&response, "www-authenticate").is_some() && world.asked.borrow().is_empty());
    let refreshed = gateway(&world).handle(request(
        "POST",
        "/api/v1/auth/refresh",
        &[("authorization", "Bearer x")],
        "{}",
    ));
    assert_eq!(refreshed.status, 200);
}

#[test]
fn what_is_too_large_or_leads_nowhere_reaches_no_service() {
    let world = World::new();
    let long = "x".repeat(3_000);
    let cases = [
        (request("GET", "/api/v1/nothing", &[], ""), 404, "not_found"),
        (
            request("GET", "/api/v1/sessions/ses_1/live", &[], ""),
            404,
            "not_found",
        ),
        (
            request("POST", "/api/v1/events", &[], &long),
            413,
            "body_too_large",
        ),
        (
            request(
                "POST",
                "/api/v1/events",
                &[("content-length", "4294967295")],
                "",
            ),
            413,
            "body_too_large",
        ),
        (
            request("GET", "/api/v1/events", &[("x-long", &long)], ""),
            431,
            "headers_too_large",
        ),
        (
            request("GET", "/api/v1/events", &[("accept", "text/html")], ""),
            406,
            "not_acceptable",
        ),
        (
            request("POST", "/api/openapi.json", &[], ""),
            405,
            "method_not_allowed",
        ),
    ];
    for (request, status, wanted) in cases {
        let response = gateway(&world).handle(request);
        assert_eq!(
            (response.status, code(&response).as_str()),
            (status, wanted)
        );
        assert!(header(&response, "x-request-id").is_some());
    }
    assert!(world.asked.borrow().is_empty());
    assert_eq!(
        gateway(&world)
            .handle(request("POST", "/api/v1/layouts", &[], &long))
            .status,
        200
    );
}

#[test]
fn a_body_that_is_not_even_read_is_refused_like_any_other() {
    let world = World::new();
    let gateway = gateway(&world);
    assert_eq!(
        (
            gateway.max_body("/api/v1/layouts"),
            gateway.max_body("/api/v1/events"),
            gateway.max_body("/x")
        ),
        (5_000, 1_000, 1_000)
    );
    let response = gateway.refuse(
        request("POST", "/api/v1/events", &[("x-request-id", "mine")], ""),
        body_too_large(1_000),
    );
    assert_eq!(
        (
            response.status,
            code(&response).as_str(),
            header(&response, "x-request-id")
        ),
        (413, "body_too_large", Some("mine"))
    );
}

#[test]
fn a_browser_may_ask_beforehand_without_a_token() {
    let world = World::new();
    let headers = [
        ("origin", "https://shop.example"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "authorization"),
    ];
    let response = gateway(&world).handle(request("OPTIONS", "/api/v1/bookings", &headers, ""));
    assert_eq!(
        (
            response.status,
            header(&response, "access-control-allow-origin")
        ),
        (204, Some("*"))
    );
    assert!(
        header(&response, "access-control-allow-headers")
            .unwrap()
            .contains("idempotency-key")
    );
    assert!(world.asked.borrow().is_empty());
}

#[test]
fn head_has_no_body_and_the_document_of_the_api_is_json() {
    let world = World::new();
    assert!(
        gateway(&world)
            .handle(request("HEAD", "/api/v1/events", &[], ""))
            .body
            .is_empty()
    );
    let document = gateway(&world).handle(request("GET", "/api/openapi.json", &[], ""));
    let document: Value = serde_json::from_slice(&document.body).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    assert!(document["paths"]["/api/v1/auth/login"]["post"].is_object());
}

#[test]
fn a_user_over_the_limit_waits_and_others_do_not() {
    let world = World::new();
    let policy = Policy::new("user", 1.0, 3);
    let gateway = Gateway::new(
        crate::config::Config {
            user_policy: policy,
            ..config()
        },
        &world,
    );
    let ask = |bearer: &str| {
        gateway.handle(request(
            "GET",
            "/api/v1/events",
            &[("authorization", bearer)],
            "",
        ))
    };
    // On a machine that stalls, the requests take more than a second, and the user regains one of
    // them.
    let in_time = |_| {
        let ((_, one), started) = (new_user_token(), Instant::now());
        let answers = [ask(&one), ask(&one), ask(&one), ask(&one)];
        (started.elapsed() < Duration::from_secs(1)).then_some((one, answers))
    };
    let (one, [allowed, _, last, refused]) = (0..10).find_map(in_time).unwrap();
    assert_eq!(
        header(&allowed, "ratelimit-policy"),
        Some("\"user\";q=3;w=3")
    );
    assert_eq!(header(&allowed, "ratelimit"), Some("\"user\";r=2;t=1"));
    assert_eq!(last.status, 200);
    assert_eq!(
        (
            refused.status,
            code(&refused).as_str(),
            header(&refused, "retry-after")
        ),
        (429, "rate_limited", Some("1"))
    );
    assert_eq!(header(&refused, "ratelimit"), Some("\"user\";r=0;t=3"));
    assert_eq!(ask(&new_user_token().1).status, 200);
    std::thread::sleep(Duration::from_millis(1_050));
    assert_eq!(ask(&one).status, 200);
}

#[test]
fn the_peer_header_counts_only_without_a_peer_from_the_host() {
    let world = World::new();
    let limits = || crate::config::Config {
        address_policy: Policy::new("address", 0.1, 1),
        peer_header: Some("x-peer".into()),
        ..config()
    };
    let gateway = Gateway::new(limits(), &world);
    let ask = |client: &str, peer: &str| {
        gateway
            .handle(Request {
                client_address: client.into(),
                ..request("GET", "/api/v1/events", &[("x-peer", peer)], "")
            })
            .status
    };
    let (one, other, third) = (new_address(), new_address(), new_address());
    assert_eq!(
        [
            ask("", &format!("{one}:1")),
            ask("", &format!("{one}:2")),
            ask("", &format!("{other}:1"))
        ],
        [200, 429, 200]
    );
    assert_eq!(
        [ask(&third, "1.1.1.1"), ask(&third, "2.2.2.2")],
        [200, 429],
        "this host told the peer itself"
    );
}

#[test]
fn guessing_passwords_is_slower_than_reading() {
    let world = World::new();
    let limits = crate::config::Config {
        address_policy: Policy::new("address", 100.0, 100),
        auth_policy: Policy::new("auth", 0.1, 2),
        ..config()
    };
    let gateway = Gateway::new(limits, &world);
    let address = new_address();
    let ask = |path: &str| {
        gateway.handle(Request {
            client_address: address.clone(),
            ..request("POST", path, &[], "{}")
        })
    };
    assert_eq!(
        header(&ask("/api/v1/auth/login"), "ratelimit-policy"),
        Some("\"address\";q=100;w=1, \"auth\";q=2;w=20")
    );
    assert_eq!(ask("/api/v1/auth/signup").status, 200);
    assert_eq!(ask("/api/v1/auth/login").status, 429);
    assert_eq!(ask("/api/v1/auth/refresh").status, 200);
}

#[test]
fn webhooks_are_exempt_from_the_rate_limit_of_their_address() {
    let world = World::new();
    let gateway = Gateway::new(
        crate::config::Config {
            address_policy: Policy::new("address", 0.1, 1),
            ..config()
        },
        &world,
    );
    let address = new_address();
    let ask = |path: &str| {
        gateway.handle(Request {
            client_address: address.clone(),
            ..request("POST", path, &[], "{}")
        })
    };
    for _ in 0..5 {
        let response = ask("/webhooks/stripe");
        assert_eq!(
            (response.status, header(&response, "ratelimit")),
            (200, None)
        );
    }
    assert_eq!(
        [
            ask("/api/v1/auth/refresh").status,
            ask("/api/v1/auth/refresh").status
        ],
        [200, 429],
        "webhooks have used nothing up"
    );
}

#[test]
fn a_layouts_schema_is_had_by_who_asks_for_a_schema() {
    let world = World::new();
    let ask = |path: &str| {
        gateway(&world)
            .handle(request(
                "GET",
                path,
                &[("accept", "application/schema+json")],
                "",
            ))
            .status
    };
    assert_eq!(
        [ask("/api/v1/layouts/schema"), ask("/api/v1/layouts/lay_1")],
        [200, 406]
    );
}

#[test]
fn made_up_tokens_are_limited_by_their_address() {
    let world = World::new();
    let gateway = Gateway::new(
        crate::config::Config {
            address_policy: Policy::new("address", 0.1, 2),
            ..config()
        },
        &world,
    );
    let address = new_address();
    let statuses: Vec<u16> = (0..4)
        .map(|number| {
            let bearer = format!("Bearer {number}");
            gateway
                .handle(Request {
                    client_address: address.clone(),
                    ..request("GET", "/api/v1/users/me", &[("authorization", &bearer)], "")
                })
                .status
        })
        .collect();
    assert_eq!(statuses, [401, 401, 429, 429]);
}

#[test]
fn the_same_post_runs_once_and_answers_twice() {
    let world = World::new();
    *world.answer.borrow_mut() = Response {
        headers: vec![("location".into(), "/x".into())],
        ..json_answer(202, json!({"n": 1}))
    };
    let gateway = gateway(&world);
    let (_, bearer) = new_user_token();
    let book = |key: &str, body: &str| {
        gateway.handle(request(
            "POST",
            "/api/v1/bookings",
            &[("authorization", &bearer), ("idempotency-key", key)],
            body,
        ))
    };
    let first = book("key-1", "{}");
    *world.answer.borrow_mut() = json_answer(202, json!({"n": 2}));
    let again = book("key-1", "{}");
    assert_eq!(
        (again.status, &again.body, header(&again, "location")),
        (202, &first.body, Some("/x"))
    );
    assert_eq!(
        (
            header(&first, "idempotent-replayed"),
            header(&again, "idempotent-replayed")
        ),
        (None, Some("true"))
    );
    assert_ne!(
        header(&first, "x-request-id"),
        header(&again, "x-request-id")
    );
    let other = book("key-1", "{\"a\":1}");
    assert_eq!(
        (other.status, code(&other).as_str()),
        (422, "idempotency_key_reused")
    );
    assert_eq!(book("key-2", "{}").status, 202);
    assert_eq!(world.asked.borrow().len(), 2);
    // The same key of another user is a different key.
    let (_, stranger) = new_user_token();
    gateway.handle(request(
        "POST",
        "/api/v1/bookings",
        &[("authorization", &stranger), ("idempotency-key", "key-1")],
        "{}",
    ));
    assert_eq!(world.asked.borrow().len(), 3);
}

#[test]
fn a_refusal_that_passes_may_be_tried_again_with_the_same_key() {
    let world = World::new();
    let gateway = gateway(&world);
    let (_, bearer) = new_user_token();
    let book = || {
        gateway
            .handle(request(
                "POST",
                "/api/v1/bookings",
                &[("authorization", &bearer), ("idempotency-key", "k")],
                "{}",
            ))
            .status
    };
    *world.answer.borrow_mut() = json_answer(503, json!({}));
    assert_eq!(book(), 503);
    *world.answer.borrow_mut() = json_answer(202, json!({}));
    assert_eq!((book(), book(), world.asked.borrow().len()), (202, 202, 2));
}

/// A layout's answer that is too large to be stored.
fn large_answer(status: u16) -> Response {
    let headers = vec![
        ("content-type".into(), "application/json".into()),
        ("location".into(), "/api/v1/layouts/lay_1".into()),
    ];
    Response {
        headers,
        ..json_answer(status, json!({"name": "x".repeat(300 * 1024)}))
    }
}

#[test]
fn a_large_answer_is_reread_without_a_second_run() {
    let world = World::new();
    let gateway = gateway(&world);
    let (user, bearer) = new_user_token();
    let headers = [
        ("authorization", bearer.as_str()),
        ("idempotency-key", "k"),
        ("x-request-id", "mine"),
        ("content-type", "application/json"),
    ];
    let create = || gateway.handle(request("POST", "/api/v1/layouts", &headers, "{}"));
    *world.answer.borrow_mut() = large_answer(201);
    let first = create();
    *world.answer.borrow_mut() = Response {
        body: first.body.clone(),
        ..json_answer(200, json!({}))
    };
    let again = create();
    assert_eq!(
        (
            again.status,
            again.body == first.body,
            header(&again, "location")
        ),
        (201, true, Some("/api/v1/layouts/lay_1"))
    );
    assert_eq!(
        (
            header(&first, "idempotent-replayed"),
            header(&again, "idempotent-replayed")
        ),
        (None, Some("true"))
    );
    let asked = world.asked.borrow();
    let (service, read) = &asked[1];
    assert_eq!(
        (
            asked.len(),
            *service,
            read.method.as_str(),
            read.path.as_str()
        ),
        (2, asked[0].0, "GET", "/api/v1/layouts/lay_1")
    );
    assert_eq!(
        (
            read.principal.as_ref().map(|one| one.user_id.as_str()),
            read.request_id.as_str()
        ),
        (Some(user.as_str()), "mine")
    );
    assert!(read.headers.is_empty() && read.body.is_empty());
    // The record in Redis is small.
    let record = format!(
        "idem:{{{user}}}:{}",
        hex::encode(sha2::Sha256::digest(b"k"))
    )
    .into_bytes();
    let bytes = eval(
        "return #table.concat(redis.call('HVALS', KEYS[1]))",
        &[record],
        &[],
    )
    .unwrap()
    .int();
    assert!(
        bytes.is_some_and(|bytes| (1..1_000).contains(&bytes)),
        "{bytes:?}"
    );
}

#[test]
fn a_failed_reread_is_503_and_creates_no_second_layout() {
    let world = World::new();
    let gateway = gateway(&world);
    let (_, bearer) = new_user_token();
    let create = |body: &str| {
        gateway.handle(request(
            "POST",
            "/api/v1/layouts",
            &[("authorization", &bearer), ("idempotency-key", "k")],
            body,
        ))
    };
    *world.answer.borrow_mut() = large_answer(201);
    assert_eq!(create("{}").status, 201);
    for status in [404, 500, 503] {
        *world.answer.borrow_mut() = json_answer(status, json!({}));
        let again = create("{}");
        assert_eq!(
            (
                again.status,
                code(&again).as_str(),
                header(&again, "retry-after")
            ),
            (503, "unavailable", Some("1"))
        );
    }
    assert_eq!(
        create("{\"a\":1}").status,
        422,
        "the key is still that of the first request"
    );
    let methods: Vec<String> = world
        .asked
        .borrow()
        .iter()
        .map(|(_, request)| request.method.clone())
        .collect();
    assert_eq!(methods, ["POST", "GET", "GET", "GET"]);
}

#[test]
fn a_record_that_redis_has_and_does_not_give_lets_nothing_run() {
    let world = World::new();
    let (_, bearer) = new_user_token();
    for error in [
        Error::Invalid("a reply of 12000000 bytes, more than the limit of 8388608".into()),
        Error::Refused("WRONGTYPE".into()),
    ] {
        *world.redis_error.borrow_mut() = Some(error);
        let response = gateway(&world).handle(request(
            "POST",
            "/api/v1/layouts",
            &[("authorization", &bearer), ("idempotency-key", "k")],
            "{}",
        ));
        assert_eq!(
            (
                response.status,
                code(&response).as_str(),
                header(&response, "retry-after")
            ),
            (503, "unavailable", Some("1"))
        );
    }
    assert!(world.asked.borrow().is_empty());
}

#[test]
fn of_many_at_once_with_one_key_one_runs() {
    let key = format!("idem:{{race}}:{}", Ids::new().next()).into_bytes();
    let script = include_str!("../idempotency/begin.lua");
    let claimed = std::thread::scope(|scope| {
        let attempts: Vec<_> = (0..16u8)
            .map(|number| {
                let key = key.clone();
                scope.spawn(move || {
                    eval(
                        script,
                        &[key],
                        &[b"same".to_vec(), vec![number], b"60000".to_vec()],
                    )
                    .unwrap()
                })
            })
            .collect();
        let replies: Vec<Reply> = attempts
            .into_iter()
            .map(|attempt| attempt.join().unwrap())
            .collect();
        let first = |reply: &Reply| reply.items()[0].int();
        assert!(
            replies
                .iter()
                .all(|reply| matches!(first(reply), Some(0 | 2)))
        );
        replies
            .iter()
            .filter(|reply| first(reply) == Some(0))
            .count()
    });
    assert_eq!(claimed, 1);
}

#[test]
fn a_running_key_is_reported_and_only_its_owner_stores() {
    let (begin, finish) = (
        include_str!("../idempotency/begin.lua"),
        include_str!("../idempotency/finish.lua"),
    );
    let key = [format!("idem:{{late}}:{}", Ids::new().next()).into_bytes()];
    let claim = |attempt: &str| {
        eval(
            begin,
            &key,
            &[b"same".to_vec(), attempt.into(), b"60000".to_vec()],
        )
        .unwrap()
    };
    let store = |attempt: &str| {
        eval(
            finish,
            &key,
            &[
                attempt.into(),
                b"60000".to_vec(),
                b"200".to_vec(),
                b"[]".to_vec(),
                b"body".to_vec(),
            ],
        )
        .unwrap()
    };
    assert_eq!(claim("a").items()[0].int(), Some(0));
    assert_eq!(claim("b").items()[0].int(), Some(2));
    assert_eq!(store("b").int(), Some(0));
    assert_eq!(claim("c").items()[0].int(), Some(2));
    assert_eq!(store("a").int(), Some(1));
    assert_eq!(claim("d").items()[3].bytes(), Some(b"body".as_slice()));
    assert_eq!(eval(finish, &key, &[b"a".to_vec()]).unwrap().int(), Some(1));
    assert_eq!(claim("e").items()[0].int(), Some(0));
}

#[test]
fn booking_needs_a_key_and_the_service_checks_the_token() {
    let world = World::new();
    let (_, bearer) = new_user_token();
    let refused = gateway(&world).handle(request(
        "POST",
        "/api/v1/bookings",
        &[("authorization", &bearer)],
        "{}",
    ));
    let body: Value = serde_json::from_slice(&refused.body).unwrap();
    assert_eq!(
        (
            refused.status,
            &body["errors"][0]["pointer"],
            &body["errors"][0]["code"]
        ),
        (422, &json!("/headers/idempotency-key"), &json!("required"))
    );
    assert!(world.asked.borrow().is_empty());
    gateway(&world).handle(request(
        "POST",
        "/api/v1/bookings",
        &[("idempotency-key", "k")],
        "{}",
    ));
    assert_eq!(
        (world.asked.borrow().len(), world.scripts_run.get()),
        (1, 0)
    );
}

#[test]
fn without_redis_people_still_get_in() {
    let world = World::without_redis();
    let gateway = Gateway::new(
        crate::config::Config {
            user_policy: Policy::new("user", 1.0, 1),
            ..config()
        },
        &world,
    );
    let (_, bearer) = new_user_token();
    let response = gateway.handle(request(
        "POST",
        "/api/v1/bookings",
        &[("authorization", &bearer), ("idempotency-key", "k")],
        "{}",
    ));
    assert_eq!(
        (response.status, header(&response, "ratelimit")),
        (200, None)
    );
}

#[test]
fn a_hot_path_request_asks_redis_once_and_fetches_no_keys() {
    let world = World::new();
    let gateway = Gateway::new(
        crate::config::Config {
            user_policy: Policy::new("user", 1000.0, 1000),
            ..config()
        },
        &world,
    );
    let (_, bearer) = new_user_token();
    let ask = || {
        gateway.handle(request(
            "GET",
            "/api/v1/events",
            &[("authorization", &bearer)],
            "",
        ))
    };
    ask();
    ask();
    assert_eq!(
        (
            world.scripts_run.get(),
            world.key_set_asked.get(),
            world.asked.borrow().len()
        ),
        (2, 1, 2)
    );
}

//! Which tokens are accepted, and how often the keys are fetched.

use serde_json::json;

use super::*;
use crate::testing::{World, claims, json_answer, key_set, token};

fn authenticator() -> Authenticator {
    Authenticator::new("https://issuer.test", "tests")
}

fn attempt(authenticator: &Authenticator, world: &World, token: &str) -> Result<Principal, Code> {
    authenticator
        .principal(&format!("Bearer {token}"), world.now.get(), &world)
        .map_err(|problem| problem.code)
}

#[test]
fn a_good_token_says_who_asks() {
    let world = World::new();
    let principal = attempt(&authenticator(), &world, &token(Some("k1"), 1, &claims())).unwrap();
    assert_eq!(
        (principal.user_id.as_str(), principal.roles.as_slice()),
        (crate::testing::USER, ["user".to_string()].as_slice())
    );
}

#[test]
fn forged_tokens_let_nobody_in() {
    let world = World::new();
    let authenticator = authenticator();
    let with = |member: &str, value: serde_json::Value| {
        let mut claims = claims();
        claims[member] = value;
        token(Some("k1"), 1, &claims)
    };
    let without = |member: &str| {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(member);
        token(Some("k1"), 1, &claims)
    };
    let encode = |text: &str| {
        base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, text)
    };
    let good = token(Some("k1"), 1, &claims());
    let [_, payload, signature] = good.split('.').collect::<Vec<_>>()[..] else {
        panic!()
    };
    let unsigned = format!("{}.{payload}.", encode(r#"{"alg":"none","kid":"k1"}"#));
    // The classic attack: the public key as a shared secret.
    let public = ed25519_dalek::SigningKey::from_bytes(&[1; 32]).verifying_key();
    let hs_header = jsonwebtoken::Header {
        kid: Some("k1".into()),
        ..Default::default()
    };
    let confused = jsonwebtoken::encode(
        &hs_header,
        &claims(),
        &jsonwebtoken::EncodingKey::from_secret(public.as_bytes()),
    )
    .unwrap();
    let altered = format!(
        "{}.{}.{signature}",
        good.split('.').next().unwrap(),
        encode(&json!({"sub": "x"}).to_string())
    );
    let forged = [
        ("another key", token(Some("k1"), 2, &claims())),
        ("no kid", token(None, 1, &claims())),
        ("unknown kid", token(Some("k9"), 1, &claims())),
        ("alg none", unsigned),
        ("HS256 with the public key", confused),
        ("altered claims", altered),
        ("another issuer", with("iss", json!("https://evil.test"))),
        ("another audience", with("aud", json!("others"))),
        ("no audience", without("aud")),
        ("no issuer", without("iss")),
        ("no expiry", without("exp")),
        ("no subject", without("sub")),
        (
            "a subject that is no user",
            with("sub", json!("evt_01jdg3v0000000000000000000")),
        ),
        ("an expiry that is no number", with("exp", json!("soon"))),
        ("nonsense", "a.b.c".into()),
        ("not three parts", "abc".into()),
        ("too long", format!("{good}{}", "a".repeat(5000))),
    ];
    for (what, token) in forged {
        assert_eq!(
            attempt(&authenticator, &world, &token),
            Err(Code::Unauthenticated),
            "{what}"
        );
    }
    for header in ["", "Bearer", "Bearer ", "Basic abc", &good] {
        assert!(
            authenticator
                .principal(header, world.now.get(), &&world)
                .is_err(),
            "{header}"
        );
    }
}

#[test]
fn a_token_expires_also_where_it_is_remembered() {
    let world = World::new();
    let authenticator = authenticator();
    let good = token(Some("k1"), 1, &claims());
    assert!(attempt(&authenticator, &world, &good).is_ok());
    world.now.set(Timestamp::from_micros(1_800_000_899_999_999));
    assert!(attempt(&authenticator, &world, &good).is_ok());
    world.now.set(Timestamp::from_micros(1_800_000_900_000_000));
    assert_eq!(
        attempt(&authenticator, &world, &good),
        Err(Code::TokenExpired)
    );
    // An expired forgery counts as forged.
    assert_eq!(
        attempt(&authenticator, &world, &token(Some("k1"), 2, &claims())),
        Err(Code::Unauthenticated)
    );
}

#[test]
fn a_remembered_token_with_another_signature_is_not_remembered() {
    let world = World::new();
    let authenticator = authenticator();
    let good = token(Some("k1"), 1, &claims());
    assert!(attempt(&authenticator, &world, &good).is_ok());
    let last = if good.ends_with('A') { "Q" } else { "A" };
    assert!(
        attempt(
            &authenticator,
            &world,
            &format!("{}{last}", &good[..good.len() - 1])
        )
        .is_err()
    );
    assert!(attempt(&authenticator, &world, &good[..good.len() - 1]).is_err());
}

#[test]
fn a_new_key_is_found_and_made_up_ones_do_not_flood_identity() {
    let world = World::new();
    let authenticator = authenticator();
    assert!(attempt(&authenticator, &world, &token(Some("k1"), 1, &claims())).is_ok());
    for _ in 0..50 {
        assert_eq!(
            attempt(
                &authenticator,
                &world,
                &token(Some("made-up"), 3, &claims())
            ),
            Err(Code::Unauthenticated)
        );
    }
    assert_eq!(world.key_set_asked.get(), 1);
    *world.key_set.borrow_mut() = key_set(&[("k1", 1), ("k2", 2)]);
    world
        .now
        .set(world.now.get().plus(std::time::Duration::from_secs(6)));
    assert!(attempt(&authenticator, &world, &token(Some("k2"), 2, &claims())).is_ok());
    assert_eq!(world.key_set_asked.get(), 2);
}

#[test]
fn known_keys_outlive_identity_and_a_lack_of_keys_is_503() {
    let world = World::new();
    *world.key_set.borrow_mut() = json_answer(503, json!({}));
    let authenticator = authenticator();
    assert_eq!(
        attempt(&authenticator, &world, &token(Some("k1"), 1, &claims())),
        Err(Code::Unavailable)
    );
    *world.key_set.borrow_mut() = key_set(&[("k1", 1)]);
    assert!(attempt(&authenticator, &world, &token(Some("k1"), 1, &claims())).is_ok());
    *world.key_set.borrow_mut() = json_answer(503, json!({}));
    world
        .now
        .set(world.now.get().plus(std::time::Duration::from_secs(61)));
    let mut other = claims();
    other["jti"] = json!("2");
    assert!(attempt(&authenticator, &world, &token(Some("k1"), 1, &other)).is_ok());
}

//! Sign-up, log-in, refresh, log-out.

use eventhub_native::post;
use serde_json::{Value, json};

use crate::support::{Account, DATABASE, PASSWORD, Service, code_of, redact, text_at};

fn sign_up(service: &Service, email: &str, password: &str, name: &str) -> Value {
    let body = json!({"email": email, "password": password, "name": name});
    service.send(&post("/api/v1/auth/signup").json(&body))
}

fn log_in(service: &Service, email: &str, password: &str) -> Value {
    let body = json!({"email": email, "password": password});
    service.send(&post("/api/v1/auth/login").json(&body))
}

fn refresh(service: &Service, token: &str) -> Value {
    service.send(&post("/api/v1/auth/refresh").json(&json!({"refresh_token": token})))
}

fn log_out(service: &Service, token: &str) -> Value {
    service.send(&post("/api/v1/auth/logout").json(&json!({"refresh_token": token})))
}

#[test]
fn sign_up_answers_tokens_and_records_a_fact() {
    let service = Service::start();
    let answer = sign_up(&service, " Ada@Example.ORG ", PASSWORD, "Ada");
    let id = text_at(&answer, "/body/user/id");
    insta::assert_json_snapshot!("sign_up", redact(answer));
    let facts = service.environment.facts(DATABASE);
    assert_eq!(facts.len(), 1);
    let (name, payload) = &facts[0];
    assert_eq!(name, "UserSignedUp");
    assert_eq!(payload["user_id"], id.as_str());
    assert_eq!(payload["email"], "Ada@example.org");
}

#[test]
fn one_address_has_one_account_however_it_is_written() {
    let service = Service::start();
    service.sign_up("ada");
    let answer = sign_up(&service, "ADA@example.org", PASSWORD, "Another");
    insta::assert_json_snapshot!("email_taken", redact(answer));
    assert_eq!(service.sql("SELECT count(*) FROM users"), "1");
    assert_eq!(service.environment.facts(DATABASE).len(), 1);
}

#[test]
fn a_sign_up_hears_of_all_its_faults_at_once() {
    let service = Service::start();
    let answer = sign_up(&service, "ada@", "short", "two\nlines");
    insta::assert_json_snapshot!("sign_up_faults", redact(answer));
    let common = sign_up(&service, "ada@example.org", "password123", "Ada");
    assert_eq!(text_at(&common, "/body/errors/0/code"), "too_common");
    let unknown = json!({"email": "a@b.org", "password": PASSWORD, "name": "A", "role": "admin"});
    let unknown = service.send(&post("/api/v1/auth/signup").json(&unknown));
    assert_eq!(text_at(&unknown, "/body/errors/0/pointer"), "/role");
}

#[test]
fn log_in_needs_the_password_of_that_account() {
    let service = Service::start();
    service.sign_up("ada");
    let answer = log_in(&service, "ADA@example.org", PASSWORD);
    insta::assert_json_snapshot!("log_in", redact(answer));
    let wrong = redact(log_in(&service, "ada@example.org", "gr8-plum-orbit!"));
    insta::assert_json_snapshot!("invalid_credentials", wrong);
    // Nobody learns from the answer which addresses have an account.
    for email in ["bob@example.org", "no address"] {
        assert_eq!(redact(log_in(&service, email, PASSWORD)), wrong, "{email}");
    }
    let long = log_in(&service, "ada@example.org", &"x".repeat(201));
    assert_eq!(text_at(&long, "/body/errors/0/code"), "too_long");
}

#[test]
fn a_refresh_token_works_once_and_its_reuse_ends_the_log_in() {
    let service = Service::start();
    let Account { refresh_token, .. } = service.sign_up("ada");
    let answer = refresh(&service, &refresh_token);
    let second = text_at(&answer, "/body/refresh_token");
    insta::assert_json_snapshot!("refresh", redact(answer));
    let reused = refresh(&service, &refresh_token);
    insta::assert_json_snapshot!("refresh_token_reused", redact(reused));
    // The token that the first use gave is revoked as well.
    assert_eq!(
        code_of(&refresh(&service, &second)),
        "401 refresh_token_reused"
    );
}

#[test]
fn a_log_out_ends_the_log_in_and_no_other() {
    let service = Service::start();
    let Account { refresh_token, .. } = service.sign_up("ada");
    let other = log_in(&service, "ada@example.org", PASSWORD);
    assert_eq!(log_out(&service, &refresh_token), json!({"status": 204}));
    let refused = refresh(&service, &refresh_token);
    insta::assert_json_snapshot!("refresh_token_refused", redact(refused));
    assert_eq!(log_out(&service, "unknown"), json!({"status": 204}));
    let other = refresh(&service, &text_at(&other, "/body/refresh_token"));
    assert_eq!(other["status"], 200, "{other}");
}

#[test]
fn a_refresh_token_that_nobody_issued_is_refused() {
    let service = Service::start();
    assert_eq!(
        code_of(&refresh(&service, "unknown")),
        "401 unauthenticated"
    );
    let long = refresh(&service, &"x".repeat(201));
    assert_eq!(text_at(&long, "/body/errors/0/pointer"), "/refresh_token");
}

#[test]
fn an_expired_refresh_token_is_refused() {
    let service = Service::start();
    let Account { refresh_token, .. } = service.sign_up("ada");
    eventhub_guest::native::set_clock("2030-02-01T12:00:00Z".parse().ok());
    assert_eq!(
        code_of(&refresh(&service, &refresh_token)),
        "401 unauthenticated"
    );
}

#[test]
fn a_database_that_is_away_is_503() {
    let service = Service::start();
    service.sign_up("ada");
    service.environment.cut_off(DATABASE);
    let answer = log_in(&service, "ada@example.org", PASSWORD);
    assert_eq!(code_of(&answer), "503 unavailable");
}

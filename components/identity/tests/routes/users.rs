//! The account of the caller.

use eventhub_guest::ids::UserId;
use eventhub_native::{get, patch};
use serde_json::{Value, json};

use crate::support::{Service, code_of, redact, text_at};

const PATH: &str = "/api/v1/users/me";

fn change(service: &Service, user: UserId, version: &str, body: &Value) -> Value {
    service.send(&patch(PATH).by(user).header("if-match", version).json(body))
}

#[test]
fn an_account_is_read_by_its_owner() {
    let service = Service::start();
    let ada = service.sign_up("ada");
    let answer = service.send(&get(PATH).by(ada.id));
    insta::assert_json_snapshot!("me", redact(answer));
    let unchanged = service.send(&get(PATH).by(ada.id).header("if-none-match", "\"v1\""));
    assert_eq!(unchanged["status"], 304);
    assert_eq!(code_of(&service.send(&get(PATH))), "401 unauthenticated");
    let parameter = service.send(&get("/api/v1/users/me?fields=name").by(ada.id));
    assert_eq!(
        text_at(&parameter, "/body/errors/0/pointer"),
        "/query/fields"
    );
}

#[test]
fn a_token_outlives_its_account_as_401() {
    let service = Service::start();
    let answer = service.send(&get(PATH).by(UserId::from_u128(7)));
    insta::assert_json_snapshot!("account_deleted", redact(answer));
    let changed = change(&service, UserId::from_u128(7), "*", &json!({"name": "B"}));
    assert_eq!(code_of(&changed), "401 unauthenticated");
}

#[test]
fn a_change_leaves_the_other_members_as_they_are() {
    let service = Service::start();
    let ada = service.sign_up("ada");
    let body = json!({"locale": "pt-BR", "time_zone": "Europe/Berlin"});
    let answer = change(&service, ada.id, "\"v1\"", &body);
    insta::assert_json_snapshot!("change_me", redact(answer));
    let name = change(&service, ada.id, "*", &json!({"name": "Ada L."}));
    assert_eq!(text_at(&name, "/body/locale"), "pt-BR");
    // Null is the same as absence.
    let null = change(
        &service,
        ada.id,
        "*",
        &json!({"name": null, "locale": "en"}),
    );
    assert_eq!(text_at(&null, "/body/name"), "Ada L.");
}

#[test]
fn a_change_needs_the_version_that_was_read() {
    let service = Service::start();
    let ada = service.sign_up("ada");
    let body = json!({"name": "Ada L."});
    let missing = service.send(&patch(PATH).by(ada.id).json(&body));
    assert_eq!(code_of(&missing), "428 precondition_required");
    assert_eq!(change(&service, ada.id, "\"v1\"", &body)["status"], 200);
    let stale = change(&service, ada.id, "\"v1\"", &body);
    assert_eq!(code_of(&stale), "412 precondition_failed");
}

#[test]
fn a_change_hears_of_all_its_faults_at_once() {
    let service = Service::start();
    let ada = service.sign_up("ada");
    let body = json!({"name": "", "locale": "english", "time_zone": "Berlin"});
    insta::assert_json_snapshot!(
        "change_me_faults",
        redact(change(&service, ada.id, "*", &body))
    );
    let unknown = change(&service, ada.id, "*", &json!({"email": "b@example.org"}));
    assert_eq!(text_at(&unknown, "/body/errors/0/code"), "unknown_field");
}

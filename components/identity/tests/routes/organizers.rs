//! Organizers and their members.

use eventhub_guest::ids::{OrganizerId, UserId};
use eventhub_native::{delete, get, post, put};
use serde_json::{Value, json};

use crate::support::{Account, Service, code_of, redact, text_at};

const PATH: &str = "/api/v1/organizers";

fn create(service: &Service, user: UserId, key: &str, body: &Value) -> Value {
    let request = post(PATH).by(user).header("idempotency-key", key);
    service.send(&request.json(body))
}

fn members_path(organizer: OrganizerId) -> String {
    format!("{PATH}/{organizer}/members")
}

fn member_path(organizer: OrganizerId, member: &Account) -> String {
    format!("{PATH}/{organizer}/members/{}", member.id)
}

/// An organizer with an owner and a viewer, and somebody who is neither.
struct Team {
    service: Service,
    organizer: OrganizerId,
    owner: Account,
    viewer: Account,
    stranger: Account,
}

impl Team {
    fn start() -> Self {
        let service = Service::start();
        let [owner, viewer, stranger] =
            ["owner", "viewer", "stranger"].map(|name| service.sign_up(name));
        let organizer = service.create_organizer("city-hall", &owner);
        service.add_member(organizer, &owner, &viewer, "viewer");
        Self {
            service,
            organizer,
            owner,
            viewer,
            stranger,
        }
    }

    fn change_role(&self, by: &Account, member: &Account, version: &str, role: &str) -> Value {
        let request = put(&member_path(self.organizer, member)).by(by.id);
        let request = request.header("if-match", version);
        self.service.send(&request.json(&json!({"role": role})))
    }

    fn remove(&self, by: &Account, member: &Account) -> Value {
        let path = member_path(self.organizer, member);
        self.service.send(&delete(&path).by(by.id))
    }
}

#[test]
fn the_creator_of_an_organizer_owns_it() {
    let service = Service::start();
    let ada = service.sign_up("ada");
    let body = json!({"name": "City Hall", "slug": "city-hall"});
    let answer = service.send(&post(PATH).by(ada.id).json(&body));
    let id = text_at(&answer, "/body/id");
    assert_eq!(
        text_at(&answer, "/headers/location"),
        format!("/api/v1/organizers/{id}")
    );
    insta::assert_json_snapshot!("create_organizer", redact(answer));
    let read = service.send(&get(&format!("{PATH}/{id}")).by(ada.id));
    let tag = text_at(&read, "/headers/etag");
    insta::assert_json_snapshot!("organizer", redact(read));
    let request = get(&format!("{PATH}/{id}")).by(ada.id);
    let unchanged = service.send(&request.header("if-none-match", &tag));
    assert_eq!(unchanged["status"], 304);
}

#[test]
fn an_organizer_is_refused_with_all_its_faults() {
    let service = Service::start();
    let ada = service.sign_up("ada");
    let faults = json!({"name": " ", "slug": "A"});
    let answer = service.send(&post(PATH).by(ada.id).json(&faults));
    insta::assert_json_snapshot!("organizer_faults", redact(answer));
    assert_eq!(
        code_of(&service.send(&post(PATH).json(&faults))),
        "401 unauthenticated"
    );
    service.create_organizer("city-hall", &ada);
    let body = json!({"name": "Another", "slug": "city-hall"});
    let taken = service.send(&post(PATH).by(ada.id).json(&body));
    insta::assert_json_snapshot!("slug_taken", redact(taken));
}

#[test]
fn a_repeated_creation_answers_the_first_organizer() {
    let service = Service::start();
    let ada = service.sign_up("ada");
    let body = json!({"name": "City Hall", "slug": "city-hall"});
    let first = create(&service, ada.id, "key-1", &body);
    assert_eq!(create(&service, ada.id, "key-1", &body), first);
    assert_eq!(service.sql("SELECT count(*) FROM organizers"), "1");
    let other = json!({"name": "Other", "slug": "other"});
    let reused = create(&service, ada.id, "key-1", &other);
    assert_eq!(code_of(&reused), "422 idempotency_key_reused");
    // A key belongs to its user.
    let bob = service.sign_up("bob");
    assert_eq!(create(&service, bob.id, "key-1", &other)["status"], 201);
}

#[test]
fn a_list_has_the_caller_s_organizers_page_by_page() {
    let service = Service::start();
    let [ada, bob] = ["ada", "bob"].map(|name| service.sign_up(name));
    for slug in ["one", "two", "three"] {
        service.create_organizer(slug, &ada);
    }
    service.create_organizer("of-bob", &bob);
    let first = service.send(&get(&format!("{PATH}?limit=2")).by(ada.id));
    let cursor = text_at(&first, "/body/next_cursor");
    insta::assert_json_snapshot!("organizers", redact(first));
    let last = service.send(&get(&format!("{PATH}?limit=2&cursor={cursor}")).by(ada.id));
    assert_eq!(last["body"]["items"].as_array().unwrap().len(), 1);
    assert_eq!(text_at(&last, "/body/items/0/slug"), "three");
    assert_eq!(last["body"]["next_cursor"], Value::Null);
    for query in ["limit=0", "cursor=x", "sort=name"] {
        let answer = service.send(&get(&format!("{PATH}?{query}")).by(ada.id));
        assert_eq!(code_of(&answer), "422 validation_failed", "{query}");
    }
    assert_eq!(code_of(&service.send(&get(PATH))), "401 unauthenticated");
}

#[test]
fn an_organizer_does_not_exist_for_others() {
    let team = Team::start();
    let (organizer, stranger) = (team.organizer, &team.stranger);
    let members = members_path(organizer);
    let new = json!({"email": stranger.email, "role": "owner"});
    let requests = [
        get(&format!("{PATH}/{organizer}")),
        get(&members),
        get(&member_path(organizer, &team.owner)),
        post(&members).json(&new),
        put(&member_path(organizer, &team.viewer))
            .header("if-match", "*")
            .json(&json!({"role": "owner"})),
        delete(&member_path(organizer, &team.viewer)),
    ];
    for (index, request) in requests.into_iter().enumerate() {
        let hidden = team.service.send(&request.clone().by(stranger.id));
        assert_eq!(code_of(&hidden), "404 not_found", "request {index}");
        let nobody = team.service.send(&request);
        assert_eq!(code_of(&nobody), "401 unauthenticated", "request {index}");
    }
    let unknown = get(&format!("{PATH}/org_x")).by(stranger.id);
    assert_eq!(code_of(&team.service.send(&unknown)), "404 not_found");
    let count = team.service.sql("SELECT count(*) FROM members");
    assert_eq!(count, "2");
}

#[test]
fn members_see_each_other() {
    let team = Team::start();
    let path = members_path(team.organizer);
    let answer = team.service.send(&get(&path).by(team.viewer.id));
    insta::assert_json_snapshot!("members", redact(answer));
    let path = member_path(team.organizer, &team.owner);
    let answer = team.service.send(&get(&path).by(team.viewer.id));
    insta::assert_json_snapshot!("member", redact(answer));
    let path = member_path(team.organizer, &team.stranger);
    let missing = team.service.send(&get(&path).by(team.viewer.id));
    assert_eq!(code_of(&missing), "404 not_found");
}

#[test]
fn an_owner_adds_members_by_their_address() {
    let team = Team::start();
    let path = members_path(team.organizer);
    let add = |by: &Account, email: &str, role: &str| {
        let body = json!({"email": email, "role": role});
        team.service.send(&post(&path).by(by.id).json(&body))
    };
    let answer = add(&team.owner, "STRANGER@example.org", "editor");
    insta::assert_json_snapshot!("add_member", redact(answer));
    let again = add(&team.owner, "stranger@example.org", "editor");
    insta::assert_json_snapshot!("already_member", redact(again));
    let no_account = add(&team.owner, "nobody@example.org", "editor");
    insta::assert_json_snapshot!("no_account", redact(no_account));
    let no_address = add(&team.owner, "nobody", "editor");
    assert_eq!(text_at(&no_address, "/body/errors/0/code"), "invalid");
    let no_role = add(&team.owner, "nobody@example.org", "king");
    assert_eq!(text_at(&no_role, "/body/errors/0/pointer"), "/role");
    let refused = add(&team.viewer, "stranger@example.org", "owner");
    insta::assert_json_snapshot!("not_an_owner", redact(refused));
}

#[test]
fn an_owner_changes_roles() {
    let team = Team::start();
    let answer = team.change_role(&team.owner, &team.viewer, "\"v1\"", "editor");
    insta::assert_json_snapshot!("change_role", redact(answer));
    let stale = team.change_role(&team.owner, &team.viewer, "\"v1\"", "owner");
    assert_eq!(code_of(&stale), "412 precondition_failed");
    let path = member_path(team.organizer, &team.viewer);
    let request = put(&path).by(team.owner.id).json(&json!({"role": "owner"}));
    assert_eq!(
        code_of(&team.service.send(&request)),
        "428 precondition_required"
    );
    let refused = team.change_role(&team.viewer, &team.viewer, "*", "owner");
    assert_eq!(code_of(&refused), "403 forbidden");
    let missing = team.change_role(&team.owner, &team.stranger, "*", "owner");
    assert_eq!(code_of(&missing), "404 not_found");
}

#[test]
fn the_last_owner_stays_an_owner() {
    let team = Team::start();
    let refused = team.change_role(&team.owner, &team.owner, "\"v1\"", "viewer");
    insta::assert_json_snapshot!("last_owner", redact(refused));
    let left = team.remove(&team.owner, &team.owner);
    assert_eq!(code_of(&left), "409 conflict");
    team.change_role(&team.owner, &team.viewer, "*", "owner");
    let left = team.remove(&team.owner, &team.owner);
    assert_eq!(left, json!({"status": 204}));
}

#[test]
fn everybody_may_leave_and_only_owners_remove_others() {
    let team = Team::start();
    let refused = team.remove(&team.viewer, &team.owner);
    assert_eq!(code_of(&refused), "403 forbidden");
    let missing = team.remove(&team.owner, &team.stranger);
    assert_eq!(code_of(&missing), "404 not_found");
    assert_eq!(
        team.remove(&team.viewer, &team.viewer),
        json!({"status": 204})
    );
    // Whoever has left no longer sees the organizer.
    let path = format!("{PATH}/{}", team.organizer);
    let hidden = team.service.send(&get(&path).by(team.viewer.id));
    assert_eq!(code_of(&hidden), "404 not_found");
}

//! A service with a database of its own.

use eventhub_guest::ids::{OrganizerId, UserId};
use eventhub_guest::{Timestamp, native};
use eventhub_native::{Environment, Exchange, post, send};
use identity::routes::router;
use serde_json::{Value, json};

pub const DATABASE: &str = "identity_db";
/// The time of a test when it starts.
pub const NOW: &str = "2030-01-01T12:00:00Z";
pub const PASSWORD: &str = "gr8-plum-orbit";

/// An account and its first tokens.
pub struct Account {
    pub id: UserId,
    pub email: String,
    pub refresh_token: String,
}

pub struct Service {
    pub environment: Environment,
}

impl Service {
    pub fn start() -> Self {
        let environment = Environment::start(&[DATABASE]);
        native::set_clock(NOW.parse().ok());
        Self { environment }
    }

    pub fn send(&self, exchange: &Exchange) -> Value {
        send(&router(), &(), exchange)
    }

    /// Runs SQL; what it answers without the line's end.
    pub fn sql(&self, text: &str) -> String {
        self.environment.sql(DATABASE, text).trim().to_string()
    }

    /// The account `<name>@example.org`.
    pub fn sign_up(&self, name: &str) -> Account {
        let email = format!("{name}@example.org");
        let body = json!({"email": email, "password": PASSWORD, "name": name});
        let answer = self.send(&post("/api/v1/auth/signup").json(&body));
        assert_eq!(answer["status"], 201, "{answer}");
        Account {
            id: text_at(&answer, "/body/user/id").parse().unwrap(),
            email,
            refresh_token: text_at(&answer, "/body/refresh_token"),
        }
    }

    /// An organizer of that slug with one owner.
    pub fn create_organizer(&self, slug: &str, owner: &Account) -> OrganizerId {
        let body = json!({"name": "City Hall", "slug": slug});
        let answer = self.send(&post("/api/v1/organizers").by(owner.id).json(&body));
        text_at(&answer, "/body/id").parse().unwrap()
    }

    /// Makes an account a member.
    pub fn add_member(&self, organizer: OrganizerId, owner: &Account, new: &Account, role: &str) {
        let path = format!("/api/v1/organizers/{organizer}/members");
        let body = json!({"email": new.email, "role": role});
        let answer = self.send(&post(&path).by(owner.id).json(&body));
        assert_eq!(answer["status"], 201, "{answer}");
    }
}

/// A text in an answer, by its JSON pointer.
pub fn text_at(answer: &Value, pointer: &str) -> String {
    let text = answer.pointer(pointer).and_then(Value::as_str);
    text.unwrap_or_else(|| panic!("{pointer} is missing in {answer}"))
        .to_string()
}

/// The code of a refusal, with its status: `404 not_found`.
pub fn code_of(answer: &Value) -> String {
    format!("{} {}", answer["status"], text_at(answer, "/body/code"))
}

/// The answer without what differs from run to run: ids, times, tokens, hashes.
pub fn redact(mut answer: Value) -> Value {
    redact_value("", &mut answer);
    answer
}

fn redact_value(name: &str, value: &mut Value) {
    match value {
        Value::String(text) => *text = redact_text(name, text),
        Value::Array(items) => items.iter_mut().for_each(|item| redact_value(name, item)),
        Value::Object(members) => members
            .iter_mut()
            .for_each(|(name, member)| redact_value(name, member)),
        _ => {}
    }
}

fn redact_text(name: &str, text: &str) -> String {
    let is_hash = name == "etag" && !text.starts_with("\"v");
    if is_hash
        || matches!(
            name,
            "access_token" | "refresh_token" | "kid" | "x" | "next_cursor"
        )
    {
        return format!("[{name}]");
    }
    if text.parse::<Timestamp>().is_ok() {
        return "[time]".into();
    }
    let segments = text
        .split('/')
        .map(|segment| match segment.split_at_checked(4) {
            Some((prefix, digits)) if prefix.ends_with('_') && digits.len() == 26 => {
                format!("[{prefix}]")
            }
            _ => segment.to_string(),
        });
    segments.collect::<Vec<_>>().join("/")
}

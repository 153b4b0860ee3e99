//! The demo that a fresh environment starts with, made through the public API as any client would:
//! an organizer, a buyer, and a published event with more than a thousand seats.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, bail};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use super::state::{Account, Demo, write};

struct Api {
    client: Client,
    base: String,
    token: Option<String>,
}

impl Api {
    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<(StatusCode, Value)> {
        let mut request = self
            .client
            .request(method, format!("{}/api/v1/{path}", self.base));
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await?;
        let status = response.status();
        Ok((status, response.json().await.unwrap_or(Value::Null)))
    }

    async fn post(&self, path: &str, body: Value) -> Result<Value> {
        let (status, answer) = self.call(Method::POST, path, Some(body)).await?;
        if !status.is_success() {
            bail!("POST {path} answered {status}: {answer}");
        }
        Ok(answer)
    }

    async fn get(&self, path: &str) -> Result<Value> {
        let (status, answer) = self.call(Method::GET, path, None).await?;
        if !status.is_success() {
            bail!("GET {path} answered {status}: {answer}");
        }
        Ok(answer)
    }

    /// Signs up, or logs in where an earlier, unfinished seed made the account.
    async fn enter(&mut self, account: &Account, name: &str) -> Result<()> {
        let (status, tokens) = self
            .call(
                Method::POST,
                "auth/signup",
                Some(json!({"email": account.email, "password": account.password, "name": name})),
            )
            .await?;
        let tokens = match status {
            StatusCode::CREATED => tokens,
            StatusCode::CONFLICT => {
                self.post(
                    "auth/login",
                    json!({"email": account.email, "password": account.password}),
                )
                .await?
            }
            _ => bail!("POST auth/signup answered {status}: {tokens}"),
        };
        self.token = Some(text(&tokens, "access_token")?);
        Ok(())
    }
}

/// The demo of this environment; `file` names it, or it is made now.
pub async fn ensure_demo(base: &str, file: &Path) -> Result<Demo> {
    if let Ok(known) = std::fs::read(file) {
        return serde_json::from_slice(&known).with_context(|| {
            format!(
                "{} is damaged; remove the environment's folder to start again",
                file.display()
            )
        });
    }
    tracing::info!("seeding the demo: an organizer, a buyer, an event");
    let demo = make_demo(base).await.context("cannot seed the demo")?;
    write(file, &demo)?;
    Ok(demo)
}

async fn make_demo(base: &str) -> Result<Demo> {
    let organizer = Account {
        email: "organizer@demo.eventhub.dev".into(),
        password: "demo-organizer-secret".into(),
    };
    let buyer = Account {
        email: "buyer@demo.eventhub.dev".into(),
        password: "demo-buyer-secret".into(),
    };
    let mut api = Api {
        client: Client::new(),
        base: base.into(),
        token: None,
    };
    api.enter(&buyer, "Bea Buyer").await?;
    api.enter(&organizer, "Otto Organizer").await?;

    let organizer_id = match api.get("organizers").await?["items"].get(0) {
        Some(known) => text(known, "id")?,
        None => text(
            &api.post(
                "organizers",
                json!({"name": "Demo Concerts", "slug": "demo-concerts"}),
            )
            .await?,
            "id",
        )?,
    };
    let venue = api
        .post(
            "venues",
            json!({
                "organizer_id": organizer_id, "name": "Grand Theatre", "time_zone": "Europe/Berlin",
                "address": {"line1": "Schlossplatz 1", "city": "Berlin", "postal_code": "10178", "country": "DE"},
                "location": {"latitude": 52.5176, "longitude": 13.4030},
            }),
        )
        .await?;
    let venue_id = text(&venue, "id")?;
    let layout = api
        .post("layout-templates/theatre/instantiate", json!({"venue_id": venue_id, "name": "Main hall", "parameters": {"stalls_rows": 26, "balcony_rows": 10}}))
        .await?;
    let names = categories(&layout["layout"]);
    let categories: Vec<Value> = names
        .iter()
        .enumerate()
        .map(|(at, id)| json!({"id": id, "name": title(id), "price": 4500 + 1500 * at}))
        .collect();

    let (starts_at, ends_at) = evening_in_sixty_days();
    let event = api
        .post(
            "events",
            json!({
                "organizer_id": organizer_id, "venue_id": venue_id, "layout_id": text(&layout, "id")?,
                "title": "Opening Night", "description": "The demo event: hold seats, pay with a test card, get your tickets.",
                "currency": "EUR", "categories": categories, "tags": ["demo", "concert"],
                "sessions": [{"starts_at": starts_at, "ends_at": ends_at}],
            }),
        )
        .await?;
    let event_id = text(&event, "id")?;
    let published = api
        .post(&format!("events/{event_id}/publish"), json!({}))
        .await?;
    let session_id = text(&published["sessions"][0], "id")?;
    Ok(Demo {
        organizer,
        buyer,
        event_id,
        session_id,
    })
}

fn categories(layout: &Value) -> BTreeSet<String> {
    let of = |list: &str| layout[list].as_array().cloned().unwrap_or_default();
    let parts = of("sections").into_iter().chain(of("areas"));
    parts
        .filter_map(|part| part["category"].as_str().map(str::to_string))
        .collect()
}

fn title(id: &str) -> String {
    let mut characters = id.chars();
    characters
        .next()
        .map(|first| first.to_uppercase().chain(characters).collect())
        .unwrap_or_default()
}

fn evening_in_sixty_days() -> (String, String) {
    let day = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * 60);
    let date = day.strftime("%Y-%m-%d");
    (format!("{date}T18:00:00Z"), format!("{date}T20:30:00Z"))
}

fn text(value: &Value, member: &str) -> Result<String> {
    value[member]
        .as_str()
        .map(str::to_string)
        .with_context(|| format!("the answer has no {member}: {value}"))
}

//! A client of the API, signed in or not. It never hides a status: tests state their expectation.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use reqwest::{Client, Method};
use serde_json::{Value, json};

/// A user of the API.
#[derive(Clone)]
pub struct Api {
    pub client: Client,
    pub base: String,
    pub token: Option<String>,
    pub user_id: Option<String>,
}

/// The answer to a request.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: Value,
}

impl Answer {
    /// The body, if the status is the expected one; panics with the whole answer otherwise.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:#?}");
        self.body
    }

    /// The problem with that status and code; panics otherwise.
    #[track_caller]
    pub fn expect_problem(self, status: u16, code: &str) -> Value {
        assert_eq!(
            (self.status, self.body["code"].as_str()),
            (status, Some(code)),
            "{self:#?}"
        );
        assert_eq!(
            self.headers.get("content-type").map(String::as_str),
            Some("application/problem+json"),
            "{self:#?}"
        );
        self.body
    }

    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .unwrap_or_else(|| panic!("no header {name} in {self:#?}"))
    }
}

/// An answer that tells whether to retry.
pub trait Told {
    /// Status, and the code of a problem.
    fn told(&self) -> (u16, &str);
}

impl Told for Answer {
    fn told(&self) -> (u16, &str) {
        (self.status, self.body["code"].as_str().unwrap_or_default())
    }
}

/// The answer after at most two retries, which a stalling machine asks of clients. An error caused
/// by bad input occurs again.
pub async fn patiently<T: Told, F: Future<Output = Result<T>>>(ask: impl Fn() -> F) -> Result<T> {
    for _ in 0..2 {
        let answer = ask().await?;
        if !matches!(answer.told(), (503, "unavailable" | "overloaded")) {
            return Ok(answer);
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    ask().await
}

impl Api {
    /// An anonymous client. `http` is the base URL of `state.json`.
    pub fn anonymous(http: &str) -> Self {
        let client = Client::builder()
            .pool_max_idle_per_host(512)
            .build()
            .unwrap_or_default();
        Self {
            client,
            base: http.to_string(),
            token: None,
            user_id: None,
        }
    }

    /// A new account.
    pub async fn sign_up(http: &str, name: &str) -> Result<Self> {
        let mut api = Self::anonymous(http);
        let tokens = patiently(|| {
            // A new address for each attempt: the first account may exist although its answer was
            // lost.
            let email = format!(
                "{}-{:x}@example.org",
                name.to_lowercase().replace(' ', "."),
                rand::random::<u64>()
            );
            api.post(
                "auth/signup",
                json!({"email": email, "password": "correct horse battery", "name": name}),
            )
        });
        let tokens = tokens.await?.expect(201);
        api.token = tokens["access_token"].as_str().map(str::to_string);
        api.user_id = tokens["user"]["id"].as_str().map(str::to_string);
        Ok(api)
    }

    pub async fn log_in(http: &str, email: &str, password: &str) -> Result<Self> {
        let mut api = Self::anonymous(http);
        let tokens = api
            .post("auth/login", json!({"email": email, "password": password}))
            .await?
            .expect(200);
        api.token = tokens["access_token"].as_str().map(str::to_string);
        api.user_id = tokens["user"]["id"].as_str().map(str::to_string);
        Ok(api)
    }

    /// `path` is relative to `/api/v1`, or absolute with a leading slash.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Result<Answer> {
        let url = if path.starts_with('/') {
            format!("{}{path}", self.base)
        } else {
            format!("{}/api/v1/{path}", self.base)
        };
        let mut request = self.client.request(method, url);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| {
                (
                    name.to_string(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .collect();
        let bytes = response.bytes().await?;
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        Ok(Answer {
            status,
            headers,
            body,
        })
    }

    pub async fn get(&self, path: &str) -> Result<Answer> {
        self.send(Method::GET, path, &[], None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Result<Answer> {
        self.send(Method::POST, path, &[], Some(&body)).await
    }

    pub async fn delete(&self, path: &str) -> Result<Answer> {
        self.send(Method::DELETE, path, &[], None).await
    }

    /// A hold on named seats.
    pub async fn hold(&self, session: &str, seats: &[&str]) -> Result<Answer> {
        self.post(
            &format!("sessions/{session}/holds"),
            json!({"seats": seats}),
        )
        .await
    }

    /// Books a hold, with a new idempotency key.
    pub async fn book(&self, hold: &str) -> Result<Answer> {
        self.book_with(hold, &format!("{:032x}", rand::random::<u128>()))
            .await
    }

    /// Books a hold with this idempotency key.
    pub async fn book_with(&self, hold: &str, key: &str) -> Result<Answer> {
        let body = json!({"hold_id": hold, "payment": {"provider": "stripe"}});
        self.send(
            Method::POST,
            "bookings",
            &[("idempotency-key", key)],
            Some(&body),
        )
        .await
    }

    /// Polls the booking until its status is one of `wanted`; panics with the booking after 30
    /// seconds.
    pub async fn booking_in(&self, id: &str, wanted: &[&str]) -> Result<Value> {
        let end = std::time::Instant::now() + Duration::from_secs(30);
        loop {
            let answer = self.get(&format!("bookings/{id}")).await;
            if let Ok(answer) = &answer
                && answer.status == 200
                && answer.body["status"]
                    .as_str()
                    .is_some_and(|status| wanted.contains(&status))
            {
                return Ok(answer.body.clone());
            }
            assert!(
                std::time::Instant::now() < end,
                "booking {id} is not {wanted:?} after 30 s: {answer:#?}"
            );
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }
}

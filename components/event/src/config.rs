//! Configuration of this component, from environment variables.

use std::sync::LazyLock;

use eventhub_guest::config::text;
use eventhub_guest::ids::SessionId;

/// Everything that can be set.
#[derive(Debug, Default)]
pub struct Config {
    /// `LIVE_URL`: where clients reach the WebSockets, if not at the API's address. Otherwise
    /// `PUBLIC_URL`: where clients reach the API, such as `https://tickets.example`. Without either
    /// a `live_url` is a path only.
    pub public_url: Option<String>,
}

static CONFIG: LazyLock<Config> = LazyLock::new(Config::from_environment);

impl Config {
    /// The configuration of this instance, read once.
    pub fn current() -> &'static Self {
        &CONFIG
    }

    /// Reads the environment.
    pub fn from_environment() -> Self {
        Self {
            public_url: text("LIVE_URL").or_else(|| text("PUBLIC_URL")),
        }
    }

    /// The WebSocket of a session's seats.
    pub fn live_url(&self, session: SessionId) -> String {
        let path = format!("/api/v1/sessions/{session}/live");
        let Some(url) = self.public_url.as_deref() else {
            return path;
        };
        let url = url.trim_end_matches('/');
        let socket = url
            .strip_prefix("https://")
            .map(|rest| format!("wss://{rest}"));
        let socket = socket.or_else(|| {
            url.strip_prefix("http://")
                .map(|rest| format!("ws://{rest}"))
        });
        socket.map_or(path.clone(), |socket| socket + &path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn live_urls_are_sockets_of_the_public_url() {
        let session = SessionId::from_u128(0);
        let url = |url: Option<&str>| {
            Config {
                public_url: url.map(String::from),
            }
            .live_url(session)
        };
        let path = "/api/v1/sessions/ses_00000000000000000000000000/live";
        assert_eq!(url(None), path);
        assert_eq!(
            url(Some("http://localhost:8080/")),
            format!("ws://localhost:8080{path}")
        );
        assert_eq!(
            url(Some("https://tickets.example")),
            format!("wss://tickets.example{path}")
        );
    }
}

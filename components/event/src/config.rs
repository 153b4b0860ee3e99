//! Configuration of this component, from environment variables.

use eventhub_guest::config::text;
use eventhub_guest::ids::SessionId;

/// All of it, read once per instance.
pub struct Config {
    /// `LIVE_URL`: where clients reach the WebSockets, when that is elsewhere than the API;
    /// `PUBLIC_URL`: where they reach the API, such as `https://tickets.example`. Without either a `live_url` is a path only.
    url: Option<String>,
}

thread_local! {
    static CONFIG: Config = Config { url: text("LIVE_URL").or_else(|| text("PUBLIC_URL")) };
}

/// The WebSocket of a session's seats.
pub fn live_url(session: SessionId) -> String {
    CONFIG.with(|config| config.live_url(session))
}

impl Config {
    fn live_url(&self, session: SessionId) -> String {
        let path = format!("/api/v1/sessions/{session}/live");
        let Some(url) = self.url.as_deref().map(|url| url.trim_end_matches('/')) else {
            return path;
        };
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
                url: url.map(String::from),
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

//! Configuration of the gateway, read from the environment once per instance.

use eventhub_edge::address::Network;
use eventhub_guest::config::{parsed, text};

use crate::cors::Origins;
use crate::rate::Policy;

/// Every setting and its default.
pub struct Config {
    /// `JWT_ISSUER`: what `iss` must be. Default `https://eventhub.dev`.
    pub issuer: String,
    /// `JWT_AUDIENCE`: what `aud` must be. Default `eventhub`.
    pub audience: String,
    /// `CORS_ORIGINS`: origins whose pages may call, separated by commas. Default `*`: all, without
    /// credentials.
    pub origins: Origins,
    /// `TRUSTED_PROXIES`: addresses and CIDR blocks, separated by commas, whose `X-Forwarded-For`
    /// is trusted. Default none: a host that knows its proxies itself reports the client
    /// (`http.trusted_proxies` of our host).
    pub trusted_proxies: Vec<Network>,
    /// `PEER_HEADER`: the header in which the host reports the peer, for hosts that cannot report
    /// it otherwise; its last value counts. Default none. For Spin: `spin-client-addr`.
    pub peer_header: Option<String>,
    /// `MAX_BODY_BYTES`: the largest body of a request. Default 1 MiB.
    pub max_body: usize,
    /// `MAX_LAYOUT_BODY_BYTES`: the same for layouts. Default 21,000,000: a layout of 20 MB and its
    /// envelope.
    pub max_layout_body: usize,
    /// `MAX_HEADER_BYTES`: path, query, and all names and values of headers together. Default 32
    /// KiB.
    pub max_headers: usize,
    /// `RATE_LIMIT_USER_PER_SECOND`, `RATE_LIMIT_USER_BURST`: the limit of a signed-in user.
    /// Default 20 and 60; 0 per second is no limit.
    pub user_policy: Option<Policy>,
    /// `RATE_LIMIT_ADDRESS_PER_SECOND`, `RATE_LIMIT_ADDRESS_BURST`: the limit of an address, for
    /// requests without a signed-in user. Default 50 and 200.
    pub address_policy: Option<Policy>,
    /// `RATE_LIMIT_AUTH_PER_MINUTE`: the limit of log-ins and sign-ups of an address. Default 30; 0
    /// is no limit.
    pub auth_policy: Option<Policy>,
}

impl Config {
    pub fn from_env() -> Self {
        eventhub_guest::log::init();
        let per_second = |name, rate: &str, default_rate, burst: &str, default_burst| {
            Policy::new(
                name,
                parsed::<f64>(rate, default_rate),
                parsed::<u32>(burst, default_burst),
            )
        };
        let per_minute: u32 = parsed("RATE_LIMIT_AUTH_PER_MINUTE", 30);
        let proxies = text("TRUSTED_PROXIES").unwrap_or_default();
        Self {
            issuer: text("JWT_ISSUER").unwrap_or_else(|| "https://eventhub.dev".into()),
            audience: text("JWT_AUDIENCE").unwrap_or_else(|| "eventhub".into()),
            origins: Origins::parse(text("CORS_ORIGINS").as_deref().unwrap_or("*")),
            trusted_proxies: proxies
                .split(',')
                .map(str::trim)
                .filter(|text| !text.is_empty())
                .filter_map(network)
                .collect(),
            peer_header: text("PEER_HEADER")
                .filter(|name| !name.is_empty())
                .map(|name| name.to_ascii_lowercase()),
            max_body: parsed("MAX_BODY_BYTES", 1024 * 1024),
            max_layout_body: parsed("MAX_LAYOUT_BODY_BYTES", 21_000_000),
            max_headers: parsed("MAX_HEADER_BYTES", 32 * 1024),
            user_policy: per_second(
                "user",
                "RATE_LIMIT_USER_PER_SECOND",
                20.0,
                "RATE_LIMIT_USER_BURST",
                60,
            ),
            address_policy: per_second(
                "address",
                "RATE_LIMIT_ADDRESS_PER_SECOND",
                50.0,
                "RATE_LIMIT_ADDRESS_BURST",
                200,
            ),
            auth_policy: Policy::new("auth", f64::from(per_minute) / 60.0, per_minute),
        }
    }
}

fn network(text: &str) -> Option<Network> {
    let network = text.parse().ok();
    if network.is_none() {
        tracing::error!(
            proxy = text,
            "TRUSTED_PROXIES has an entry that is neither address nor CIDR block; it is not trusted"
        );
    }
    network
}

//! `allowed_outbound_hosts`: the hosts that a component may talk to.

use anyhow::{Context, Result};

/// Scheme, host and port of an entry or of a requested URL.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Address {
    scheme: String,
    host: String,
    port: u16,
}

impl Address {
    fn parse(url: &str) -> Result<Self> {
        let (scheme, rest) = url
            .split_once("://")
            .with_context(|| format!("{url} has no scheme"))?;
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        let authority = authority
            .rsplit_once('@')
            .map_or(authority, |(_, authority)| authority);
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) => (
                host,
                port.parse().with_context(|| format!("{url}: no port"))?,
            ),
            None => (authority, default_port(scheme)),
        };
        Ok(Self {
            scheme: scheme.into(),
            host: host.into(),
            port,
        })
    }
}

fn default_port(scheme: &str) -> u16 {
    match scheme {
        "https" => 443,
        "postgres" => 5432,
        "redis" => 6379,
        _ => 80,
    }
}

/// The entries of a component.
#[derive(Clone)]
pub struct AllowedHosts(Vec<Address>);

impl AllowedHosts {
    pub fn parse(entries: &[String]) -> Result<Self> {
        Ok(Self(
            entries
                .iter()
                .map(|entry| Address::parse(entry))
                .collect::<Result<_>>()?,
        ))
    }

    pub fn allow(&self, url: &str) -> bool {
        Address::parse(url).is_ok_and(|address| self.0.contains(&address))
    }
}

/// The target of `http://<component>.spin.internal`.
pub fn chained(authority: &str) -> Option<&str> {
    authority.split(':').next()?.strip_suffix(".spin.internal")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheme_host_and_port_must_be_those_of_an_entry() {
        let hosts = AllowedHosts::parse(&[
            "http://127.0.0.1:8091".into(),
            "http://booking.spin.internal".into(),
            "postgres://db:5433".into(),
        ])
        .unwrap();
        for allowed in [
            "http://127.0.0.1:8091/call/x",
            "http://booking.spin.internal/call",
            "postgres://me:pw@db:5433/event_db?x=1",
        ] {
            assert!(hosts.allow(allowed), "{allowed}");
        }
        for refused in [
            "http://127.0.0.1:8092/",
            "https://127.0.0.1:8091/",
            "http://payment.spin.internal/",
            "postgres://db/event_db",
            "nonsense",
        ] {
            assert!(!hosts.allow(refused), "{refused}");
        }
    }
}

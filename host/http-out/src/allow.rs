//! The allow-list: which authorities a component may talk to.

use http::Uri;

/// An entry that cannot be read: the operator's mistake.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "{0:?} is not an authority such as api.example.com, *.example.com or `private localhost:4242`"
)]
pub struct ParseError(String);

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    host: String,
    /// Any subdomain of `host`.
    wildcard: bool,
    /// `None` is the scheme's default port.
    port: Option<u16>,
    /// The authority may be in our own network.
    private: bool,
}

/// The addresses that an allowed request may reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowed {
    pub private: bool,
}

impl Authority {
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let error = || ParseError(text.to_owned());
        let (private, rest) = match text.trim().strip_prefix("private ") {
            Some(rest) => (true, rest.trim()),
            // This is the keyword without an authority, not a host named `private`.
            None if text.trim() == "private" => return Err(error()),
            None => (false, text.trim()),
        };
        let (wildcard, rest) = match rest.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let authority: http::uri::Authority = rest.parse().map_err(|_| error())?;
        if authority.host().is_empty() || authority.as_str().contains('@') || rest.contains('*') {
            return Err(error());
        }
        let host = authority.host().to_ascii_lowercase();
        Ok(Self {
            host,
            wildcard,
            port: authority.port_u16(),
            private,
        })
    }

    /// Whether a request to that URI is allowed by this entry. Plain HTTP is allowed to private
    /// addresses only.
    pub fn allows(&self, uri: &Uri) -> Option<Allowed> {
        let (host, scheme) = (uri.host()?.to_ascii_lowercase(), uri.scheme_str()?);
        let default = match scheme {
            "https" => 443,
            "http" if self.private => 80,
            _ => return None,
        };
        let host_fits = if self.wildcard {
            host.strip_suffix(&self.host)
                .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
        } else {
            host == self.host
        };
        let port_fits = uri.port_u16().unwrap_or(default) == self.port.unwrap_or(default);
        (host_fits && port_fits).then_some(Allowed {
            private: self.private,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(entry: &str, uri: &str) -> bool {
        Authority::parse(entry)
            .unwrap()
            .allows(&uri.parse().unwrap())
            .is_some()
    }

    #[test]
    fn only_the_named_authority_is_allowed() {
        assert!(allows(
            "api.stripe.com",
            "https://api.stripe.com/v1/refunds"
        ));
        assert!(allows("api.stripe.com", "https://API.stripe.com:443/"));
        for uri in [
            "http://api.stripe.com/",
            "https://api.stripe.com:8443/",
            "https://api.stripe.com.evil.org/",
            "https://stripe.com/",
            "https://x.api.stripe.com/",
        ] {
            assert!(!allows("api.stripe.com", uri), "{uri}");
        }
        assert!(allows("*.example.com", "https://a.b.example.com/"));
        assert!(!allows("*.example.com", "https://example.com/"));
        assert!(!allows("*.example.com", "https://badexample.com/"));
        assert!(allows(
            "private 127.0.0.1:12111",
            "http://127.0.0.1:12111/v1"
        ));
    }

    #[test]
    fn an_entry_that_is_no_authority_is_refused() {
        for entry in [
            "",
            "*",
            "https://api.stripe.com",
            "user@host",
            "a.*.com",
            "private ",
        ] {
            assert!(Authority::parse(entry).is_err(), "{entry}");
        }
    }
}

//! One pass over the headers of a request: notes those that the gateway itself reads, and removes
//! those that services must not get.

/// The headers that the gateway reads, as the client sent them.
#[derive(Default, Debug, PartialEq)]
pub struct RequestHeaders {
    pub request_id: Option<String>,
    pub traceparent: Option<String>,
    pub origin: Option<String>,
    pub authorization: Option<String>,
    pub idempotency_key: Option<String>,
    /// The values of all `X-Forwarded-For` in order, separated by commas.
    pub forwarded_for: Option<String>,
    /// The last value of the header in which the host reports the peer.
    pub peer: Option<String>,
    /// The values of all `Accept`, likewise.
    pub accept: Option<String>,
    /// `Content-Length`, if it is a number.
    pub announced: u64,
    /// `Authorization` came more than once, so the sender is ambiguous.
    pub repeats_authorization: bool,
    /// `Idempotency-Key` came more than once.
    pub repeats_key: bool,
    /// Bytes of all names and values.
    pub size: usize,
}

/// Reads and cleans the headers (lower-case names). Services get neither hop-by-hop headers (RFC
/// 9110 section 7.6.1) nor credentials: the principal identifies the sender. `peer_header` is the
/// header in which the host reports the peer.
pub fn extract_headers(
    headers: &mut Vec<(String, String)>,
    peer_header: Option<&str>,
) -> RequestHeaders {
    let mut noted = RequestHeaders::default();
    let mut named_by_connection = String::new();
    headers.retain_mut(|(name, value)| {
        noted.size += name.len() + value.len();
        match name.as_str() {
            "x-request-id" => noted.request_id = Some(std::mem::take(value)),
            "traceparent" => noted.traceparent = Some(std::mem::take(value)),
            "origin" => noted.origin = Some(std::mem::take(value)),
            "authorization" => {
                noted.repeats_authorization |=
                    noted.authorization.replace(std::mem::take(value)).is_some()
            }
            "x-forwarded-for" => join(&mut noted.forwarded_for, value),
            "accept" => join(&mut noted.accept, value),
            "connection" => {
                named_by_connection.push_str(value);
                named_by_connection.push(',');
            }
            "keep-alive"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "proxy-connection"
            | "proxy-authorization"
            | "cookie"
            | "expect" => {}
            "idempotency-key" => {
                // Passed on: services store the key as the last safeguard.
                noted.repeats_key |= noted.idempotency_key.replace(value.clone()).is_some();
                return true;
            }
            "content-length" => {
                noted.announced = value.parse().unwrap_or(0);
                return true;
            }
            // The client may have written every value before the last one.
            name if Some(name) == peer_header => noted.peer = Some(std::mem::take(value)),
            _ => return true,
        }
        false
    });
    if named_by_connection.len() > 1 {
        let names: Vec<String> = named_by_connection
            .split(',')
            .map(|name| name.trim().to_ascii_lowercase())
            .collect();
        // These headers are end-to-end: a client cannot make the gateway drop them.
        let kept = |name: &str| {
            matches!(
                name,
                "content-type" | "idempotency-key" | "if-match" | "stripe-signature"
            )
        };
        headers.retain(|(name, _)| kept(name) || !names.contains(name));
    }
    noted
}

fn join(slot: &mut Option<String>, value: &mut String) {
    match slot {
        None => *slot = Some(std::mem::take(value)),
        Some(joined) => {
            joined.push(',');
            joined.push_str(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect()
    }

    #[test]
    fn neither_credentials_nor_hop_headers_reach_a_service() {
        let mut sent = headers(&[
            ("authorization", "Bearer x"),
            ("connection", "close, x-secret"),
            ("x-secret", "1"),
            ("te", "trailers"),
            ("if-match", "\"v1\""),
            ("cookie", "a=b"),
        ]);
        let noted = extract_headers(&mut sent, None);
        assert_eq!(sent, headers(&[("if-match", "\"v1\"")]));
        assert_eq!(noted.authorization.as_deref(), Some("Bearer x"));
    }

    #[test]
    fn forwarded_addresses_keep_order_and_a_second_token_is_noticed() {
        let mut sent = headers(&[
            ("x-forwarded-for", "1.1.1.1"),
            ("x-forwarded-for", "2.2.2.2"),
            ("authorization", "a"),
            ("authorization", "b"),
        ]);
        let noted = extract_headers(&mut sent, None);
        assert_eq!(noted.forwarded_for.as_deref(), Some("1.1.1.1,2.2.2.2"));
        assert!(noted.repeats_authorization && !noted.repeats_key);
    }

    #[test]
    fn connection_cannot_name_away_what_a_service_decides_by() {
        let mut sent = headers(&[
            ("connection", "if-match, idempotency-key"),
            ("if-match", "\"v1\""),
            ("idempotency-key", "k"),
        ]);
        extract_headers(&mut sent, None);
        assert_eq!(
            sent,
            headers(&[("if-match", "\"v1\""), ("idempotency-key", "k")])
        );
    }

    #[test]
    fn the_peer_is_what_the_host_says_last() {
        let mut sent = headers(&[("x-peer", "6.6.6.6"), ("x-peer", "203.0.113.9:4711")]);
        assert_eq!(
            extract_headers(&mut sent, Some("x-peer")).peer.as_deref(),
            Some("203.0.113.9:4711")
        );
        assert_eq!(sent, headers(&[]));
        let mut sent = headers(&[("x-peer", "6.6.6.6")]);
        assert_eq!(
            extract_headers(&mut sent, None).peer,
            None,
            "on a host that tells it otherwise, the header is the client's"
        );
    }
}

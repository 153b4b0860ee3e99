//! The client's address of a request that may have passed through proxies.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// A block of addresses: `10.0.0.0/8`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    first: u128,
    mask: u128,
}

/// An invalid entry in a list of networks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotANetwork(String);

impl fmt::Display for NotANetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is neither address nor CIDR block", self.0)
    }
}

impl std::error::Error for NotANetwork {}

/// Maps IPv4 to IPv6, so that both forms compare equal.
fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        block(text).ok_or_else(|| NotANetwork(text.into()))
    }
}

fn block(text: &str) -> Option<Network> {
    let (address, length) = text
        .split_once('/')
        .map_or((text, None), |(address, length)| (address, Some(length)));
    let address: IpAddr = address.parse().ok()?;
    let width = if address.is_ipv4() { 32 } else { 128 };
    let length: u32 = length.map_or(Some(width), |length| length.parse().ok())?;
    let mask = u128::MAX
        .checked_shl(width.checked_sub(length)?)
        .unwrap_or(0);
    Some(Network {
        first: bits(address) & mask,
        mask,
    })
}

/// Writes the block in the form that parses back to it.
impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, length) = (Ipv6Addr::from_bits(self.first), self.mask.count_ones());
        match (first.to_ipv4_mapped(), length.checked_sub(96)) {
            (Some(v4), Some(length)) => write!(f, "{v4}/{length}"),
            _ => write!(f, "{first}/{length}"),
        }
    }
}

impl Network {
    /// Whether the block contains the address.
    pub fn contains(&self, address: IpAddr) -> bool {
        bits(address) & self.mask == self.first
    }
}

/// The client's address: the peer, unless the peer is a trusted proxy; then the last untrusted
/// address in `X-Forwarded-For`. The client itself may have written every address to the left of
/// it.
pub fn client(peer: &str, forwarded_for: Option<&str>, trusted: &[Network]) -> Option<IpAddr> {
    let peer = parse(peer);
    let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(*address));
    // A host that does not report the peer is behind a proxy of its own.
    let believes = !trusted.is_empty() && peer.as_ref().is_none_or(is_trusted);
    let Some(forwarded_for) = forwarded_for.filter(|_| believes) else {
        return peer;
    };
    let mut nearest = peer;
    for hop in forwarded_for.rsplit(',') {
        match parse(hop.trim()) {
            Some(address) if is_trusted(&address) => nearest = Some(address),
            Some(address) => return Some(address),
            // An unreadable hop: the addresses to the left of it cannot be trusted.
            None => return nearest,
        }
    }
    nearest
}

/// An address, with or without a port, as proxies write it.
fn parse(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_canonical());
    }
    if let Ok(socket) = text.parse::<std::net::SocketAddr>() {
        return Some(socket.ip().to_canonical());
    }
    let inner = text.strip_prefix('[')?.strip_suffix(']')?;
    inner
        .parse::<Ipv6Addr>()
        .ok()
        .map(|v6| IpAddr::V6(v6).to_canonical())
}

/// The key that counts an address: an IPv4 address itself, or the /64 of an IPv6 address, since one
/// customer usually has a whole /64.
pub fn bucket(address: Option<IpAddr>) -> String {
    match address {
        Some(IpAddr::V4(v4)) => v4.to_string(),
        Some(IpAddr::V6(v6)) => {
            Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).to_string()
        }
        None => "unknown".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(text: &str) -> Vec<Network> {
        text.split(',').map(|one| one.parse().unwrap()).collect()
    }

    fn ip(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn nobody_chooses_their_own_address() {
        let proxies = networks("10.0.0.0/8,fd00::/8");
        assert_eq!(
            client("203.0.113.9", Some("1.1.1.1"), &proxies),
            ip("203.0.113.9")
        );
        assert_eq!(
            client("203.0.113.9", Some("1.1.1.1"), &[]),
            ip("203.0.113.9")
        );
        assert_eq!(
            client("10.0.0.1", Some("6.6.6.6, 203.0.113.9"), &proxies),
            ip("203.0.113.9")
        );
        assert_eq!(
            client("10.0.0.1", Some("6.6.6.6, 203.0.113.9, 10.9.9.9"), &proxies),
            ip("203.0.113.9")
        );
        assert_eq!(
            client("10.0.0.1", Some("6.6.6.6, nonsense, 10.9.9.9"), &proxies),
            ip("10.9.9.9")
        );
        assert_eq!(client("10.0.0.1", None, &proxies), ip("10.0.0.1"));
    }

    #[test]
    fn ports_brackets_and_mapped_addresses_are_read() {
        let proxies = networks("10.0.0.1,::1");
        for (sent, meant) in [
            ("203.0.113.9:4711", "203.0.113.9"),
            ("[2001:db8::1]:80", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
        ] {
            assert_eq!(client("::1", Some(sent), &proxies), ip(meant));
        }
        assert_eq!(
            client("::ffff:10.0.0.1", Some("203.0.113.9"), &proxies),
            ip("203.0.113.9")
        );
    }

    #[test]
    fn blocks_contain_their_addresses_only() {
        let network: Network = "192.168.4.0/22".parse().unwrap();
        assert!(
            network.contains("192.168.7.255".parse().unwrap())
                && !network.contains("192.168.8.0".parse().unwrap())
        );
        assert!(
            "0.0.0.0/0"
                .parse::<Network>()
                .unwrap()
                .contains("8.8.8.8".parse().unwrap())
        );
        assert!(
            !"0.0.0.0/0"
                .parse::<Network>()
                .unwrap()
                .contains("2001:db8::1".parse().unwrap())
        );
        for text in ["", "10.0.0.0/33", "10.0.0", "::/129", "10.0.0.0/x"] {
            assert_eq!(
                text.parse::<Network>(),
                Err(NotANetwork(text.into())),
                "{text}"
            );
        }
    }

    #[test]
    fn a_block_that_is_written_out_reads_back_as_the_same() {
        for (text, written) in [
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("10.1.2.3", "10.1.2.3/32"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("fd00::1/8", "fd00::/8"),
            ("::/0", "::/0"),
        ] {
            let network: Network = text.parse().unwrap();
            assert_eq!(network.to_string(), written);
            assert_eq!(written.parse(), Ok(network));
        }
    }

    #[test]
    fn one_customer_of_ipv6_is_one_bucket() {
        assert_eq!(
            bucket(ip("2001:db8:1:2:3:4:5:6")),
            bucket(ip("2001:db8:1:2::1"))
        );
        assert_ne!(bucket(ip("2001:db8:1:2::1")), bucket(ip("2001:db8:1:3::1")));
    }
}

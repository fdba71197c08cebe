//! Whether a place that a server names may be dialled at all, and which form of place to ask it for.
//! Resolves no name: a name is judged by its text here, and every address that it resolves to must be
//! judged again with [`judge_ip`] before it is dialled.
//!
//! Whoever can write to the connection could otherwise have the client send its password to any address: a
//! metadata service of a cloud (169.254.169.254), a service that listens on loopback and trusts what comes
//! from there. The user's own policy may only narrow what is allowed here.

use crate::protocol::Endpoint;
use crate::protocol::handshake::MovingEndpointType;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Why a place may not be dialled.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Forbidden {
    /// The address that means every host of the network.
    Broadcast,
    /// An address that never leaves the segment; cloud metadata services live there.
    LinkLocal,
    /// This very machine, named by a peer that is not this machine.
    Loopback,
    /// A group of hosts.
    Multicast,
    /// A path of this machine, named by a server.
    Path,
    /// No address at all: 0.0.0.0, `::`, and what else begins with a zero.
    Unspecified,
}

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Broadcast => "a broadcast address",
            Self::LinkLocal => "a link-local address",
            Self::Loopback => "a loopback address, although the server is elsewhere",
            Self::Multicast => "a multicast address",
            Self::Path => "a path of this machine",
            Self::Unspecified => "an unspecified address",
        })
    }
}

/// Judges a place named by the server at `peer`. A host name passes unless it is a spelling of this
/// machine; what it resolves to is judged by [`judge_ip`].
pub(crate) fn judge(target: &Endpoint, peer: Option<IpAddr>) -> Result<(), Forbidden> {
    match target {
        Endpoint::Unix(_) => Err(Forbidden::Path),
        Endpoint::Tcp { host, .. } => {
            // A zone ("fe80::1%eth0") keeps the text from parsing as an address, not from being one.
            let bare = host
                .split_once('%')
                .map_or(host.as_str(), |(address, _)| address);
            match bare.parse() {
                Ok(ip) => judge_ip(ip, peer),
                // A name is judged before the lookup only where every lookup must give loopback.
                Err(_) if is_localhost(host) && !is_local(peer) => Err(Forbidden::Loopback),
                Err(_) => Ok(()),
            }
        }
    }
}

/// Judges an address named by the server at `peer`, or resolved from a name that it gave. Private networks
/// pass: that is where most databases are. Loopback passes only from a server on loopback, such as a test's.
pub(crate) fn judge_ip(ip: IpAddr, peer: Option<IpAddr>) -> Result<(), Forbidden> {
    let ip = embedded(ip.to_canonical());
    // RFC 1122 3.2.1.3: 0.0.0.0/8 means this host, or one on this network; Linux connects it to itself.
    if ip.is_unspecified() || matches!(ip, IpAddr::V4(v4) if v4.octets()[0] == 0) {
        return Err(Forbidden::Unspecified);
    }
    if ip.is_multicast() {
        return Err(Forbidden::Multicast);
    }
    if ip == IpAddr::V4(Ipv4Addr::BROADCAST) {
        return Err(Forbidden::Broadcast);
    }
    if is_link_local(ip) {
        return Err(Forbidden::LinkLocal);
    }
    if ip.is_loopback() && !is_local(peer) {
        return Err(Forbidden::Loopback);
    }
    Ok(())
}

/// Whether the server is on this machine, so that it may name this machine. An unknown peer may not.
fn is_local(peer: Option<IpAddr>) -> bool {
    peer.is_some_and(|ip| ip.to_canonical().is_loopback())
}

/// Whether a name stands for this machine wherever it is looked up: RFC 6761 6.3 reserves the whole domain.
fn is_localhost(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    host == "localhost" || host.ends_with(".localhost")
}

/// 169.254.0.0/16 (RFC 3927) and fe80::/10 (RFC 4291 2.5.6).
fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.segments()[0] & 0xffc0 == 0xfe80,
    }
}

/// The IPv4 address that a translating IPv6 address (`64:ff9b::/96`, or the obsolete `::a.b.c.d`)
/// stands for: a rule that such a spelling gets around is no rule.
fn embedded(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else { return ip };
    let tail = |v6: Ipv6Addr| {
        let [.., a, b, c, d] = v6.octets();
        Ipv4Addr::new(a, b, c, d)
    };
    match v6.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, _, _] => IpAddr::V4(tail(v6)),
        // Not `::1` and `::`, whose own meaning is judged above.
        [0, 0, 0, 0, 0, 0, high, _] if high != 0 => IpAddr::V4(tail(v6)),
        _ => ip,
    }
}

/// The form to ask for on a connection to `peer`.
///
/// A certificate can be checked against a name, so TLS asks for names. Without TLS addresses are
/// asked for, even where the configured host is a name: the servers' own names may resolve nowhere.
pub(crate) fn endpoint_type(peer: Option<IpAddr>, tls: bool) -> MovingEndpointType {
    match (peer.map(is_internal), tls) {
        (None, _) => MovingEndpointType::None,
        (Some(true), true) => MovingEndpointType::InternalFqdn,
        (Some(true), false) => MovingEndpointType::InternalIp,
        (Some(false), true) => MovingEndpointType::ExternalFqdn,
        (Some(false), false) => MovingEndpointType::ExternalIp,
    }
}

/// Whether the address belongs to a private network: RFC 1918, unique local, link-local, the shared
/// `100.64.0.0/10` that pod networks use, loopback, and IPv4-mapped forms of these.
pub(crate) fn is_internal(ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    ip.is_loopback()
        || is_link_local(ip)
        || match ip {
            IpAddr::V4(v4) => {
                let [a, b, ..] = v4.octets();
                v4.is_private() || (a == 100 && b & 0xc0 == 0x40)
            }
            IpAddr::V6(v6) => v6.segments()[0] & 0xfe00 == 0xfc00,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn verdict(target: &str, peer: &str) -> Result<(), Forbidden> {
        judge(&Endpoint::tcp(target, 6379), peer.parse().ok())
    }

    #[test]
    fn h1_addresses_that_are_no_host_are_forbidden_whoever_names_them() {
        for peer in ["127.0.0.1", "10.0.0.1", "203.0.113.9", "::1", "unknown"] {
            for (target, why) in [
                ("0.0.0.0", Forbidden::Unspecified),
                ("0.0.0.1", Forbidden::Unspecified),
                ("::", Forbidden::Unspecified),
                ("224.0.0.1", Forbidden::Multicast),
                ("239.255.255.255", Forbidden::Multicast),
                ("ff02::1", Forbidden::Multicast),
                ("255.255.255.255", Forbidden::Broadcast),
                ("169.254.169.254", Forbidden::LinkLocal),
                ("169.254.0.1", Forbidden::LinkLocal),
                ("fe80::1", Forbidden::LinkLocal),
                ("fe80::1%eth0", Forbidden::LinkLocal),
                ("febf::1", Forbidden::LinkLocal),
            ] {
                assert_eq!(verdict(target, peer), Err(why), "{target} named by {peer}");
            }
        }
    }

    #[test]
    fn h1_no_spelling_gets_a_forbidden_address_through() {
        for (target, why) in [
            ("::ffff:169.254.169.254", Forbidden::LinkLocal),
            ("::ffff:a9fe:a9fe", Forbidden::LinkLocal),
            ("64:ff9b::a9fe:a9fe", Forbidden::LinkLocal),
            ("::169.254.169.254", Forbidden::LinkLocal),
            ("::ffff:127.0.0.1", Forbidden::Loopback),
            ("64:ff9b::7f00:1", Forbidden::Loopback),
            ("::ffff:0.0.0.0", Forbidden::Unspecified),
            ("::ffff:255.255.255.255", Forbidden::Broadcast),
            ("::ffff:224.0.0.1", Forbidden::Multicast),
            ("localhost", Forbidden::Loopback),
            ("LocalHost.", Forbidden::Loopback),
            ("redis.localhost", Forbidden::Loopback),
        ] {
            assert_eq!(verdict(target, "10.0.0.1"), Err(why), "{target}");
        }
    }

    #[test]
    fn h1_loopback_is_allowed_only_to_a_loopback_peer() {
        for target in [
            "127.0.0.1",
            "127.0.0.53",
            "::1",
            "::ffff:127.0.0.2",
            "localhost",
        ] {
            for peer in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
                assert_eq!(verdict(target, peer), Ok(()), "{target} named by {peer}");
            }
            for peer in ["10.0.0.1", "::ffff:10.0.0.1", "2001:db8::1", "unknown"] {
                assert_eq!(
                    verdict(target, peer),
                    Err(Forbidden::Loopback),
                    "{target} by {peer}"
                );
            }
        }
    }

    #[test]
    fn h1_ordinary_hosts_and_names_are_allowed() {
        for target in [
            "10.0.0.2",
            "54.78.247.156",
            "2001:db8::1",
            "fc00::1",
            "node2.example",
            "localhost.example",
        ] {
            assert_eq!(verdict(target, "10.0.0.1"), Ok(()), "{target}");
        }
    }

    #[test]
    fn h1_a_path_is_never_a_target() {
        let path = Endpoint::Unix("/tmp/redis".into());
        assert_eq!(judge(&path, Some(ip("127.0.0.1"))), Err(Forbidden::Path));
    }

    #[test]
    fn every_reason_explains_itself_differently() {
        use Forbidden::*;
        let all = [Broadcast, LinkLocal, Loopback, Multicast, Path, Unspecified];
        let texts: std::collections::BTreeSet<_> = all.iter().map(ToString::to_string).collect();
        assert_eq!(texts.len(), all.len());
    }

    #[test]
    fn private_addresses_are_internal() {
        for inside in [
            "10.1.2.3",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "169.254.1.1",
            "::1",
            "fe80::1",
            "fc00::1",
            "fdff::1",
            "::ffff:10.0.0.1",
            "::ffff:100.64.0.1",
        ] {
            assert!(is_internal(ip(inside)), "{inside}");
        }
        for outside in [
            "54.78.247.156",
            "172.15.255.255",
            "172.32.0.1",
            "192.169.0.1",
            "100.63.255.255",
            "100.128.0.0",
            "2001:db8::1",
            "fe00::1",
            "::ffff:8.8.8.8",
        ] {
            assert!(!is_internal(ip(outside)), "{outside}");
        }
    }

    #[test]
    fn the_form_follows_the_peer_and_the_encryption() {
        let form = |peer: &str, tls| endpoint_type(peer.parse().ok(), tls);
        assert_eq!(form("10.0.0.1", true), MovingEndpointType::InternalFqdn);
        assert_eq!(form("10.0.0.1", false), MovingEndpointType::InternalIp);
        assert_eq!(
            form("54.78.247.156", true),
            MovingEndpointType::ExternalFqdn
        );
        assert_eq!(form("54.78.247.156", false), MovingEndpointType::ExternalIp);
        assert_eq!(form("unknown", true), MovingEndpointType::None);
        assert_eq!(form("unknown", false), MovingEndpointType::None);
    }
}

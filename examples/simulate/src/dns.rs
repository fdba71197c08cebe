//! A small DNS server: the names of the deployment, as they are at the moment. Forwards nothing and
//! caches nothing.

use hitless::sim::Sim;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;

/// The longest message without extensions.
const LONGEST: usize = 512;

const A: u16 = 1;
const ANY: u16 = 255;
const INTERNET: u16 = 1;
const NO_SUCH_NAME: u8 = 3;
const NOT_IMPLEMENTED: u8 = 4;

/// Answers queries on a thread of its own, which ends with the program.
pub(crate) fn serve(sim: Arc<Sim>, at: SocketAddr) -> io::Result<SocketAddr> {
    let socket = UdpSocket::bind(at)?;
    let at = socket.local_addr()?;
    std::thread::Builder::new()
        .name("dns".into())
        .spawn(move || {
            let mut room = [0; LONGEST];
            loop {
                // An error here tells of an earlier answer that nobody received.
                let Ok((size, from)) = socket.recv_from(&mut room) else {
                    continue;
                };
                let resolve = |name: &str| known(&sim, name);
                if let Some(reply) = answer(&room[..size], resolve) {
                    // A lost answer is asked for again.
                    let _ = socket.send_to(&reply, from);
                }
            }
        })?;
    Ok(at)
}

/// The addresses of a name; literal addresses are no names here.
fn known(sim: &Sim, name: &str) -> Option<Vec<Ipv4Addr>> {
    if name.parse::<IpAddr>().is_ok() {
        return None;
    }
    let found = sim.resolver().resolve(name).ok()?;
    let v4 = found.into_iter().filter_map(|ip| match ip {
        IpAddr::V4(ip) => Some(ip),
        IpAddr::V6(_) => None,
    });
    Some(v4.collect())
}

/// The reply to a query; `None` for what is none.
fn answer(query: &[u8], resolve: impl Fn(&str) -> Option<Vec<Ipv4Addr>>) -> Option<Vec<u8>> {
    let header = query.get(..12)?;
    let (flags, questions) = (header[2], u16::from_be_bytes([header[4], header[5]]));
    let is_reply = flags & 0x80 != 0;
    if is_reply || questions != 1 {
        return None;
    }
    let (name, end) = read_name(query, 12)?;
    let kind = u16::from_be_bytes(query.get(end..end + 2)?.try_into().ok()?);
    let class = u16::from_be_bytes(query.get(end + 2..end + 4)?.try_into().ok()?);
    let standard = flags & 0x78 == 0;
    let found = resolve(&name).filter(|_| class == INTERNET);
    let code = match found {
        _ if !standard => NOT_IMPLEMENTED,
        None => NO_SUCH_NAME,
        Some(_) => 0,
    };
    let mut addresses = found.unwrap_or_default();
    if code != 0 || !matches!(kind, A | ANY) {
        addresses.clear();
    }
    let room = LONGEST - (end + 4);
    addresses.truncate(room / 16);
    let mut reply = header[..2].to_vec();
    // A reply, by who knows; recursion is not offered.
    reply.extend([0x84 | flags & 0x79, code]);
    reply.extend([0, 1, 0, u8::try_from(addresses.len()).ok()?, 0, 0, 0, 0]);
    reply.extend_from_slice(&query[12..end + 4]);
    for address in addresses {
        // The name of the question; an address; for no time at all, so that nobody keeps it.
        reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
        reply.extend(address.octets());
    }
    Some(reply)
}

/// A name that is written whole, and where it ends.
fn read_name(message: &[u8], mut at: usize) -> Option<(String, usize)> {
    let mut name = String::new();
    loop {
        let length = usize::from(*message.get(at)?);
        at += 1;
        if length == 0 {
            return Some((name, at));
        }
        let label = message.get(at..at + length).filter(|_| length < 64)?;
        at += length;
        if !name.is_empty() {
            name.push('.');
        }
        name.push_str(&String::from_utf8_lossy(label));
    }
}

#[cfg(test)]
mod tests {
    use super::answer;
    use std::net::Ipv4Addr;

    fn query(name: &str, kind: u8) -> Vec<u8> {
        let mut query = vec![7, 9, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in name.split('.') {
            query.push(label.len() as u8);
            query.extend_from_slice(label.as_bytes());
        }
        query.extend([0, 0, kind, 0, 1]);
        query
    }

    fn resolve(name: &str) -> Option<Vec<Ipv4Addr>> {
        let two = [1, 2].map(|last| Ipv4Addr::new(127, 0, 0, last));
        (name == "sim.hitless.test").then(|| two.to_vec())
    }

    #[test]
    fn a_known_name_is_answered_with_its_addresses() {
        let query = query("sim.hitless.test", 1);
        let reply = answer(&query, resolve).unwrap();
        assert_eq!(reply[..12], [7, 9, 0x85, 0, 0, 1, 0, 2, 0, 0, 0, 0]);
        assert_eq!(reply[12..query.len()], query[12..]);
        assert_eq!(reply.len(), query.len() + 32);
        assert!(reply.ends_with(&[0, 4, 127, 0, 0, 2]));
    }

    #[test]
    fn a_known_name_without_such_a_record_is_known_all_the_same() {
        let reply = answer(&query("sim.hitless.test", 28), resolve).unwrap();
        assert_eq!((reply[3] & 15, reply[7]), (0, 0));
    }

    #[test]
    fn an_unknown_name_does_not_exist() {
        let reply = answer(&query("elsewhere.test", 1), resolve).unwrap();
        assert_eq!((reply[3] & 15, reply[7]), (3, 0));
    }

    #[test]
    fn what_is_no_query_is_not_answered() {
        let whole = query("sim.hitless.test", 1);
        for end in 0..whole.len() {
            assert_eq!(answer(&whole[..end], resolve), None, "{end}");
        }
        let mut reply = whole.clone();
        reply[2] |= 0x80;
        assert_eq!(answer(&reply, resolve), None);
        // A pointer into itself.
        let mut endless = whole;
        endless[12] = 0xc0;
        assert_eq!(answer(&endless, resolve), None);
    }

    #[test]
    fn more_addresses_than_fit_are_left_out() {
        let many = |_: &str| Some(vec![Ipv4Addr::LOCALHOST; 250]);
        let reply = answer(&query("sim.hitless.test", 1), many).unwrap();
        assert!(
            reply.len() <= super::LONGEST && reply[7] == 29,
            "{}",
            reply[7]
        );
    }
}

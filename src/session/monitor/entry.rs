//! One line of `MONITOR`, taken apart. Pure: reads no connection, and refuses nothing: a line of another form is
//! kept as it is.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A command that a server was sent, as `MONITOR` tells it.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct MonitorEntry {
    /// When the server executed it, by its own clock, to the microsecond.
    pub time: SystemTime,
    /// The number of the database.
    pub database: u32,
    /// Who sent it: an address, `lua` for a script, or the path of a Unix socket.
    pub client: String,
    /// The command, its name first.
    pub arguments: Vec<Vec<u8>>,
}

impl MonitorEntry {
    /// Reads a line. `None`: it is none that servers write.
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        let (time, rest) = split(line, b" [")?;
        let (seconds, micros) = split(time, b".")?;
        // Less than a second, or `Duration::new` would add it up, which may overflow.
        let micros = u32::try_from(number(micros)?).ok();
        let nanos = micros.filter(|micros| *micros < 1_000_000)? * 1000;
        let time = Duration::new(number(seconds)?, nanos);
        let (database, rest) = split(rest, b" ")?;
        // From the end of the name on: an address of IPv6 has brackets, too.
        let (client, words) = split(rest, b"] \"")?;
        Some(Self {
            time: UNIX_EPOCH.checked_add(time)?,
            database: u32::try_from(number(database)?).ok()?,
            client: String::from_utf8_lossy(client).into_owned(),
            arguments: arguments(words)?,
        })
    }
}

/// What is in front of the first such separator, and behind it.
fn split<'a>(line: &'a [u8], by: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = line.windows(by.len()).position(|part| part == by)?;
    Some((line.get(..at)?, line.get(at + by.len()..)?))
}

fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The arguments of a line, behind the quote that begins the first.
fn arguments(text: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut all = Vec::new();
    let mut rest = text.iter().copied();
    loop {
        let mut argument = Vec::new();
        loop {
            match rest.next()? {
                b'"' => break,
                b'\\' => argument.push(escaped(&mut rest)?),
                byte => argument.push(byte),
            }
        }
        all.push(argument);
        match (rest.next(), rest.next()) {
            (None, None) => return Some(all),
            (Some(b' '), Some(b'"')) => {}
            _ => return None,
        }
    }
}

/// The byte that a backslash stands in front of (`sdscatrepr` of Redis).
fn escaped(rest: &mut impl Iterator<Item = u8>) -> Option<u8> {
    Some(match rest.next()? {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'a' => 7,
        b'b' => 8,
        b'x' => {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
            u8::try_from(high * 16 + low).ok()?
        }
        byte => byte,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_servers_are_taken_apart() {
        let line =
            br#"1339518083.107412 [3 127.0.0.1:60866] "set" "a key" "\x00\xff\"\\\r\n\t\a\b""#;
        let entry = MonitorEntry::parse(line).unwrap();
        assert_eq!(
            entry.time,
            UNIX_EPOCH + Duration::from_micros(1_339_518_083_107_412)
        );
        assert_eq!(
            (entry.database, entry.client.as_str()),
            (3, "127.0.0.1:60866")
        );
        let value = b"\0\xff\"\\\r\n\t\x07\x08".to_vec();
        assert_eq!(entry.arguments, [b"set".to_vec(), b"a key".to_vec(), value]);
        for client in ["lua", "[::1]:6379", "unix:/tmp/a b] c.sock"] {
            let line = format!("1.5 [0 {client}] \"PING\" \"\"");
            let entry = MonitorEntry::parse(line.as_bytes()).unwrap();
            assert_eq!((entry.client.as_str(), entry.arguments.len()), (client, 2));
        }
    }

    #[test]
    fn a_line_that_ends_anywhere_is_no_entry_and_no_panic() {
        let line = br#"1339518083.107412 [0 127.0.0.1:60866] "set" "k\x0a""#;
        for end in 0..line.len() {
            let whole = MonitorEntry::parse(&line[..end]);
            // Behind the first argument the line could end.
            let may = line[..end].ends_with(b"\"set\"");
            assert_eq!(whole.is_some(), may, "{end}");
        }
        for odd in [
            "",
            "OK",
            "1.2 [x a] \"b\"",
            "1.x [0 a] \"b\"",
            "1.2 [0 a] \"b\"c",
            "1.2 [0 a] \"\\xzz\"",
            "18446744073709551615.1000000 [0 a] \"b\"",
            "18446744073709551615.999999 [0 a] \"b\"",
        ] {
            assert_eq!(MonitorEntry::parse(odd.as_bytes()), None, "{odd}");
        }
    }
}

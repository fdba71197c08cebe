//! Names of commands: what errors show, and what a name says about the reply. Reads commands in the
//! form of the wire.

/// Most letters of a word that are shown: no command has as many.
const LONGEST: usize = 64;

/// The commands whose first argument is part of their name.
const CONTAINERS: [&str; 23] = [
    "ACL",
    "BACKUP",
    "CLIENT",
    "CLUSTER",
    "COMMAND",
    "COMMANDLOG",
    "CONFIG",
    "DEBUG",
    "FT.CONFIG",
    "FT.CURSOR",
    "FUNCTION",
    "HOTKEYS",
    "JSON.DEBUG",
    "LATENCY",
    "MEMORY",
    "MODULE",
    "OBJECT",
    "PUBSUB",
    "SCRIPT",
    "SENTINEL",
    "SLOWLOG",
    "XGROUP",
    "XINFO",
];

/// The arguments of an encoded command behind its header, the name first.
pub(super) fn arguments(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = body;
    std::iter::from_fn(move || {
        let end = rest.iter().position(|&byte| byte == b'\r')?;
        let length: usize = std::str::from_utf8(rest.get(1..end)?).ok()?.parse().ok()?;
        let argument = rest.get(end + 2..end + 2 + length)?;
        rest = rest.get(end + 4 + length..)?;
        Some(argument)
    })
}

/// The name of a command with these arguments in upper case, with its sub-command; nothing else of
/// them, for they may be secret.
pub(super) fn shown<'a>(mut arguments: impl Iterator<Item = &'a [u8]>) -> String {
    let word = arguments.next().unwrap_or_default();
    let word = word.get(..LONGEST).unwrap_or(word);
    let mut name = String::from_utf8_lossy(word).to_ascii_uppercase();
    let is_container = CONTAINERS.contains(&name.as_str());
    if let Some(word) = arguments
        .next()
        .filter(|word| is_container && is_word(word))
    {
        name.push(' ');
        name.push_str(&String::from_utf8_lossy(word).to_ascii_uppercase());
    }
    name
}

fn is_word(word: &[u8]) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=LONGEST).contains(&word.len()) && word.iter().all(is_letter)
}

/// Whether the server still has what it replies to this command. Knows those whose replies are large:
/// of any other command a reply of many parts is kept until it has been converted.
pub(super) fn only_reads(name: &[u8]) -> bool {
    matches!(
        name,
        b"COMMAND"
            | b"CONFIG"
            | b"GEOPOS"
            | b"GEOSEARCH"
            | b"GET"
            | b"GETRANGE"
            | b"HGET"
            | b"HGETALL"
            | b"HKEYS"
            | b"HMGET"
            | b"HRANDFIELD"
            | b"HSCAN"
            | b"HVALS"
            | b"KEYS"
            | b"LINDEX"
            | b"LRANGE"
            | b"MGET"
            | b"SCAN"
            | b"SDIFF"
            | b"SINTER"
            | b"SMEMBERS"
            | b"SMISMEMBER"
            | b"SRANDMEMBER"
            | b"SSCAN"
            | b"SUNION"
            | b"XINFO"
            | b"XRANGE"
            | b"XREAD"
            | b"XREVRANGE"
            | b"ZMSCORE"
            | b"ZRANGE"
            | b"ZRANGEBYSCORE"
            | b"ZREVRANGE"
            | b"ZREVRANGEBYSCORE"
            | b"ZSCAN"
    )
}

#[cfg(test)]
mod tests {
    use crate::client::cmd;

    #[test]
    fn the_whole_name_is_shown_with_its_sub_command_and_no_argument() {
        for (command, name) in [
            (cmd("get").arg("key"), "GET"),
            (
                cmd("georadiusbymember_ro").arg("key"),
                "GEORADIUSBYMEMBER_RO",
            ),
            (cmd("config get").arg("maxmemory"), "CONFIG GET"),
            (
                cmd("CONFIG").arg("set").args(["requirepass", "secret"]),
                "CONFIG SET",
            ),
            (cmd("xinfo stream").arg("key"), "XINFO STREAM"),
            (cmd("CLUSTER").arg("SLOT-STATS"), "CLUSTER SLOT-STATS"),
            (cmd("ACL").arg("se cret"), "ACL"),
            (cmd("ACL"), "ACL"),
            (cmd("AUTH secret"), "AUTH"),
            (cmd(""), ""),
        ] {
            assert_eq!(command.full_name(), name);
        }
        assert_eq!(cmd(&"x".repeat(1 << 20)).full_name(), "X".repeat(64));
    }
}

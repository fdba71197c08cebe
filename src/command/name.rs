//! Names of commands, as errors show them. Reads commands in the form of the wire. Never shows an argument,
//! which may be a secret.

use super::table;

/// Most letters of a word that are shown in an error: no command has as many.
const LONGEST: usize = 64;

/// The arguments of an encoded command behind its header, the name first.
pub(super) fn arguments(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = body;
    std::iter::from_fn(move || {
        let end = rest.iter().position(|&byte| byte == b'\r')?;
        let length: usize = std::str::from_utf8(rest.get(1..end)?).ok()?.parse().ok()?;
        let argument = rest.get(end + 2..end + 2 + length)?;
        // Two line ends: behind the length and behind the argument itself.
        rest = rest.get(end + 4 + length..)?;
        Some(argument)
    })
}

/// The name of a command with these arguments in upper case, with its sub-command; nothing else of
/// them, for they may be secret.
pub(super) fn shown<'a>(mut arguments: impl Iterator<Item = &'a [u8]>) -> String {
    let word = arguments.next().unwrap_or_default();
    // By bytes: a letter that is cut in two is shown as a replacement character.
    let word = word.get(..LONGEST).unwrap_or(word);
    let mut name = String::from_utf8_lossy(word).to_ascii_uppercase();
    let is_container = table::find(word).is_container();
    if let Some(word) = arguments
        .next()
        .filter(|word| is_container && is_word(word))
    {
        name.push(' ');
        name.push_str(&String::from_utf8_lossy(word).to_ascii_uppercase());
    }
    name
}

/// Whether this may be a part of a name. Anything else is an argument, and may be secret.
fn is_word(word: &[u8]) -> bool {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=LONGEST).contains(&word.len()) && word.iter().all(is_letter)
}

#[cfg(test)]
mod tests {
    use crate::command::cmd;

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

//! What a server says of a command that the table does not have. Asks nobody: `call` does.

use crate::protocol::{Value, encode};

/// How such a command may be sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// With others.
    Shared,
    /// On a connection alone. For how long it blocks is not known.
    Blocks,
    /// Not at all: it belongs to its connection, which others share.
    OfConnection,
    /// With others, so that the server says that it does not know it.
    Unknown,
}

/// The flags of a command that turns its connection into a stream. `PUBLISH` has only the first.
const STREAM: [&[u8]; 2] = [b"pubsub", b"noscript"];

impl Verdict {
    /// What the reply to `COMMAND INFO` says. A server that does not know the command will say so itself, when
    /// it is sent; and one that does not answer the question is not held against the command.
    pub(crate) fn of(reply: &Value) -> Self {
        let first = reply.as_items().and_then(|all| all.first());
        if first.is_some_and(Value::is_nil) {
            return Self::Unknown;
        }
        let info = first.and_then(|one| one.as_items());
        // Flags are the third part, categories the seventh: arrays on RESP2, sets on RESP3.
        let has = |part: usize, word: &[u8]| {
            let words = info.and_then(|parts| parts.get(part)?.as_items());
            words.is_some_and(|words| words.iter().any(|one| one.as_bytes() == Some(word)))
        };
        if has(6, b"@connection") || STREAM.iter().all(|word| has(2, word)) {
            Self::OfConnection
        } else if has(2, b"blocking") || has(6, b"@blocking") {
            Self::Blocks
        } else {
            Self::Shared
        }
    }
}

/// The question about the command of this whole name, in the form of the wire.
pub(crate) fn question(name: &str) -> Vec<u8> {
    // `CLIENT LIST` is `client|list` there.
    let mut asked = name.to_ascii_lowercase().into_bytes();
    for byte in &mut asked {
        if *byte == b' ' {
            *byte = b'|';
        }
    }
    let mut question = Vec::new();
    encode::command(&mut question, &[b"COMMAND", b"INFO", &asked]);
    question
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(flags: &[&str], categories: &[&str]) -> Value {
        let list = |words: &[&str]| words.iter().map(|word| Value::bulk(*word)).collect();
        let mut parts = vec![Value::Int(0); 10];
        parts[2] = Value::Set(list(flags));
        parts[6] = Value::Array(list(categories));
        Value::array(vec![Value::array(parts)])
    }

    #[test]
    fn flags_and_categories_decide() {
        let verdict = |flags: &[&str], categories: &[&str]| Verdict::of(&info(flags, categories));
        assert_eq!(verdict(&["write", "denyoom"], &["@write"]), Verdict::Shared);
        assert_eq!(verdict(&["write", "blocking"], &[]), Verdict::Blocks);
        assert_eq!(verdict(&[], &["@slow", "@blocking"]), Verdict::Blocks);
        assert_eq!(verdict(&["fast"], &["@connection"]), Verdict::OfConnection);
        assert_eq!(verdict(&["pubsub"], &[]), Verdict::Shared);
        let stream = verdict(&["pubsub", "noscript", "blocking"], &[]);
        assert_eq!(stream, Verdict::OfConnection);
    }

    #[test]
    fn what_is_no_answer_is_not_held_against_a_command() {
        let short = Value::array(vec![Value::array(vec![Value::bulk("name")])]);
        for reply in [short, Value::Nil, Value::Int(1), Value::array(vec![])] {
            assert_eq!(Verdict::of(&reply), Verdict::Shared, "{reply:?}");
        }
        let none = Value::array(vec![Value::Nil]);
        assert_eq!(Verdict::of(&none), Verdict::Unknown);
    }

    #[test]
    fn the_question_names_a_sub_command_as_servers_do() {
        let expected = b"*3\r\n$7\r\nCOMMAND\r\n$4\r\nINFO\r\n$11\r\nclient|else\r\n";
        assert_eq!(question("CLIENT ELSE"), expected);
    }
}

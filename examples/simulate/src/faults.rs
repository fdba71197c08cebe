//! Faults as orders write them.

use crate::args::parse;
use hitless::sim::{Fault, Flaw, Times};
use std::time::Duration;

/// The part of the help that is about faults.
pub(crate) const HELP: &str = "\
faults: fault NODE [next N | one-in N] KIND; without a number until clear-faults
  refuse                          does not listen: new connections are refused, old ones go on
  silence                         accepts, and never reads or answers
  loading, max-clients            answers as a server that loads, or has too many clients
  one-byte-writes                 new connections get every byte by itself
  delay MILLISECONDS              waits before it answers
  answer COMMAND ERROR...         answers a command (client|setinfo, * for all) with an error line
  garble TEXT...                  sends this in place of a reply; \\r, \\n, \\xHH are understood
  cut BYTES                       sends so much of a reply and closes
  close-unanswered                executes a command and closes in place of the reply
  close-unexecuted, reset         closes, or resets, in place of executing a command
  close-after BYTES, reset-after BYTES, hang-after BYTES
                                  new connections end, or hang, once so much was sent on them
  certificate FLAW                expired, unknown-authority or wrong-name";

/// Reads how often, and what.
pub(crate) fn read(words: &[&str]) -> Result<(Fault, Times), String> {
    let (times, words) = match *words {
        ["next", n, ref rest @ ..] => (Times::Next(parse(n)?), rest),
        ["one-in", n, ref rest @ ..] => (Times::OneIn(parse(n)?), rest),
        _ => (Times::Always, words),
    };
    let fault = match *words {
        ["answer", command, ref line @ ..] if !line.is_empty() => {
            Fault::Answer(command.to_lowercase(), line.join(" "))
        }
        ["certificate", "expired"] => Fault::Certificate(Flaw::Expired),
        ["certificate", "unknown-authority"] => Fault::Certificate(Flaw::UnknownAuthority),
        ["certificate", "wrong-name"] => Fault::Certificate(Flaw::WrongName),
        ["close-after", bytes] => Fault::CloseAfter(parse(bytes)?),
        ["close-unanswered"] => Fault::CloseUnanswered,
        ["close-unexecuted"] => Fault::CloseUnexecuted,
        ["cut", bytes] => Fault::Truncate(parse(bytes)?),
        ["delay", millis] => Fault::Delay(Duration::from_millis(parse(millis)?)),
        ["garble", ref text @ ..] if !text.is_empty() => Fault::Garble(bytes(&text.join(" "))),
        ["hang-after", bytes] => Fault::HangAfter(parse(bytes)?),
        ["loading"] => Fault::Loading,
        ["max-clients"] => Fault::MaxClients,
        ["one-byte-writes"] => Fault::OneByteWrites,
        ["refuse"] => Fault::Refuse,
        ["reset"] => Fault::ResetUnexecuted,
        ["reset-after", bytes] => Fault::ResetAfter(parse(bytes)?),
        ["silence"] => Fault::Silence,
        _ => {
            return Err(format!(
                "{} is no fault, or not with these words",
                words.join(" ")
            ));
        }
    };
    Ok((fault, times))
}

/// Text with `\r`, `\n`, `\\` and `\xHH`; any other backslash stands for itself.
pub(crate) fn bytes(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    loop {
        rest = match rest {
            [] => return out,
            [b'\\', b'r', more @ ..] => {
                out.push(b'\r');
                more
            }
            [b'\\', b'n', more @ ..] => {
                out.push(b'\n');
                more
            }
            [b'\\', b'\\', more @ ..] => {
                out.push(b'\\');
                more
            }
            [b'\\', b'x', high, low, more @ ..]
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                let digit = |c: u8| (c as char).to_digit(16).unwrap_or(0) as u8;
                out.push(digit(*high) << 4 | digit(*low));
                more
            }
            [plain, more @ ..] => {
                out.push(*plain);
                more
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::{bytes, read};
    use hitless::sim::{Fault, Flaw, Times};
    use std::time::Duration;

    #[test]
    fn every_fault_of_the_help_is_understood() {
        for (line, expected) in [
            (
                "answer GET ERR not now",
                Fault::Answer("get".into(), "ERR not now".into()),
            ),
            ("certificate expired", Fault::Certificate(Flaw::Expired)),
            ("close-after 3", Fault::CloseAfter(3)),
            ("close-unanswered", Fault::CloseUnanswered),
            ("close-unexecuted", Fault::CloseUnexecuted),
            ("cut 3", Fault::Truncate(3)),
            ("delay 3", Fault::Delay(Duration::from_millis(3))),
            ("garble +\\x4fK\\r\\n", Fault::Garble(b"+OK\r\n".to_vec())),
            ("hang-after 3", Fault::HangAfter(3)),
            ("loading", Fault::Loading),
            ("max-clients", Fault::MaxClients),
            ("one-byte-writes", Fault::OneByteWrites),
            ("refuse", Fault::Refuse),
            ("reset", Fault::ResetUnexecuted),
            ("reset-after 3", Fault::ResetAfter(3)),
            ("silence", Fault::Silence),
        ] {
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(read(&words), Ok((expected, Times::Always)), "{line}");
            assert!(super::HELP.contains(words[0]), "{line}");
        }
        assert_eq!(
            read(&["one-in", "9", "loading"]),
            Ok((Fault::Loading, Times::OneIn(9)))
        );
        assert!(read(&["answer", "get"]).is_err());
        assert!(read(&["nonsense"]).is_err());
    }

    #[test]
    fn a_backslash_that_means_nothing_stands_for_itself() {
        assert_eq!(bytes(r"a\b\x4\\"), br"a\b\x4\");
    }
}

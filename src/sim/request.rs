//! Commands as a server reads them: arrays of bulk strings, or words on a line. Executes nothing, and
//! reads no socket.

use super::answer::integer;

/// How long a line may be: a server's `PROTO_INLINE_MAX_SIZE`.
const LINE: usize = 64 << 10;

/// How long one argument may be: the default of a server's `proto-max-bulk-len`.
const ARGUMENT: usize = 512 << 20;

/// What those may send who have not logged in: arguments, and bytes in one of them.
const UNKNOWN: (usize, usize) = (10, 16 << 10);

/// How much room is kept for what comes next once a long request has been read.
const ROOM: usize = 1 << 20;

/// What a server says before it closes a connection whose bytes make no sense: one line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Protest(Vec<u8>);

impl Protest {
    /// The line of a protocol error.
    fn new(why: &str) -> Self {
        Self(format!("-ERR Protocol error: {why}\r\n").into_bytes())
    }

    /// The line for an argument that does not begin with a length.
    fn expected_dollar(got: u8) -> Self {
        let mut line = b"-ERR Protocol error: expected '$', got '".to_vec();
        // A server does not let an error end its own line.
        line.push(if matches!(got, b'\r' | b'\n') {
            b' '
        } else {
            got
        });
        line.extend_from_slice(b"'\r\n");
        Self(line)
    }

    /// The bytes to send before the connection ends.
    pub(super) fn line(&self) -> &[u8] {
        &self.0
    }
}

/// The bytes of one client, and how far they have been read.
#[derive(Debug, Default)]
pub(super) struct Requests {
    /// Bytes of the current request, and what came behind it.
    buffer: Vec<u8>,
    /// Where the current request begins, or the latest one did. Invariant: `start <= read`.
    start: usize,
    /// Where reading goes on.
    read: usize,
    /// How many arguments of the current request have not been read.
    missing: usize,
    /// The length of the argument that comes next, once it is known.
    length: Option<usize>,
    /// Arguments of the current request that are complete.
    words: Vec<Vec<u8>>,
}

impl Requests {
    /// Takes in what the client has sent.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        // A request that has begun stays whole, for `bytes`.
        // Bytes of requests that were executed are dropped here, once per read and not once per request.
        let done = match self.is_begun() {
            true => self.start,
            false => self.read,
        };
        self.buffer.drain(..done);
        self.start = 0;
        self.read -= done;
        // After a value of many megabytes the room for it is given back.
        if self.buffer.is_empty() && self.buffer.capacity() > ROOM {
            self.buffer = Vec::new();
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// Whether a request has been read in part.
    fn is_begun(&self) -> bool {
        self.missing > 0
    }

    /// How many bytes wait to be read as requests.
    pub(super) fn waiting(&self) -> usize {
        self.buffer.len() - self.read
    }

    /// The bytes of the request that [`Requests::next`] returned last, as they came.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[self.start..self.read]
    }

    /// The words of the next request that is here whole. Without words it asks for nothing and is
    /// answered by nothing.
    ///
    /// Those who have not logged in, whom the server does not know, may send only short requests.
    ///
    /// # Errors
    ///
    /// A [`Protest`]: the connection has to end, for nobody knows where the next request begins.
    pub(super) fn next(&mut self, known: bool) -> Result<Option<Vec<Vec<u8>>>, Protest> {
        if !self.is_begun() {
            self.start = self.read;
            match self.buffer.get(self.read) {
                None => return Ok(None),
                Some(b'*') => {}
                Some(_) => return self.inline(),
            }
            let Some(line) = self.line("too big mbulk count string")? else {
                return Ok(None);
            };
            let count = integer(&self.buffer[line.start + 1..line.end])
                .filter(|&count| count <= i64::from(i32::MAX))
                .ok_or_else(|| Protest::new("invalid multibulk length"))?;
            let count = usize::try_from(count).unwrap_or(0);
            // A server checks this before it allocates anything, because anybody may connect.
            if !known && count > UNKNOWN.0 {
                return Err(Protest::new("unauthenticated multibulk length"));
            }
            self.read = line.end + 2;
            // An empty or negative count is a request for nothing, which servers skip without a reply.
            if count == 0 {
                return Ok(Some(Vec::new()));
            }
            self.missing = count;
        }
        while self.missing > 0 {
            let length = match self.length {
                Some(length) => length,
                None => match self.argument(known)? {
                    Some(length) => length,
                    None => return Ok(None),
                },
            };
            self.length = Some(length);
            // Nothing is copied until the whole argument is here: a value that trickles in costs one
            // copy.
            if self.waiting() < length + 2 {
                return Ok(None);
            }
            let word = self.buffer[self.read..self.read + length].to_vec();
            self.words.push(word);
            // A server does not look at the two bytes behind an argument either.
            self.read += length + 2;
            self.length = None;
            self.missing -= 1;
        }
        Ok(Some(std::mem::take(&mut self.words)))
    }

    /// Reads the length of an argument.
    fn argument(&mut self, known: bool) -> Result<Option<usize>, Protest> {
        let Some(line) = self.line("too big bulk count string")? else {
            return Ok(None);
        };
        let first = self.buffer[line.start];
        if first != b'$' {
            return Err(Protest::expected_dollar(first));
        }
        let length = integer(&self.buffer[line.start + 1..line.end])
            .and_then(|length| usize::try_from(length).ok())
            .filter(|&length| length <= ARGUMENT)
            .ok_or_else(|| Protest::new("invalid bulk length"))?;
        if !known && length > UNKNOWN.1 {
            return Err(Protest::new("unauthenticated bulk length"));
        }
        self.read = line.end + 2;
        Ok(Some(length))
    }

    /// Finds a line that ends in a carriage return and one byte more, which a server does not look at.
    fn line(&self, too_long: &str) -> Result<Option<std::ops::Range<usize>>, Protest> {
        let rest = &self.buffer[self.read..];
        match memchr::memchr(b'\r', rest) {
            Some(at) if at + 1 < rest.len() => Ok(Some(self.read..self.read + at)),
            None if rest.len() > LINE => Err(Protest::new(too_long)),
            _ => Ok(None),
        }
    }

    /// Reads a command as people type it: one line, words parted by spaces, with quotes.
    fn inline(&mut self) -> Result<Option<Vec<Vec<u8>>>, Protest> {
        let rest = &self.buffer[self.read..];
        let Some(at) = memchr::memchr(b'\n', rest) else {
            return match rest.len() > LINE {
                true => Err(Protest::new("too big inline request")),
                false => Ok(None),
            };
        };
        let line = rest[..at].strip_suffix(b"\r").unwrap_or(&rest[..at]);
        let words = split(line).ok_or_else(|| Protest::new("unbalanced quotes in request"))?;
        self.read += at + 1;
        Ok(Some(words))
    }
}

/// The words of a line, quoted or not; `None` when a quote is not closed, or not followed by a blank.
fn split(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut rest = line;
    loop {
        rest = rest.trim_ascii_start();
        if rest.is_empty() {
            return Some(words);
        }
        let mut word = Vec::new();
        loop {
            rest = match rest {
                [] => break,
                [b'"', quoted @ ..] => behind_quote(double_quoted(quoted, &mut word)?)?,
                [b'\'', quoted @ ..] => behind_quote(single_quoted(quoted, &mut word)?)?,
                [blank, ..] if blank.is_ascii_whitespace() || *blank == 0 => break,
                [plain, more @ ..] => {
                    word.push(*plain);
                    more
                }
            };
        }
        words.push(word);
        if let [0, ..] = rest {
            // The end of the line, as C sees it.
            return Some(words);
        }
    }
}

/// What follows a closing quote, which must be a space or the end.
fn behind_quote(rest: &[u8]) -> Option<&[u8]> {
    let ends = rest.first().is_none_or(u8::is_ascii_whitespace);
    ends.then_some(rest)
}

/// Reads a word in double quotes, with `\n`, `\xff` and the like.
fn double_quoted<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        rest = match rest {
            [] => return None,
            [b'"', more @ ..] => return Some(more),
            [b'\\', b'x', high, low, more @ ..]
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                let digit = |c: u8| (c as char).to_digit(16).unwrap_or(0) as u8;
                word.push(digit(*high) << 4 | digit(*low));
                more
            }
            [b'\\', escaped, more @ ..] => {
                word.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    other => *other,
                });
                more
            }
            [plain, more @ ..] => {
                word.push(*plain);
                more
            }
        };
    }
}

/// Reads a word in single quotes, in which only the quote itself can be escaped.
fn single_quoted<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        rest = match rest {
            [] => return None,
            [b'\'', more @ ..] => return Some(more),
            [b'\\', b'\'', more @ ..] => {
                word.push(b'\'');
                more
            }
            [plain, more @ ..] => {
                word.push(*plain);
                more
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::{Protest, Requests, split};

    /// What a stream is read as, cut at every place.
    fn read(stream: &[u8]) -> Result<Vec<Vec<Vec<u8>>>, Protest> {
        let mut outcomes = Vec::new();
        for cut in 0..=stream.len() {
            let mut requests = Requests::default();
            let mut all = Vec::new();
            let mut bytes = Vec::new();
            let mut outcome = Ok(());
            for part in [&stream[..cut], &stream[cut..]] {
                requests.feed(part);
                loop {
                    match requests.next(true) {
                        Ok(Some(words)) => {
                            all.push(words);
                            bytes.extend_from_slice(requests.bytes());
                        }
                        Ok(None) => break,
                        Err(protest) => {
                            outcome = Err(protest);
                            break;
                        }
                    }
                }
                if outcome.is_err() {
                    break;
                }
            }
            if outcome.is_ok() {
                let left = requests.waiting();
                assert_eq!(bytes, stream[..stream.len() - left], "cut at {cut}");
            }
            outcomes.push(outcome.map(|()| all));
        }
        let first = outcomes.swap_remove(0);
        for other in outcomes {
            assert_eq!(other, first);
        }
        first
    }

    fn words(text: &[&str]) -> Vec<Vec<u8>> {
        text.iter().map(|word| word.as_bytes().to_vec()).collect()
    }

    #[test]
    fn requests_are_the_same_wherever_they_are_cut() {
        let stream =
            b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\nPING\r\n\r\n*0\r\n*-1\r\nset k 'a b'\n*1\r\n$0\r\n\r\n";
        let expected = vec![
            words(&["GET", "k"]),
            words(&["PING"]),
            vec![],
            vec![],
            vec![],
            words(&["set", "k", "a b"]),
            words(&[""]),
        ];
        assert_eq!(read(stream), Ok(expected));
    }

    #[test]
    fn lines_are_split_as_a_server_splits_them() {
        for (line, expected) in [
            ("", Some(vec![])),
            ("  a  b\t", Some(words(&["a", "b"]))),
            (
                r#""a\x41\n\"" 'it\'s' x"#,
                Some(words(&["aA\n\"", "it's", "x"])),
            ),
            (r#""" a"b""#, Some(words(&["", "ab"]))),
            (r#""a"b"#, None),
            (r#""a"#, None),
            ("'a", None),
        ] {
            assert_eq!(split(line.as_bytes()), expected, "{line}");
        }
    }

    #[test]
    fn those_who_have_not_logged_in_may_send_only_short_requests() {
        for (stream, expected) in [
            ("*11\r\n", "unauthenticated multibulk length"),
            ("*1\r\n$16385\r\n", "unauthenticated bulk length"),
        ] {
            let mut requests = Requests::default();
            requests.feed(stream.as_bytes());
            assert_eq!(requests.next(false), Err(Protest::new(expected)));
            let mut requests = Requests::default();
            requests.feed(stream.as_bytes());
            assert_eq!(requests.next(true), Ok(None));
        }
    }

    #[test]
    fn a_line_that_does_not_end_is_not_waited_for() {
        let long = "x".repeat(super::LINE + 1);
        for (start, why) in [
            ("", "too big inline request"),
            ("*", "too big mbulk count string"),
            ("*1\r\n$", "too big bulk count string"),
        ] {
            let mut requests = Requests::default();
            requests.feed(format!("{start}{long}").as_bytes());
            assert_eq!(requests.next(true), Err(Protest::new(why)));
        }
    }
}

//! Values that end with their line, and strings that say how long they are. Knows nothing of what
//! they are part of.

use super::number::{Length, digits, integer, length, ready_integer};
use super::{Decoder, Next, ROOM};
use crate::protocol::{Malformed, ServerError, Value};

/// What a string with a length stands for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sort {
    /// `$`: any bytes.
    Bulk,
    /// `!`: an error that may hold line ends.
    Error,
    /// `=`: a text behind three letters for its format.
    Verbatim,
}

/// A string with a length of which a part has come.
#[derive(Debug)]
pub(super) struct Filling {
    /// What becomes of the bytes when all are there.
    pub(super) sort: Sort,
    /// The length that was announced, the line end not counted.
    pub(super) len: usize,
    /// The string and its line end. Invariant: at most `len + 2` bytes.
    pub(super) bytes: Vec<u8>,
}

impl Decoder {
    /// A value that is one line. The search for its end never looks at a byte twice.
    pub(super) fn line<'a>(
        &mut self,
        body: &'a [u8],
        read: impl FnOnce(&[u8]) -> Result<Value, Malformed>,
    ) -> Result<Next<'a>, Malformed> {
        // Where the last search ended. A line that comes byte by byte would cost the square of its
        // length otherwise.
        let known = self.scanned.min(body.len());
        let unknown = body.get(known..).unwrap_or_default();
        let found = memchr::memchr2(b'\r', b'\n', unknown);
        let len = known.saturating_add(found.unwrap_or(unknown.len()));
        // Also while the end has not come: an endless line is refused at the limit, and not at the end
        // of memory.
        if len > self.limits.line {
            return Err(Malformed::LineTooLong);
        }
        let (line, end) = body.split_at_checked(len).unwrap_or((body, &[]));
        match end {
            [b'\r', b'\n', behind @ ..] => {
                self.scanned = 0;
                self.spend(len)?;
                Ok(Next::Whole(read(line)?, behind))
            }
            // The line feed may be in the next read.
            [] | [b'\r'] => {
                self.scanned = len;
                Ok(Next::More)
            }
            _ => Err(Malformed::EndOfLine),
        }
    }

    /// An integer, which is a line too, and short as a rule.
    #[inline]
    pub(super) fn integer<'a>(&mut self, body: &'a [u8]) -> Result<Next<'a>, Malformed> {
        // Unusual or not all here: the long way looks again.
        let Some((number, behind)) = ready_integer(body) else {
            return self.line(body, integer);
        };
        let len = body.len().saturating_sub(behind.len()).saturating_sub(2);
        if len > self.limits.line {
            return Err(Malformed::LineTooLong);
        }
        self.scanned = 0;
        self.spend(len)?;
        Ok(Next::Whole(Value::Int(number), behind))
    }

    /// The header of a string with a length, and the string where it is here already.
    #[inline]
    pub(super) fn bulk<'a>(&mut self, sort: Sort, body: &'a [u8]) -> Result<Next<'a>, Malformed> {
        let (len, behind) = match length(body)? {
            Length::More => return Ok(Next::More),
            Length::Nil(behind) if matches!(sort, Sort::Bulk) => {
                return Ok(Next::Whole(Value::Nil, behind));
            }
            Length::Nil(_) => return Err(Malformed::Length),
            Length::Exact(len, behind) => (len, behind),
        };
        // Before the buffer is made, whose size the server would choose otherwise.
        if len > self.limits.bulk {
            return Err(Malformed::BulkTooLong);
        }
        self.spend(len)?;
        if let Some((bytes, end)) = behind.split_at_checked(len) {
            if let Some((end, behind)) = end.split_at_checked(2) {
                return match end {
                    b"\r\n" => Ok(Next::Whole(sort.value(bytes)?, behind)),
                    _ => Err(Malformed::EndOfBulk),
                };
            }
        }
        // Little more than what has come. The buffer doubles as bytes arrive, so a length that was only
        // announced costs nothing.
        let room = behind.len().saturating_add(ROOM).min(with_end(len));
        let bytes = Vec::with_capacity(room);
        self.filling = Some(Filling { sort, len, bytes });
        Ok(Next::Begun(behind))
    }

    /// Takes as much of the bulk string in progress as there is.
    pub(super) fn fill<'a>(&mut self, input: &mut &'a [u8]) -> Result<Next<'a>, Malformed> {
        let Some(filling) = &mut self.filling else {
            return Ok(Next::More);
        };
        let (bytes, behind) = (input.split_at_checked(filling.missing())).unwrap_or((input, &[]));
        filling.append(bytes);
        *input = behind;
        match filling.bytes.get(filling.len..) {
            Some(b"\r\n") => match self.filling.take() {
                Some(full) => Ok(Next::Whole(full.into_value()?, behind)),
                None => Ok(Next::More),
            },
            // All of the input belonged to this string, or to its line end.
            None | Some([] | [b'\r']) => Ok(Next::More),
            Some(_) => Err(Malformed::EndOfBulk),
        }
    }

    /// The string in progress, if more than `least` bytes of it are missing, with room for some of them:
    /// whoever has more of the stream may append it there, and there only, instead of passing it to
    /// [`decode`](Self::decode), which then goes on with an input without bytes.
    #[inline(always)]
    pub(crate) fn filling(&mut self, least: usize) -> Option<&mut Vec<u8>> {
        let filling = self.filling.as_mut()?;
        filling.room(least)
    }

    /// Whether the string in progress is all there, so that an input without bytes ends it.
    pub(crate) fn is_filled(&self) -> bool {
        let filling = self.filling.as_ref();
        filling.is_some_and(|filling| filling.bytes.len() > filling.len)
    }

    /// The bulk string at the front of the input, where it is all here and within every limit. All
    /// else, and every mistake, is left to the long way.
    #[inline(always)]
    pub(super) fn ready_bulk<'a>(&self, input: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
        let [b'$', header @ ..] = input else {
            return None;
        };
        let digit = |byte: &u8| usize::from(byte.wrapping_sub(b'0'));
        let (len, body) = match header {
            // Most strings are as short as this.
            [a @ b'1'..=b'9', b'\r', b'\n', body @ ..] => (digit(a), body),
            [a @ b'1'..=b'9', b @ b'0'..=b'9', b'\r', b'\n', body @ ..] => {
                (digit(a).wrapping_mul(10).wrapping_add(digit(b)), body)
            }
            // Longer numbers would not profit, and zeros are left to the long way. Nine digits are the
            // better part of a gigabyte, beyond every limit that is usual.
            [b'1'..=b'9', ..] => {
                let (len, _, rest) = digits(header, 9);
                let [b'\r', b'\n', body @ ..] = rest else {
                    return None;
                };
                (usize::try_from(len).ok()?, body)
            }
            _ => return None,
        };
        let (bytes, end) = body.split_at_checked(len)?;
        let [b'\r', b'\n', behind @ ..] = end else {
            return None;
        };
        // What does not fit goes the long way, which says why.
        let fits = len <= self.limits.bulk && self.spent.saturating_add(len) <= self.limits.total;
        fits.then_some((bytes, behind))
    }

    /// Takes the bulk strings at the front of the input into the innermost aggregate, all but its
    /// last: that one may end more than itself.
    #[inline]
    pub(super) fn ready_bulks(&mut self, input: &mut &[u8]) {
        if input.first() != Some(&b'$') {
            return;
        }
        // Taken off the stack, so that the limits can be read while it grows.
        let Some(mut open) = self.open.pop() else {
            return;
        };
        // The last element is left to `complete`, which closes what ends with it.
        while open.missing > 1 {
            let Some((bytes, behind)) = self.ready_bulk(input) else {
                break;
            };
            self.spent = self.spent.saturating_add(bytes.len());
            open.elements.push(Value::Bulk(bytes.to_vec()));
            open.missing = open.missing.saturating_sub(1);
            *input = behind;
        }
        self.open.push(open);
    }
}

impl Filling {
    /// How many bytes are still to come, those of the line end too.
    #[inline]
    fn missing(&self) -> usize {
        with_end(self.len).saturating_sub(self.bytes.len())
    }

    /// See [`Decoder::filling`].
    #[cold]
    #[inline(never)]
    fn room(&mut self, least: usize) -> Option<&mut Vec<u8>> {
        if self.missing() <= least {
            return None;
        }
        self.make_room(1);
        // Had an allocator given more than was asked for, what is behind the string would be read into it.
        (self.bytes.capacity() <= with_end(self.len)).then_some(&mut self.bytes)
    }

    /// Takes the next bytes.
    fn append(&mut self, bytes: &[u8]) {
        self.make_room(bytes.len());
        self.bytes.extend_from_slice(bytes);
    }

    /// Makes room for so many bytes: grows by what has been received, at most twofold and [`ROOM`], and never
    /// beyond the announced length.
    #[inline]
    fn make_room(&mut self, bytes: usize) {
        let needed = self.bytes.len().saturating_add(bytes);
        if needed > self.bytes.capacity() {
            let whole = with_end(self.len);
            // Twofold keeps the copies linear; whole where little would be left, for which all would move
            // again. Exact at the end, so that the value handed out has no spare room but that of its line end.
            let twofold = needed.saturating_mul(2);
            let wanted = match whole.saturating_sub(twofold) {
                ..=ROOM => whole,
                _ => twofold,
            };
            self.bytes
                .reserve_exact(wanted.saturating_sub(self.bytes.len()));
        }
    }

    /// The value, where all is there.
    fn into_value(mut self) -> Result<Value, Malformed> {
        self.bytes.truncate(self.len);
        self.sort.owned_value(self.bytes)
    }
}

/// How many bytes follow the header of a string of this length: its own and its line end.
#[inline]
const fn with_end(len: usize) -> usize {
    len.saturating_add(2)
}

impl Sort {
    /// Makes a value of bytes that are still needed elsewhere, by copying them out of the read buffer.
    #[inline]
    fn value(self, bytes: &[u8]) -> Result<Value, Malformed> {
        match self {
            Self::Bulk => Ok(Value::Bulk(bytes.to_vec())),
            Self::Error => Ok(Value::Error(ServerError::parse(bytes))),
            Self::Verbatim => match bytes {
                [a, b, c, b':', text @ ..] => Ok(Value::Verbatim {
                    format: [*a, *b, *c],
                    text: text.to_vec(),
                }),
                _ => Err(Malformed::Verbatim),
            },
        }
    }

    /// Makes a value of bytes that were collected over several reads, without another copy.
    fn owned_value(self, bytes: Vec<u8>) -> Result<Value, Malformed> {
        match self {
            Self::Bulk => Ok(Value::Bulk(bytes)),
            Self::Error | Self::Verbatim => self.value(&bytes),
        }
    }
}

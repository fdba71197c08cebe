//! Bytes to frames, as they come. Never guesses: what a byte means depends on the bytes before it
//! alone, so a value that looks like a frame stays a value wherever the stream is cut.
//!
//! ```text
//!   input ---> [type line] --length--> [bulk being filled] --+
//!                  |                                         |
//!                  +--- aggregate: opened on the stack       +--> value --> innermost open
//!                  +--- everything else ---------------------+              aggregate, or frame
//! ```
//!
//! Work is linear in the input however it is cut, memory follows the bytes received and never a
//! length announced, and nothing recurses.
#![expect(
    clippy::exhaustive_structs,
    reason = "seen outside of the crate under `unstable` only"
)]

mod number;
mod string;

use super::limits::{ELEMENT_COST, Limits};
use super::value::Shape;
use super::{Frame, Items, Malformed, Push, ServerError, Value};
use number::{Length, big_number, double, length, ready_integer};
use string::{Filling, Sort};

/// Most bytes reserved on the word of a length, for what has not arrived.
const ROOM: usize = 64 << 10;

/// What one call to [`Decoder::decode`] did.
#[derive(Debug, PartialEq)]
pub struct Step {
    /// How many bytes at the front of the input are used up and must not be passed again.
    pub consumed: usize,
    /// The frame that ended there; `None` when more bytes are needed first.
    pub frame: Option<Frame>,
}

/// Turns a stream of bytes into frames.
///
/// ```
/// use hitless::unstable::{Decoder, Frame};
/// use hitless::{Limits, Value};
///
/// let mut decoder = Decoder::new(Limits::default());
/// let mut buffer = b"*2\r\n:1\r\n$5\r\nhel".to_vec();
/// let step = decoder.decode(&buffer)?;
/// assert_eq!(step.frame, None);
/// buffer.drain(..step.consumed);
/// buffer.extend_from_slice(b"lo\r\n");
/// let step = decoder.decode(&buffer)?;
/// let reply = Value::array(vec![Value::Int(1), Value::bulk("hello")]);
/// assert_eq!(step.frame, Some(Frame::Reply(reply)));
/// # Ok::<(), hitless::unstable::Malformed>(())
/// ```
#[derive(Debug, Default)]
pub struct Decoder {
    /// Asked before anything is allocated.
    limits: Limits,
    /// The bulk string whose header has been consumed and whose end has not.
    filling: Option<Filling>,
    /// Aggregates begun and not ended, outermost first.
    ///
    /// Invariant: each misses at least one element. A push is only ever the outermost.
    open: Vec<Open>,
    /// How much of the unfinished line at the front of the next input holds no line end.
    scanned: usize,
    /// What the reply in progress costs so far, by what it announced. At most `limits.total`.
    spent: usize,
    /// Kept for good: behind a malformed byte nothing can be trusted.
    failed: Option<Malformed>,
}

/// An aggregate whose elements are still arriving. It waits on the decoder's own stack, so that a reply
/// which nests a hundred deep costs memory and never the stack of the thread that reads.
#[derive(Debug)]
struct Open {
    /// `None` for a push.
    shape: Option<Shape>,
    /// Elements that are still to come; a map counts its keys and its values.
    missing: usize,
    /// What has arrived. Grows with the bytes received, and never by the length announced: a header of ten
    /// bytes may claim four thousand million elements.
    elements: Vec<Value>,
}

/// What is at the front of the input.
enum Next<'a> {
    /// Part of something.
    More,
    /// A whole value, and the input behind it.
    Whole(Value, &'a [u8]),
    /// The beginning of an aggregate or long string, which is now in progress.
    Begun(&'a [u8]),
}

impl Decoder {
    /// A decoder at the start of a stream.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            ..Self::default()
        }
    }

    /// From here on lines may be as long as a whole reply: a server that is monitored tells values in lines.
    pub(crate) fn allow_long_lines(&mut self) {
        self.limits.line = self.limits.total;
    }

    /// Whether a frame has begun and not ended, as far as consumed bytes tell.
    pub fn is_mid_frame(&self) -> bool {
        self.filling.is_some() || !self.open.is_empty()
    }

    /// What the reply in progress costs by what it has announced so far; zero between replies.
    #[inline]
    pub(crate) fn announced(&self) -> usize {
        if self.is_mid_frame() { self.spent } else { 0 }
    }

    /// Uses up the front of the input, until a frame ends or the input does.
    ///
    /// The caller drops `consumed` bytes and passes what remains again, with more behind it. What
    /// remains is at most one unfinished line, so [`Limits::line`] bytes and a few.
    ///
    /// # Errors
    ///
    /// [`Malformed`], and the same again on every later call: the stream has no framing any more.
    pub fn decode(&mut self, input: &[u8]) -> Result<Step, Malformed> {
        if let Some(malformed) = self.failed {
            return Err(malformed);
        }
        // Only where no value is open: inside of an aggregate the same bytes are an element.
        if !self.is_mid_frame() {
            // The most frequent reply of all.
            if let Some((bytes, behind)) = self.ready_bulk(input) {
                return Ok(Step {
                    consumed: input.len().saturating_sub(behind.len()),
                    frame: Some(Frame::Reply(Value::Bulk(bytes.to_vec()))),
                });
            }
        }
        // Everything that was begun is dropped with the failure, so that a broken stream holds no
        // memory.
        self.advance(input).inspect_err(|&malformed| {
            *self = Self {
                limits: self.limits,
                failed: Some(malformed),
                ..Self::default()
            };
        })
    }

    /// The input as one reply, if it is exactly that, of one of the kinds that most replies are, and nothing
    /// has begun before it. Otherwise nothing is used up, and [`decode`](Self::decode) finds out.
    #[inline(always)]
    pub(crate) fn decode_sole(&mut self, input: &[u8]) -> Option<Value> {
        if self.is_mid_frame() || self.failed.is_some() {
            return None;
        }
        if let Some((bytes, behind)) = self.ready_bulk(input) {
            return behind.is_empty().then(|| Value::Bulk(bytes.to_vec()));
        }
        let value = match input {
            b"+OK\r\n" => Value::Okay,
            b"_\r\n" => Value::Nil,
            [b':', body @ ..] => match ready_integer(body) {
                Some((number, [])) => Value::Int(number),
                _ => return None,
            },
            _ => return None,
        };
        if input.len() > self.limits.line.min(self.limits.total) {
            return None;
        }
        self.scanned = 0;
        Some(value)
    }

    /// Puts the replies in front of the input into `replies`, as long as they are of the kinds that most are and
    /// whole, and nothing has begun before them. Yields how many bytes are used up; what is behind them is left
    /// to [`decode`](Self::decode).
    #[inline]
    pub(crate) fn decode_ready(&mut self, input: &[u8], replies: &mut Vec<Value>) -> usize {
        if self.is_mid_frame() || self.failed.is_some() {
            return 0;
        }
        let mut rest = input;
        loop {
            if let Some((bytes, behind)) = self.ready_bulk(rest) {
                replies.push(Value::Bulk(bytes.to_vec()));
                rest = behind;
                continue;
            }
            let (value, length, behind) = match rest {
                [b'+', b'O', b'K', b'\r', b'\n', behind @ ..] => (Value::Okay, 2, behind),
                [b'_', b'\r', b'\n', behind @ ..] => (Value::Nil, 0, behind),
                [b'$', b'-', b'1', b'\r', b'\n', behind @ ..] => (Value::Nil, 0, behind),
                _ => break,
            };
            if length > self.limits.line.min(self.limits.total) {
                break;
            }
            replies.push(value);
            rest = behind;
        }
        let used = input.len().saturating_sub(rest.len());
        if used > 0 {
            // How far the line in front was searched, which is used up now.
            self.scanned = 0;
        }
        used
    }

    /// Decodes as far as `input` reaches. Called by [`decode`](Self::decode), which keeps the failure:
    /// after an error no later byte can be trusted to begin a value.
    fn advance(&mut self, input: &[u8]) -> Result<Step, Malformed> {
        let mut rest = input;
        loop {
            let next = if self.filling.is_some() {
                self.fill(&mut rest)?
            } else {
                // Here a value begins: nowhere else may bytes be taken for a type.
                self.ready_bulks(&mut rest);
                self.begin(rest)?
            };
            let frame = match next {
                Next::More => None,
                Next::Begun(behind) => {
                    rest = behind;
                    continue;
                }
                Next::Whole(value, behind) => {
                    rest = behind;
                    match self.complete(value)? {
                        None => continue,
                        frame => frame,
                    }
                }
            };
            let consumed = input.len().saturating_sub(rest.len());
            return Ok(Step { consumed, frame });
        }
    }

    /// Reads what begins at the front of the input.
    #[inline]
    fn begin<'a>(&mut self, input: &'a [u8]) -> Result<Next<'a>, Malformed> {
        // The type byte of RESP; RESP2 has the first five of those below, RESP3 the others.
        let Some((&kind, body)) = input.split_first() else {
            return Ok(Next::More);
        };
        match kind {
            b'$' => self.bulk(Sort::Bulk, body),
            b'*' => self.aggregate(Some(Shape::Array), body),
            b':' => self.integer(body),
            b'+' => self.line(body, |line| {
                Ok(match line {
                    // The most frequent simple string: without a case of its own each SET would allocate
                    // two bytes.
                    b"OK" => Value::Okay,
                    other => Value::Simple(other.to_vec()),
                })
            }),
            b'-' => self.line(body, |line| Ok(Value::Error(ServerError::parse(line)))),
            b'_' => self.line(body, |line| match line {
                b"" => Ok(Value::Nil),
                _ => Err(Malformed::Nil),
            }),
            b'#' => self.line(body, |line| match line {
                b"t" => Ok(Value::Bool(true)),
                b"f" => Ok(Value::Bool(false)),
                _ => Err(Malformed::Boolean),
            }),
            b',' => self.line(body, double),
            b'(' => self.line(body, big_number),
            b'!' => self.bulk(Sort::Error, body),
            b'=' => self.bulk(Sort::Verbatim, body),
            b'%' => self.aggregate(Some(Shape::Map), body),
            b'~' => self.aggregate(Some(Shape::Set), body),
            b'|' => self.aggregate(Some(Shape::Attributed), body),
            b'>' => self.aggregate(None, body),
            _ => Err(Malformed::UnknownType),
        }
    }

    /// The header of an aggregate. An empty one is whole at once.
    #[inline]
    fn aggregate<'a>(
        &mut self,
        shape: Option<Shape>,
        body: &'a [u8],
    ) -> Result<Next<'a>, Malformed> {
        let (announced, behind) = match length(body)? {
            Length::More => return Ok(Next::More),
            // `*-1`: how RESP2 says that a transaction was not executed and that a blocking pop timed
            // out.
            Length::Nil(behind) if shape == Some(Shape::Array) => {
                return Ok(Next::Whole(Value::Nil, behind));
            }
            Length::Nil(_) => return Err(Malformed::Length),
            Length::Exact(announced, behind) => (announced, behind),
        };
        let missing = match shape {
            Some(Shape::Map) => announced.checked_mul(2),
            // The reply that follows counts as the last element.
            Some(Shape::Attributed) => announced.checked_mul(2).and_then(|n| n.checked_add(1)),
            _ => Some(announced),
        };
        // The product overflows only for a length that is nonsense, which no server means.
        let missing = missing.ok_or(Malformed::TooManyElements)?;
        if missing > self.limits.elements {
            return Err(Malformed::TooManyElements);
        }
        if shape.is_none() {
            self.begin_push(missing)?;
        }
        let depth = self.open.len();
        // Checked before the header is paid for: a stream of `*1` alone costs four bytes a level.
        if depth >= self.limits.depth {
            return Err(Malformed::TooDeep);
        }
        // What was announced is counted, so that the refusal comes before the elements do.
        self.spend(missing.saturating_mul(ELEMENT_COST))?;
        let shape = match shape {
            Some(shape) if missing == 0 => {
                return Ok(Next::Whole(shape.assemble(Vec::new()), behind));
            }
            shape => shape,
        };
        let elements = Vec::with_capacity(reserve(depth, behind.len()).min(missing));
        self.open.push(Open {
            shape,
            missing,
            elements,
        });
        Ok(Next::Begun(behind))
    }

    /// A push may stand between replies only. Attributes in front of one say nothing about a reply
    /// and are dropped.
    fn begin_push(&mut self, elements: usize) -> Result<(), Malformed> {
        let only_attributes = |open: &Open| open.shape == Some(Shape::Attributed);
        if !self
            .open
            .iter()
            .all(|o| only_attributes(o) && o.missing == 1)
        {
            return Err(Malformed::NestedPush);
        }
        // Attributes in front of a push, if there were any: see above.
        self.open.clear();
        self.spent = 0;
        match elements {
            0 => Err(Malformed::PushKind),
            _ => Ok(()),
        }
    }

    /// Puts a whole value where it belongs, and ends every aggregate that ends with it.
    #[inline]
    fn complete(&mut self, value: Value) -> Result<Option<Frame>, Malformed> {
        let mut value = value;
        loop {
            // Nothing is open, so this value is the reply.
            let Some(open) = self.open.last_mut() else {
                self.spent = 0;
                return Ok(Some(Frame::Reply(value)));
            };
            open.elements.push(value);
            open.missing = open.missing.saturating_sub(1);
            if open.missing > 0 {
                return Ok(None);
            }
            let Some(full) = self.open.pop() else {
                return Ok(None);
            };
            match full.shape {
                // It may itself be the last element of what is around it: the loop goes on with it.
                Some(shape) => value = shape.assemble(full.elements),
                None => {
                    self.spent = 0;
                    return push(full.elements).map(Some);
                }
            }
        }
    }

    /// Counts memory against [`Limits::total`] before it is taken, so that a reply beyond the limit costs
    /// an error and no allocation.
    #[inline]
    fn spend(&mut self, bytes: usize) -> Result<(), Malformed> {
        let spent = self.spent.saturating_add(bytes);
        if spent > self.limits.total {
            return Err(Malformed::ReplyTooLarge);
        }
        self.spent = spent;
        Ok(())
    }
}

/// How many elements to make room for at once. Bounded by the input at the outermost level; deeper
/// levels share what one level may cost, since a sender can open many with few bytes.
fn reserve(depth: usize, received: usize) -> usize {
    let shared = u32::try_from(depth)
        .ok()
        .and_then(|d| (ROOM / ELEMENT_COST).checked_shr(d));
    let shared = shared.unwrap_or(0).max(4);
    match depth {
        // An element takes four bytes on the wire at least; 16 is what replies of short strings have on
        // average.
        0 => shared.saturating_add(received / 16),
        _ => shared,
    }
}

/// Makes a push of its elements. The first one is the kind; anything but a text there is malformed, because
/// nobody could tell what the rest means.
fn push(elements: Vec<Value>) -> Result<Frame, Malformed> {
    let mut elements = elements.into_iter();
    let kind = match elements.next() {
        Some(Value::Bulk(kind) | Value::Simple(kind) | Value::Verbatim { text: kind, .. }) => kind,
        // A push whose kind is `+OK` is odd and well formed.
        Some(Value::Okay) => b"OK".to_vec(),
        _ => return Err(Malformed::PushKind),
    };
    // Collecting what is left of a vector reuses its memory.
    let args = Items(elements.collect());
    Ok(Frame::Push(Push { kind, args }))
}

#[cfg(test)]
mod tests;

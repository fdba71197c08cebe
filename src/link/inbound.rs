//! What has arrived on one connection and is not yet decoded. Does not read the socket.

use crate::protocol::{Decoder, Frame, Limits, Malformed, Value};

/// Room for one read; grows to [`MOST`] while reads fill it.
const LEAST: usize = 16 * 1024;
const MOST: usize = 256 * 1024;

/// A request or reply of more bytes holds up those behind it: on loopback this takes as long as a round trip.
pub(crate) const LARGE: usize = 64 * 1024;

/// The receive buffer and its decoder. Whoever holds it has the read role of its connection.
#[derive(Debug)]
pub(crate) struct Inbound {
    buffer: Vec<u8>,
    /// Invariant: `start <= end <= buffer.len()`; only `next` raises start, only `filled` raises end.
    start: usize,
    end: usize,
    decoder: Decoder,
    /// Something was read that has led to nothing yet.
    pub(super) is_fresh: bool,
    /// Replies that are decoded and not yet settled; empty between steps.
    pub(super) replies: Vec<Value>,
}

impl Inbound {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            buffer: vec![0; LEAST],
            start: 0,
            end: 0,
            decoder: Decoder::new(limits),
            is_fresh: false,
            replies: Vec::new(),
        }
    }

    /// Where the next bytes go; never empty.
    #[inline]
    pub(crate) fn space(&mut self) -> &mut [u8] {
        if self.start == self.end {
            // The usual case between two replies: back to the front, and nothing to copy.
            self.start = 0;
            self.end = 0;
        } else if self.end == self.buffer.len() {
            if self.start > 0 {
                // Moved before it grows: only what fills all of the buffer needs more room.
                self.buffer.copy_within(self.start..self.end, 0);
                self.end -= self.start;
                self.start = 0;
            } else {
                // One line longer than the buffer; the decoder's limit ends this.
                self.buffer.resize(self.buffer.len() * 2, 0);
            }
        }
        &mut self.buffer[self.end..]
    }

    /// Says that `count` bytes were put into [`space`](Self::space).
    #[inline(always)]
    pub(crate) fn filled(&mut self, count: usize) {
        // A transport that claims more than it had room for must not move the end past the buffer.
        self.end = (self.end + count).min(self.buffer.len());
        self.is_fresh = true;
        // Full to the end: the socket may hold more, and a larger read saves calls of the system.
        if self.start == 0 && self.end == self.buffer.len() && self.buffer.len() < MOST {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
    }

    /// Whether all that has arrived is decoded.
    #[inline]
    pub(crate) fn is_drained(&self) -> bool {
        self.start == self.end
    }

    /// All that has arrived as one reply, if it is one that needs no second look. Otherwise all is left for
    /// [`next`](Self::next).
    #[inline(always)]
    pub(crate) fn sole_reply(&mut self) -> Option<Value> {
        let input = self.buffer.get(self.start..self.end)?;
        let reply = self.decoder.decode_sole(input)?;
        // All of the input or nothing: whatever follows the reply makes `decode_sole` refuse.
        self.start = self.end;
        Some(reply)
    }

    /// Whether a part of a large reply has arrived, and its end has not.
    #[inline]
    pub(super) fn has_large_reply(&self) -> bool {
        self.decoder.announced() > LARGE
    }

    /// The next whole frame, if there is one.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<Frame>, Malformed> {
        if self.is_drained() {
            return Ok(None);
        }
        let step = self.decoder.decode(&self.buffer[self.start..self.end])?;
        self.start = (self.start + step.consumed).min(self.end);
        Ok(step.frame)
    }
}

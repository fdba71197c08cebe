//! What has arrived on one connection and is not yet decoded. Does not read the socket.
//!
//! The rest of a long string goes from the socket into the string itself; everything else goes through the
//! buffer.

use crate::protocol::{Decoder, Frame, Limits, Malformed, Value};

/// Room for one read. As much as this is kept by a connection that is quiet.
const LEAST: usize = 16 * 1024;

/// Room for one read while reads fill it: what a server writes at most before it looks after its other
/// connections (`NET_MAX_WRITES_PER_EVENT`).
const MOST: usize = 64 * 1024;

/// So many reads that fill the buffer make it larger. One is no sign: it may be the beginning of a long
/// string, whose rest does not come through here.
const FULL: usize = 2;

/// Replies for which a quiet connection keeps room (4 KiB): those of the longest pipeline that shares its
/// connection with small commands, so that one such pipeline after the other allocates nothing here.
const KEPT: usize = 128;

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
    /// How many reads have filled the buffer since the connection was quiet.
    full_reads: usize,
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
            full_reads: 0,
            is_fresh: false,
            replies: Vec::new(),
        }
    }

    /// Where the next bytes go, unless [`string`](Self::string) says otherwise; never empty.
    #[inline(always)]
    pub(crate) fn space(&mut self) -> &mut [u8] {
        if self.start == self.end {
            // The usual case between two replies: back to the front, and nothing to copy.
            self.start = 0;
            self.end = 0;
        } else {
            self.make_space();
        }
        &mut self.buffer[self.end..]
    }

    /// Makes room behind the beginning of a line.
    #[cold]
    #[inline(never)]
    fn make_space(&mut self) {
        if self.start > 0 {
            // Once: nothing is in front of it then.
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        } else if self.end == self.buffer.len() {
            // One line longer than the buffer; the decoder's limit ends this.
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
    }

    /// Says that `count` bytes were put into [`space`](Self::space).
    #[inline(always)]
    pub(crate) fn filled(&mut self, count: usize) {
        // A transport that claims more than it had room for must not move the end past the buffer.
        self.end = (self.end + count).min(self.buffer.len());
        self.is_fresh = true;
        if self.end == self.buffer.len() {
            self.note_full();
        }
    }

    /// The buffer is full to the end: the socket may hold more, and a larger read saves calls of the system.
    #[cold]
    #[inline(never)]
    fn note_full(&mut self) {
        self.full_reads += 1;
        if self.full_reads >= FULL && self.buffer.len() < MOST {
            self.buffer.resize(MOST, 0);
        }
    }

    /// The long string of which a part has arrived and all that has arrived is a part, with room for more of
    /// it: the next bytes go there, and [`appended`](Self::appended) follows.
    ///
    /// The room is for no more than the string and its line end, and at most 64 KiB larger than what has arrived
    /// of it.
    #[inline(always)]
    pub(super) fn string(&mut self) -> Option<&mut Vec<u8>> {
        let is_drained = self.is_drained();
        self.decoder.filling(LEAST).filter(|_| is_drained)
    }

    /// Says that bytes were appended to the [`string`](Self::string) in progress.
    #[inline]
    pub(super) fn appended(&mut self) {
        self.is_fresh = true;
    }

    /// See [`Decoder::allow_long_lines`].
    pub(super) fn allow_long_lines(&mut self) {
        self.decoder.allow_long_lines();
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

    /// Decodes into [`replies`](Self::replies) those in front that need no second look, many at once. The rest is
    /// left to [`next`](Self::next).
    #[inline]
    pub(super) fn take_ready(&mut self) {
        let input = self.buffer.get(self.start..self.end).unwrap_or_default();
        self.start += self.decoder.decode_ready(input, &mut self.replies);
    }

    /// Whether a part of a large reply has arrived, and its end has not.
    #[inline]
    pub(super) fn has_large_reply(&self) -> bool {
        self.decoder.announced() > LARGE
    }

    /// The next whole frame, if there is one.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<Option<Frame>, Malformed> {
        // A string that was filled past the buffer ends with an input without bytes.
        if self.is_drained() && !self.decoder.is_filled() {
            return Ok(None);
        }
        let step = self.decoder.decode(&self.buffer[self.start..self.end])?;
        self.start = (self.start + step.consumed).min(self.end);
        Ok(step.frame)
    }

    /// Whether it may hold more memory than a quiet connection needs.
    #[inline(always)]
    pub(super) fn has_grown(&self) -> bool {
        self.full_reads > 0 || self.replies.capacity() > KEPT
    }

    /// Gives back the memory that only a busy connection needs. Called when no reply is to come, so that a
    /// connection which reads without a pause keeps it, and one that was used once does not.
    #[cold]
    #[inline(never)]
    pub(super) fn shrink(&mut self) {
        self.full_reads = 0;
        self.replies.shrink_to(KEPT);
        let rest = self.start..self.end;
        if self.buffer.len() > LEAST && rest.len() < LEAST {
            let mut buffer = vec![0; LEAST];
            // A part of a push may be left.
            buffer[..rest.len()].copy_from_slice(&self.buffer[rest.clone()]);
            self.buffer = buffer;
            (self.start, self.end) = (0, rest.len());
        }
    }
}

#[cfg(all(test, not(hitless_model)))]
mod tests;

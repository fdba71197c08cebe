//! The write role: what waits for a writer, what a writer has taken, and what it left behind. Does not write.

use super::{InFlight, Outcome, Pending, Phase};
use crate::link::{EndReason, Parts};
use std::mem;

/// Bytes kept allocated between bursts; a buffer that grew larger is given back. A connection keeps two.
const KEEP: usize = 16 * 1024;

/// Bytes on their way to the socket: those of all who have appended, or a request where its caller has it.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    bytes: Bytes<'a>,
    /// Where in the connection's life the first byte stands that the socket has not accepted. Only
    /// [`advance`](Self::advance) raises it, to `end` at most.
    accepted: u64,
    /// Where in the connection's life the last byte ends.
    end: u64,
}

#[derive(Debug)]
enum Bytes<'a> {
    /// What callers have appended, and how much of it was accepted.
    Appended { bytes: Vec<u8>, at: usize },
    /// What is left of a request, where its caller has it.
    Lent(Parts<'a>),
}

impl Batch<'_> {
    /// What is to be written next.
    #[inline]
    pub(crate) fn rest(&self) -> Parts<'_> {
        match &self.bytes {
            Bytes::Appended { bytes, at } => bytes.get(*at..).unwrap_or_default().into(),
            Bytes::Lent(parts) => *parts,
        }
    }

    #[inline]
    pub(crate) fn advance(&mut self, written: usize) {
        // Two accounts: of where the writer goes on, and of what a caller is told that gives up.
        match &mut self.bytes {
            Bytes::Appended { at, .. } => *at += written,
            Bytes::Lent(parts) => parts.advance(written),
        }
        self.accepted = (self.accepted + written as u64).min(self.end);
    }

    #[inline]
    pub(crate) fn is_written(&self) -> bool {
        self.accepted == self.end
    }

    /// How many bytes of the connection's life the socket has accepted for certain.
    pub(super) fn accepted(&self) -> u64 {
        self.accepted
    }

    /// The batch for another writer: what is left of a request that is where its caller has it is copied.
    fn into_owned(self) -> Batch<'static> {
        let Batch {
            bytes,
            accepted,
            end,
        } = self;
        let (bytes, at) = match bytes {
            Bytes::Appended { bytes, at } => (bytes, at),
            Bytes::Lent(parts) => (parts.to_vec(), 0),
        };
        Batch {
            bytes: Bytes::Appended { bytes, at },
            accepted,
            end,
        }
    }

    /// Takes bytes out of what nobody writes at the moment, by their places in the connection's life.
    fn take_out(&mut self, start: u64, end: u64) {
        if let Bytes::Appended { bytes, .. } = &mut self.bytes {
            let base = self.end - bytes.len() as u64;
            self.end -= remove(bytes, base, start, end);
        }
    }
}

/// Removes bytes by their places in the connection's life, where `bytes` begin at `base`. Yields how many.
fn remove(bytes: &mut Vec<u8>, base: u64, start: u64, end: u64) -> u64 {
    let place = |at: u64| {
        let place = usize::try_from(at.saturating_sub(base)).unwrap_or(usize::MAX);
        place.min(bytes.len())
    };
    bytes.drain(place(start)..place(end)).len() as u64
}

impl<C: Clone + PartialEq> InFlight<C> {
    /// Takes the write role, if it is free and there is something to write. Who finds the role taken leaves
    /// its bytes to whoever has it.
    #[inline]
    pub(crate) fn take_batch(&mut self) -> Option<Batch<'static>> {
        if self.has_ended() {
            return None;
        }
        if self.writing {
            self.left_to_writer = true;
            return None;
        }
        let batch = match self.leftover.take() {
            Some(batch) => {
                // Younger bytes go with the next batch, and the caller's may be among them.
                self.left_to_writer = true;
                batch
            }
            // What a writer left behind goes first: its bytes are older.
            None if self.unsent.is_empty() => return None,
            None => {
                self.left_to_writer = false;
                // Two buffers in turn, so that appending goes on during the write and allocates nothing.
                let bytes = mem::replace(&mut self.unsent, mem::take(&mut self.spare));
                Batch {
                    accepted: self.queued - bytes.len() as u64,
                    end: self.queued,
                    bytes: Bytes::Appended { bytes, at: 0 },
                }
            }
        };
        self.writing = true;
        self.offered = batch.end;
        Some(batch)
    }

    /// Gives the write role back to which [`enqueue_alone`](Self::enqueue_alone) has led, when all is written.
    /// False: the connection has ended, and the role goes back with [`batch_of`](Self::batch_of).
    #[inline]
    pub(crate) fn return_alone(&mut self) -> bool {
        if self.has_ended() {
            return false;
        }
        self.writing = false;
        true
    }

    /// What a writer has to write to which [`enqueue_alone`](Self::enqueue_alone) has led: its request, where
    /// that is. Of what it does not write, a copy is made for another.
    pub(crate) fn batch_of<'a>(&self, parts: Parts<'a>) -> Batch<'a> {
        Batch {
            accepted: self.offered - parts.len() as u64,
            end: self.offered,
            bytes: Bytes::Lent(parts),
        }
    }

    /// The writer waits for room. `torn` as for [`return_batch`](Self::return_batch).
    pub(crate) fn pause_batch(&mut self, batch: &Batch<'_>, torn: bool) {
        self.paused = Some(if torn { batch.accepted() } else { self.offered });
    }

    /// The writer goes on. False: the connection has ended, and nothing more may be written.
    pub(crate) fn resume_batch(&mut self) -> bool {
        self.paused = None;
        !self.has_ended()
    }

    /// Gives the write role back. `torn`: the socket tells how much of the batch it accepted, and it
    /// will get no more of it unless another writer takes it up.
    ///
    /// Yields the failures that [`end`](Self::end) left to the writer. `lost`: the system told the writer
    /// that the peer is lost, and tells it once, so that a reader finds the end of the stream only.
    #[inline]
    pub(crate) fn return_batch(
        &mut self,
        batch: Batch<'_>,
        torn: bool,
        lost: Option<&EndReason>,
    ) -> Vec<(C, Outcome)> {
        self.writing = false;
        self.reader_needed = false;
        self.paused = None;
        if batch.is_written() && !self.has_ended() {
            if let Bytes::Appended { mut bytes, .. } = batch.bytes {
                bytes.clear();
                // A buffer that a large request has blown up is given back.
                if bytes.capacity() <= KEEP {
                    self.spare = bytes;
                }
            }
            return Vec::new();
        }
        self.return_rest(batch, torn, lost)
    }

    #[cold]
    #[inline(never)]
    fn return_rest(
        &mut self,
        batch: Batch<'_>,
        torn: bool,
        lost: Option<&EndReason>,
    ) -> Vec<(C, Outcome)> {
        if torn && !batch.is_written() {
            // The socket said exactly how much it took: what is behind that has not left.
            self.offered = batch.accepted();
            self.heard = self.heard.min(self.offered);
        }
        if let Phase::Ended(reason) = &mut self.phase {
            if let (EndReason::EndOfStream, Some(lost)) = (&reason, lost) {
                *reason = lost.clone();
            }
            return self.fail_all();
        }
        self.leftover = Some(batch.into_owned());
        Vec::new()
    }

    /// Whether a writer has left bytes behind.
    pub(crate) fn has_leftover(&self) -> bool {
        self.leftover.is_some()
    }

    /// Whether all bytes before `end` were taken by a writer.
    #[inline]
    pub(crate) fn is_taken(&self, end: u64) -> bool {
        self.offered >= end
    }

    /// Whether bytes wait for a writer that nobody looks after, and nobody writes. Of bytes that were just
    /// appended their caller [takes](Self::take_batch) care.
    #[inline]
    pub(crate) fn lacks_writer(&self) -> bool {
        let is_left = self.left_to_writer && !self.unsent.is_empty();
        !self.writing && (is_left || self.leftover.is_some())
    }

    /// Takes a request out as if it had never been appended. Its bytes are where no writer has them.
    pub(super) fn withdraw(&mut self, at: usize) {
        let Some(Pending { start, end, .. }) = self.pending.remove(at) else {
            return;
        };
        let length = end - start;
        let taken = self.queued - self.unsent.len() as u64;
        match &mut self.leftover {
            Some(batch) if start < taken => batch.take_out(start, end),
            _ => {
                remove(&mut self.unsent, taken, start, end);
            }
        }
        self.queued -= length;
        // Those behind move up on the wire by what was taken out.
        for later in self.pending.range_mut(at..) {
            later.start -= length;
            later.end -= length;
        }
        if self.leftover.as_ref().is_some_and(Batch::is_written) {
            self.leftover = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_request_where_its_caller_has_it_only_what_is_left_is_copied() {
        let (head, tail) = (b"01234".to_vec(), b"56789".to_vec());
        let behind = [&tail[..]];
        let mut batch = Batch {
            bytes: Bytes::Lent(Parts::new(&head, &behind)),
            accepted: 100,
            end: 110,
        };
        assert_eq!(batch.rest().front().as_ptr(), head.as_ptr());
        batch.advance(7);
        assert_eq!(batch.rest().front().as_ptr(), tail[2..].as_ptr());
        let (accepted, owned) = (batch.accepted(), batch.into_owned());
        assert_eq!(owned.rest().to_vec(), b"789");
        // What may have left, and where the batch ends on the wire, are the same.
        assert_eq!((owned.accepted(), accepted, owned.end), (107, 107, 110));
    }
}

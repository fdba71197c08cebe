//! The write role: what waits for a writer, what a writer has taken, and what it left behind. Does not write.

use super::{InFlight, Outcome, Pending, Phase};
use crate::link::EndReason;
use std::mem;

/// Bytes kept allocated between bursts; a buffer that grew larger is given back.
const KEEP: usize = 256 * 1024;

/// Bytes on their way to the socket.
#[derive(Debug)]
pub(crate) struct Batch {
    bytes: Vec<u8>,
    /// Invariant: at most `bytes.len()`; only [`advance`](Self::advance) raises it.
    at: usize,
    /// Where in the connection's life the first byte stands.
    base: u64,
}

impl Batch {
    pub(crate) fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    pub(crate) fn advance(&mut self, written: usize) {
        self.at = (self.at + written).min(self.bytes.len());
    }

    pub(crate) fn is_written(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// How many bytes of the connection's life the socket has accepted for certain.
    pub(super) fn accepted(&self) -> u64 {
        self.base + self.at as u64
    }
}

impl<C: Clone + PartialEq> InFlight<C> {
    /// Takes the write role, if it is free and there is something to write. Who finds the role taken leaves
    /// its bytes to whoever has it.
    #[inline]
    pub(crate) fn take_batch(&mut self) -> Option<Batch> {
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
                let base = self.queued - bytes.len() as u64;
                Batch { bytes, at: 0, base }
            }
        };
        self.writing = true;
        self.offered = batch.base + batch.bytes.len() as u64;
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

    /// What a writer has to write to which [`enqueue_alone`](Self::enqueue_alone) has led: a copy of its
    /// request, which others may have to go on with.
    pub(crate) fn batch_of(&self, bytes: Vec<u8>) -> Batch {
        let base = self.offered - bytes.len() as u64;
        Batch { bytes, at: 0, base }
    }

    /// The writer waits for room. `torn` as for [`return_batch`](Self::return_batch).
    pub(crate) fn pause_batch(&mut self, batch: &Batch, torn: bool) {
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
        mut batch: Batch,
        torn: bool,
        lost: Option<&EndReason>,
    ) -> Vec<(C, Outcome)> {
        self.writing = false;
        self.reader_needed = false;
        self.paused = None;
        if batch.is_written() && !self.has_ended() {
            batch.bytes.clear();
            // A buffer that a large request has blown up is given back.
            if batch.bytes.capacity() <= KEEP {
                self.spare = batch.bytes;
            }
            return Vec::new();
        }
        self.return_rest(batch, torn, lost)
    }

    #[cold]
    #[inline(never)]
    fn return_rest(
        &mut self,
        batch: Batch,
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
        self.leftover = Some(batch);
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
        let (bytes, base) = match &mut self.leftover {
            Some(batch) if start < taken => (&mut batch.bytes, batch.base),
            _ => (&mut self.unsent, taken),
        };
        let from = usize::try_from(start.saturating_sub(base)).unwrap_or(usize::MAX);
        let to = usize::try_from(end.saturating_sub(base)).unwrap_or(usize::MAX);
        bytes.drain(from.min(bytes.len())..to.min(bytes.len()));
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

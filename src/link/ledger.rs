//! Who waits for what on one connection, in the order of the wire. Does not read, write, wait, wake
//! or look at the clock.
//!
//! ```text
//!            retire                 last reply
//!   Open ------------> Draining ------------------+
//!    |                    |                       v
//!    |      abandon       |      abandon        Ended
//!    +--------------> Condemned ----------------->^
//!    |                    nobody waits any more   |
//!    +--------------------------------------------+
//!                     end (any phase)
//! ```
//!
//! Two roles exist on a connection, and at most one thread has each: the writer holds the [`Batch`]
//! that was taken, the reader holds the [`Inbound`]. Possession is the role, so that two readers
//! cannot be written down.

use super::end_reason::EndReason;
use super::inbound::Inbound;
use crate::error::CloseReason;
use crate::protocol::Value;
use std::collections::VecDeque;
use std::mem;
use std::time::{Duration, Instant};

/// Bytes kept allocated between bursts; a buffer that grew larger is given back.
const KEEP: usize = 256 * 1024;

/// What a connection still accepts.
#[derive(Clone, Debug)]
pub(crate) enum Phase {
    /// A command timed out: its reply may still come, so that nothing new may be asked.
    Condemned,
    /// Replaced: answers what was asked before, accepts nothing new.
    Draining,
    /// Ended, for this reason: accepts nothing, and whoever waited was told.
    Ended(EndReason),
    /// Accepts every command.
    Open,
}

/// What became of one request.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The connection ended, or the caller gave up.
    Failed(Failure),
    /// The replies of a request of several commands.
    Many(Vec<Value>),
    /// The reply of a request of one command.
    One(Value),
}

/// How far a failed request had come.
#[derive(Debug)]
pub(crate) struct Failure {
    /// `None`: the time limit passed.
    pub(crate) reason: Option<EndReason>,
    /// Replies that had come before.
    pub(crate) got: Vec<Value>,
    /// How many bytes of the request may have left. A command whose last byte is not among them was
    /// not executed.
    pub(crate) sent: u64,
}

/// What one reply did.
#[derive(Debug)]
pub(crate) enum Settled<W> {
    /// It was the last one that this waiter waited for.
    Completed(W, Outcome),
    /// Its owner waits for more, or has given up.
    Kept,
    /// It has no owner.
    Unsolicited,
}

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
    fn accepted(&self) -> u64 {
        self.base + self.at as u64
    }
}

#[derive(Debug)]
struct Pending<W> {
    waiter: W,
    /// Where in the connection's life the request begins and ends.
    start: u64,
    end: u64,
    want: usize,
    got: Vec<Value>,
    /// Its reply must still be consumed in its place.
    abandoned: bool,
}

impl<W> Pending<W> {
    fn fail(self, offered: u64, reason: Option<EndReason>) -> (W, Outcome) {
        let sent = offered.clamp(self.start, self.end) - self.start;
        (
            self.waiter,
            Outcome::Failed(Failure {
                reason,
                got: self.got,
                sent,
            }),
        )
    }
}

/// The state of one connection. Guarded by lock 3 of its link.
#[derive(Debug)]
pub(crate) struct Ledger<W> {
    phase: Phase,
    /// Invariant A: in the order of the bytes.
    pending: VecDeque<Pending<W>>,
    /// How many of `pending` are not abandoned.
    live: usize,
    /// Bytes that no writer has taken.
    unsent: Vec<u8>,
    spare: Vec<u8>,
    /// What a writer left behind when its time was over.
    leftover: Option<Batch>,
    writing: bool,
    queued: u64,
    /// Bytes that may have left. Raised when a batch is taken, lowered only by its writer when the
    /// socket refused the rest.
    offered: u64,
    /// How much may have left while the writer waits: less than `offered` if the socket tells how much
    /// it took. `None` while a writer is in the socket, and nobody else knows how far it comes.
    paused: Option<u64>,
    /// `None` while a thread holds the read role.
    inbound: Option<Box<Inbound>>,
    /// The caller that holds the read role, if it is a caller: it sleeps in the socket, where no
    /// appointment reaches it.
    leader: Option<W>,
    /// Counts commands and replies; the reader thread compares it to tell busy from quiet.
    pub(crate) activity: u64,
    /// The reader thread sleeps until the read role is given back. Cleared by whoever rings it.
    pub(crate) dozing: bool,
    /// A writer cannot go on unless somebody reads.
    pub(crate) nudged: bool,
    /// A request has been answered, in part at least.
    pub(crate) answered: bool,
    /// The link is in its slot: the reader thread may begin.
    pub(crate) gate_open: bool,
    /// When the last request was appended.
    last: Option<Instant>,
}

impl<W: Clone + PartialEq> Ledger<W> {
    pub(crate) fn new(inbound: Box<Inbound>) -> Self {
        Self {
            phase: Phase::Open,
            pending: VecDeque::new(),
            live: 0,
            unsent: Vec::new(),
            spare: Vec::new(),
            leftover: None,
            writing: false,
            queued: 0,
            offered: 0,
            paused: None,
            inbound: Some(inbound),
            leader: None,
            activity: 0,
            dozing: false,
            nudged: false,
            answered: false,
            gate_open: false,
            last: None,
        }
    }

    /// Why it ended.
    pub(crate) fn end_reason(&self) -> EndReason {
        match &self.phase {
            Phase::Ended(reason) => reason.clone(),
            _ => EndReason::EndOfStream,
        }
    }

    /// Why it takes no new request.
    pub(crate) fn refusal(&self) -> EndReason {
        match &self.phase {
            Phase::Condemned => EndReason::Closed(CloseReason::Condemned),
            Phase::Draining => EndReason::Closed(CloseReason::Drained),
            Phase::Ended(_) | Phase::Open => self.end_reason(),
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open)
    }

    pub(crate) fn is_draining(&self) -> bool {
        matches!(self.phase, Phase::Draining)
    }

    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.phase, Phase::Ended(_))
    }

    /// How many callers wait.
    pub(crate) fn live(&self) -> usize {
        self.live
    }

    /// Nothing was asked that is not answered.
    pub(crate) fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }

    /// Whether the last request, if there was one, is older than `age`.
    #[inline]
    pub(crate) fn is_stale(&self, now: Instant, age: Duration) -> bool {
        self.last
            .and_then(|last| last.checked_add(age))
            .is_none_or(|until| until <= now)
    }

    /// Appends a request. False: the phase accepts none, and nothing was appended.
    #[inline]
    pub(crate) fn enqueue(
        &mut self,
        parts: [&[u8]; 2],
        want: usize,
        waiter: W,
        now: Instant,
    ) -> bool {
        if !self.is_open() {
            return false;
        }
        self.last = Some(now);
        let start = self.queued;
        for part in parts {
            self.unsent.extend_from_slice(part);
            self.queued += part.len() as u64;
        }
        let got = if want > 1 {
            Vec::with_capacity(want.min(1024))
        } else {
            Vec::new()
        };
        let end = self.queued;
        self.pending.push_back(Pending {
            waiter,
            start,
            end,
            want,
            got,
            abandoned: false,
        });
        self.live += 1;
        self.activity += 1;
        true
    }

    /// Appends a request for whose reply nobody waits, if nothing else is asked and it can be written at
    /// once. Says where it stands.
    pub(crate) fn enqueue_probe(&mut self, bytes: &[u8], waiter: W, now: Instant) -> Option<u64> {
        let is_quiet = self.is_idle() && !self.writing && self.leftover.is_none();
        if !is_quiet || !self.enqueue([bytes, &[]], 1, waiter, now) {
            return None;
        }
        self.live -= 1;
        let probe = self.pending.back_mut()?;
        probe.abandoned = true;
        Some(probe.start)
    }

    /// Whether the request that stands there is unanswered.
    pub(crate) fn awaits(&self, place: u64) -> bool {
        self.pending.iter().any(|pending| pending.start == place)
    }

    /// Takes the write role, if it is free and there is something to write.
    #[inline]
    pub(crate) fn take_batch(&mut self) -> Option<Batch> {
        if self.writing || self.has_ended() {
            return None;
        }
        let batch = match self.leftover.take() {
            Some(batch) => batch,
            None if self.unsent.is_empty() => return None,
            None => {
                let bytes = mem::replace(&mut self.unsent, mem::take(&mut self.spare));
                let base = self.queued - bytes.len() as u64;
                Batch { bytes, at: 0, base }
            }
        };
        self.writing = true;
        self.offered = batch.base + batch.bytes.len() as u64;
        Some(batch)
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
    ) -> Vec<(W, Outcome)> {
        self.writing = false;
        self.nudged = false;
        self.paused = None;
        if torn && !batch.is_written() {
            self.offered = batch.accepted();
        }
        if let Phase::Ended(reason) = &mut self.phase {
            if let (EndReason::EndOfStream, Some(lost)) = (&reason, lost) {
                *reason = lost.clone();
            }
            return self.fail_all();
        }
        if batch.is_written() {
            batch.bytes.clear();
            if batch.bytes.capacity() <= KEEP {
                self.spare = batch.bytes;
            }
        } else {
            self.leftover = Some(batch);
        }
        Vec::new()
    }

    /// Takes the read role, if it is free, for a caller or (`None`) for who waits for no reply. Nobody
    /// reads after the end: whoever waits then, waits for the writer.
    #[inline]
    pub(crate) fn take_inbound(&mut self, leader: Option<&W>) -> Option<Box<Inbound>> {
        if self.has_ended() {
            return None;
        }
        let inbound = self.inbound.take()?;
        self.leader = leader.cloned();
        Some(inbound)
    }

    /// Gives the read role back.
    #[inline]
    pub(crate) fn return_inbound(&mut self, inbound: Box<Inbound>) {
        self.inbound = Some(inbound);
        self.leader = None;
    }

    pub(crate) fn is_read_role_free(&self) -> bool {
        self.inbound.is_some()
    }

    /// Whether a writer has left bytes behind.
    pub(crate) fn has_leftover(&self) -> bool {
        self.leftover.is_some()
    }

    /// Whether bytes wait for a writer, and nobody writes.
    #[inline]
    pub(crate) fn lacks_writer(&self) -> bool {
        !self.writing && (self.leftover.is_some() || !self.unsent.is_empty())
    }

    /// Whom to appoint when a role is free and somebody needs it done: a caller that sleeps where an
    /// appointment reaches it.
    #[inline]
    pub(crate) fn successor(&self) -> Option<W> {
        if self.has_ended() || !(self.lacks_writer() || self.inbound.is_some()) {
            return None;
        }
        let can = |pending: &&Pending<W>| {
            !pending.abandoned && self.leader.as_ref() != Some(&pending.waiter)
        };
        self.pending
            .iter()
            .find(can)
            .map(|pending| pending.waiter.clone())
    }

    /// Hands one reply to its owner: the first request in the order of the wire.
    #[inline]
    pub(crate) fn settle(&mut self, reply: Value) -> Settled<W> {
        self.activity += 1;
        match self.pending.front_mut() {
            // A reply to bytes that have not left answers something else.
            Some(front) if front.start < self.offered => {
                self.answered = true;
                if front.want > 1 {
                    front.got.push(reply);
                    if front.got.len() < front.want {
                        return Settled::Kept;
                    }
                    self.complete(Outcome::Many)
                } else {
                    self.complete(|_| Outcome::One(reply))
                }
            }
            _ => Settled::Unsolicited,
        }
    }

    #[inline]
    fn complete(&mut self, outcome: impl FnOnce(Vec<Value>) -> Outcome) -> Settled<W> {
        match self.pending.pop_front() {
            Some(done) if done.abandoned => Settled::Kept,
            Some(done) => {
                self.live -= 1;
                Settled::Completed(done.waiter, outcome(done.got))
            }
            None => Settled::Unsolicited,
        }
    }

    /// Gives up waiting. `None`: the request has been settled.
    ///
    /// A request of which no byte has left is withdrawn, and nothing else changes. Any other keeps
    /// its place, so that its late reply reaches nobody, and the connection accepts nothing new.
    pub(crate) fn abandon(&mut self, waiter: &W) -> Option<Failure> {
        let offered = self.offered;
        let at = self
            .pending
            .iter()
            .position(|pending| !pending.abandoned && pending.waiter == *waiter)?;
        self.live -= 1;
        let pending = self.pending.get_mut(at)?;
        if pending.start >= offered {
            self.withdraw(at);
            return Some(Failure {
                reason: None,
                got: Vec::new(),
                sent: 0,
            });
        }
        pending.abandoned = true;
        let got = mem::take(&mut pending.got);
        // What was collected no longer counts: the rest of the replies must still be consumed.
        pending.want -= got.len().min(pending.want - 1);
        let sent = if self.live == 0 {
            // Nobody needs the rest to be written, and then nobody may: it was not sent.
            self.leftover = None;
            self.unsent = Vec::new();
            offered.min(pending.end) - pending.start
        } else {
            // Another writer will write the rest.
            pending.end - pending.start
        };
        self.condemn();
        Some(Failure {
            reason: None,
            got,
            sent,
        })
    }

    /// Takes a request out as if it had never been appended. Its bytes are where no writer has them.
    fn withdraw(&mut self, at: usize) {
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
        for later in self.pending.range_mut(at..) {
            later.start -= length;
            later.end -= length;
        }
        if self.leftover.as_ref().is_some_and(Batch::is_written) {
            self.leftover = None;
        }
    }

    /// Accepts nothing new from now on, and ends when nobody waits any more: a reply is overdue.
    pub(crate) fn condemn(&mut self) {
        if !self.has_ended() {
            self.phase = Phase::Condemned;
        }
    }

    /// Accepts nothing new from now on; answers what was asked.
    pub(crate) fn retire(&mut self) {
        if self.is_open() {
            self.phase = Phase::Draining;
        }
    }

    /// Why the connection may be closed now, if it may: it has no more to do.
    #[inline]
    pub(crate) fn is_finished(&self) -> Option<CloseReason> {
        match self.phase {
            // A writer may not have come back yet, but all that it wrote is answered.
            Phase::Draining if self.pending.is_empty() => Some(CloseReason::Drained),
            Phase::Condemned if self.live == 0 => Some(CloseReason::Condemned),
            _ => None,
        }
    }

    /// Ends the connection and hands every request its failure. Later calls do nothing.
    ///
    /// While a writer is in the socket only that writer can tell what has left: then the requests stay,
    /// and [`return_batch`](Self::return_batch), which follows without a wait, yields the failures.
    pub(crate) fn end(&mut self, reason: &EndReason) -> Vec<(W, Outcome)> {
        if self.has_ended() {
            return Vec::new();
        }
        self.phase = Phase::Ended(reason.clone());
        self.unsent = Vec::new();
        self.spare = Vec::new();
        self.leftover = None;
        if self.writing && self.paused.is_none() {
            return Vec::new();
        }
        self.fail_all()
    }

    #[cold]
    #[inline(never)]
    fn fail_all(&mut self) -> Vec<(W, Outcome)> {
        self.live = 0;
        let offered = self.paused.unwrap_or(self.offered);
        let reason = self.end_reason();
        mem::take(&mut self.pending)
            .into_iter()
            .filter(|pending| !pending.abandoned)
            .map(|pending| pending.fail(offered, Some(reason.clone())))
            .collect()
    }
}

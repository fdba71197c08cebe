//! One client of the simulator, as every thread may see it: its outbox, its record, its end.
//! Runs no command.
//!
//! Anyone may append to the outbox under any lock of the simulator; only flushing writes to the socket,
//! and it is done with no lock held.

use super::answer::Answer;
use super::news::News;
use super::record::{ConnectionRecord, Diary, Record};
use super::wire::{Raw, Waker, Wire, would_block};
use super::{CloseCause, clock};
use crate::protocol::handshake::MovingEndpointType;
use crate::protocol::{Protocol, Push, encode};
use parking_lot::Mutex;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// How long a write may take before what is left goes to a thread of its own.
const PATIENCE: Duration = Duration::from_millis(100);

/// Bytes that wait to be written.
#[derive(Debug, Default)]
struct Outbox {
    /// In the order in which they must leave.
    bytes: Vec<u8>,
    /// Invariant: at most one thread writes; it takes what others append until nothing is left.
    writing: bool,
    /// The connection ends, and somebody waits for the last of it to be written.
    awaited: bool,
    /// The client reads too slowly: nothing waits for it any more.
    over: bool,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Peer {
    /// Unique over all nodes; what `CLIENT ID` answers.
    pub(super) id: u64,
    /// The node that serves it, which may not be the one it dialled.
    pub(super) node: usize,
    /// The socket.
    raw: Raw,
    /// Set once the handshake of TLS is over, at once without TLS.
    wire: OnceLock<Wire>,
    /// Filled by any thread: replies by the connection's own, pushes by others.
    outbox: Mutex<Outbox>,
    /// How many bytes a writing thread has taken from the outbox and not written yet.
    taken: AtomicUsize,
    /// How many bytes may wait for the client before its connection ends.
    unread_limit: usize,
    /// Read by whoever sends a push.
    resp3: AtomicBool,
    /// A command waits in the store; other threads may answer it.
    blocked: AtomicBool,
    /// How often it has opted in or out.
    choices: AtomicU64,
    /// What tests ask about.
    diary: Mutex<Diary>,
    /// Rings for the connection's own thread alone: for what it waits for when it does not read.
    bell: News,
    /// There once the connection's thread has waited for its socket and a blocked command at a time.
    waker: OnceLock<Waker>,
    /// Told of its end.
    news: Arc<News>,
}

impl Peer {
    /// A connection that was accepted and has no wire yet: with TLS the handshake comes first.
    pub(super) fn new(diary: Diary, raw: Raw, unread_limit: usize, news: Arc<News>) -> Self {
        Self {
            id: diary.id,
            node: diary.node,
            raw,
            wire: OnceLock::new(),
            outbox: Mutex::default(),
            taken: AtomicUsize::new(0),
            unread_limit,
            resp3: AtomicBool::new(false),
            blocked: AtomicBool::new(false),
            choices: AtomicU64::new(0),
            diary: Mutex::new(diary),
            bell: News::default(),
            waker: OnceLock::new(),
            news,
        }
    }

    /// The socket beneath the encryption.
    pub(super) fn raw(&self) -> &Raw {
        &self.raw
    }

    /// Tells how the bytes travel, once the TLS handshake is over. Whatever is in the outbox waits
    /// for it.
    pub(super) fn set_wire(&self, wire: Wire) {
        // A second call cannot happen: only the connection's own thread calls, once.
        // Pushes may have been appended during the handshake; the first flush after this sends them.
        let _ = self.wire.set(wire);
    }

    /// Takes bytes that the client has sent; 0 where it has ended, or has no wire yet.
    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.wire.get() {
            Some(wire) => wire.read(buffer),
            None => Ok(0),
        }
    }

    /// The protocol of the next answer.
    pub(super) fn protocol(&self) -> Protocol {
        match self.resp3.load(Ordering::Relaxed) {
            true => Protocol::Resp3,
            false => Protocol::Resp2,
        }
    }

    /// `HELLO` has chosen a protocol, for its own answer already.
    pub(super) fn set_protocol(&self, protocol: Protocol) {
        self.resp3
            .store(protocol == Protocol::Resp3, Ordering::Relaxed);
        self.diary.lock().protocol = protocol;
    }

    /// Whether a command waits for an element.
    pub(super) fn blocked(&self) -> bool {
        self.blocked.load(Ordering::Acquire)
    }

    /// A command begins to wait, or has been answered by another thread, which wakes this one.
    pub(super) fn set_blocked(&self, blocked: bool) {
        self.blocked.store(blocked, Ordering::Release);
        // Pairs with the fence in `read_while_blocked`: either that thread sees that the command is
        // over, or we see its waker.
        // Between the two looks: at the flag here, at the waker there. One of the two threads sees what
        // the other wrote.
        fence(Ordering::SeqCst);
        if let Some(waker) = self.waker.get() {
            waker.wake();
        }
        // Tests wait for blocked commands too.
        self.news.changed();
    }

    /// Reads on while a command blocks, for only so is the end of the client seen. A would-block error
    /// means that there is nothing yet, or that the command is over.
    pub(super) fn read_while_blocked(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(wire) = self.wire.get() else {
            return Ok(0);
        };
        let waker = match self.waker.get() {
            Some(waker) => waker,
            // Only the connection's own thread comes here.
            None => {
                let fresh = Waker::new()?;
                self.waker.get_or_init(|| fresh)
            }
        };
        fence(Ordering::SeqCst);
        if !self.blocked() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        wire.read_or_wake(buffer, waker)
    }

    /// Whether nobody is left who would read a reply.
    pub(super) fn gone(&self) -> bool {
        self.closed() || self.raw.hung_up()
    }

    /// Waits on the connection's own thread until a condition holds, which is looked at again when
    /// [`Peer::ring`] is called and when the connection ends; or until a deadline passes.
    pub(super) fn wait_until(&self, deadline: Option<Instant>, holds: impl FnMut() -> bool) {
        self.bell.wait_until(deadline, holds);
    }

    /// Lets the connection's own thread look again at what it waits for.
    pub(super) fn ring(&self) {
        self.bell.changed();
    }

    /// Appends to the outbox; ends the connection of a client that has left too much unread.
    fn fill(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut outbox = self.outbox.lock();
        if outbox.over {
            return;
        }
        write(&mut outbox.bytes);
        // Bytes that a writer has taken and the client has not are unread as well.
        let taken = self.taken.load(Ordering::Relaxed);
        if outbox.bytes.len().saturating_add(taken) > self.unread_limit {
            outbox.over = true;
            // Freed, and not only emptied: a client that never reads must not hold its limit in memory.
            outbox.bytes = Vec::new();
            drop(outbox);
            self.close(CloseCause::SlowReader);
        }
    }

    /// Appends raw bytes to the outbox.
    pub(super) fn append(&self, bytes: &[u8]) {
        self.fill(|outbox| outbox.extend_from_slice(bytes));
    }

    /// Appends a reply to the outbox.
    pub(super) fn answer(&self, answer: &Answer) {
        self.append_part(answer, usize::MAX);
    }

    /// Appends the beginning of a reply to the outbox.
    pub(super) fn append_part(&self, answer: &Answer, size: usize) {
        let protocol = self.protocol();
        self.fill(|outbox| {
            let before = outbox.len();
            match (answer, protocol) {
                (Answer::Silent, _) => {}
                (Answer::NilArray, Protocol::Resp2) => outbox.extend_from_slice(b"*-1\r\n"),
                (Answer::NilArray, Protocol::Resp3) => outbox.extend_from_slice(b"_\r\n"),
                (Answer::Value(value), _) => encode::value(outbox, value, protocol),
            }
            // A fault cuts a reply in two: what is behind the cut is never sent.
            outbox.truncate(before.saturating_add(size));
        });
    }

    /// Appends a push to the outbox; in RESP2 the array that stands for it there.
    pub(super) fn push(&self, push: &Push) {
        let protocol = self.protocol();
        self.fill(|outbox| encode::push(outbox, push, protocol));
    }

    /// Appends a push to the outbox and notes it in the record.
    pub(super) fn notify(&self, push: &Push) {
        // Noted first: whoever finds a push at the client finds it in the record too.
        self.diary.lock().push(push);
        self.push(push);
    }

    /// Writes the outbox, unless another thread is doing it, which then takes this part too.
    ///
    /// False if the client takes nothing more at present: the rest waits in the outbox, and nobody writes
    /// it unless [`Peer::flush_patiently`] is called. Blocks for about a tenth of a second.
    #[must_use]
    pub(super) fn flush(&self) -> bool {
        self.flush_as(false, false)
    }

    /// Goes on where [`Peer::flush`] has stopped, until the outbox is empty or the connection ends, however
    /// long that takes.
    pub(super) fn flush_patiently(&self) {
        self.flush_as(true, true);
    }

    /// Writes the outbox before the connection ends, or waits for the thread that is doing it. A client
    /// that reads too slowly misses the rest.
    pub(super) fn flush_last(&self) {
        let end = clock::now() + PATIENCE;
        // Before the flush: a writer that finishes in between has to ring.
        self.outbox.lock().awaited = true;
        if self.flush() {
            self.wait_until(Some(end), || self.closed() || !self.outbox.lock().writing);
        }
    }

    /// Writes what waits, unless another thread does, which then takes this along. Returns `false` where a
    /// client reads too slowly for a thread that is not `patient`: whoever goes on passes `mine`.
    fn flush_as(&self, patient: bool, mut mine: bool) -> bool {
        let Some(wire) = self.wire.get() else {
            return true;
        };
        let mut chunk = Vec::new();
        loop {
            {
                let mut outbox = self.outbox.lock();
                // That thread looks at the outbox again before it ends, so these bytes leave without us.
                if outbox.writing && !mine {
                    return true;
                }
                chunk.clear();
                if outbox.bytes.is_empty() {
                    outbox.writing = false;
                    outbox.bytes = chunk;
                    if outbox.awaited {
                        drop(outbox);
                        self.ring();
                    }
                    return true;
                }
                (outbox.writing, mine) = (true, true);
                // The two buffers change places for each part, so that a busy connection allocates
                // nothing.
                std::mem::swap(&mut chunk, &mut outbox.bytes);
                self.taken.store(chunk.len(), Ordering::Relaxed);
            }
            let written = self.write(wire, &chunk, patient);
            if written < chunk.len() && !self.closed() {
                let mut outbox = self.outbox.lock();
                self.taken.store(0, Ordering::Relaxed);
                // Still the one who writes, until somebody goes on: nobody else is held up meanwhile.
                if !outbox.over {
                    chunk.drain(..written);
                    chunk.append(&mut outbox.bytes);
                    outbox.bytes = chunk;
                }
                return false;
            }
        }
    }

    /// Writes and says how much; stops early at an end, or unless `patient` at a client that is slow.
    fn write(&self, wire: &Wire, bytes: &[u8], patient: bool) -> usize {
        let mut written = 0;
        let end = clock::now() + PATIENCE;
        while written < bytes.len() && !self.closed() {
            // Some bytes went, but slowly: a client that takes a few bytes now and then would hold up a
            // thread that has others to serve.
            if !patient && written > 0 && clock::now() >= end {
                break;
            }
            match wire.write(&bytes[written..]) {
                Ok(more) => {
                    written += more;
                    self.taken.fetch_sub(more, Ordering::Relaxed);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Each write waits for a tenth of a second by itself; the loop ends when the connection
                // does.
                Err(error) if would_block(&error) && patient => {}
                Err(error) if would_block(&error) => break,
                Err(_) => {
                    // An error that we caused ourselves, by a fault, is no end that the client chose.
                    let cause = match self.raw.gone() {
                        true => CloseCause::Fault,
                        false => CloseCause::Client,
                    };
                    self.close(cause);
                }
            }
        }
        written
    }

    /// Notes a command that is about to be executed.
    pub(super) fn note(&self, level: Record, name: &str, args: &[Vec<u8>]) {
        if level != Record::Nothing {
            self.diary.lock().command(level, name, args);
            self.news.changed();
        }
    }

    /// The form of places that this connection has asked for; `None` unless it gets notifications.
    pub(super) fn opted_in(&self) -> Option<MovingEndpointType> {
        self.diary.lock().opted_in
    }

    /// How often it has opted in or out, to tell a late choice from an old one.
    pub(super) fn choices(&self) -> u64 {
        self.choices.load(Ordering::Acquire)
    }

    /// Called under the ledger's lock, so that what is sent meanwhile knows of it.
    pub(super) fn opt(&self, kind: Option<MovingEndpointType>) {
        self.choices.fetch_add(1, Ordering::AcqRel);
        self.diary.lock().opted_in = kind;
        self.news.changed();
    }

    /// The name that `CLIENT SETNAME` gave it.
    pub(super) fn name(&self) -> Option<String> {
        self.diary.lock().name.clone()
    }

    /// Gives it a name, or takes it away.
    pub(super) fn set_name(&self, name: Option<String>) {
        self.diary.lock().name = name;
    }

    /// What is known of it now.
    pub(super) fn record(&self) -> ConnectionRecord {
        self.diary.lock().read()
    }

    /// Whether it has ended, at either side.
    pub(super) fn closed(&self) -> bool {
        self.raw.gone()
    }

    /// Keeps when it ended and why.
    fn note_end(&self, cause: CloseCause) {
        let mut diary = self.diary.lock();
        // The first cause is the true one; what follows only notices it.
        // Several threads notice an end: a writer, the reader, the director.
        if diary.closed.is_none() {
            diary.closed = Some((clock::now(), cause));
        }
    }

    /// Ends the connection in an orderly way.
    pub(super) fn close(&self, cause: CloseCause) {
        self.note_end(cause);
        self.raw.close();
        self.ring();
        self.news.changed();
    }

    /// Ends the connection with a reset.
    pub(super) fn reset(&self, cause: CloseCause) {
        self.note_end(cause);
        self.raw.reset();
        self.ring();
        self.news.changed();
    }
}

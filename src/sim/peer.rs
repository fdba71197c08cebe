//! One client of the simulator, as every thread may see it: its outbox, its record, its end.
//! Runs no command.
//!
//! Anyone may append to the outbox under any lock of the simulator; only flushing writes to the socket,
//! and it is done with no lock held.

use super::answer::Answer;
use super::news::News;
use super::record::{ConnectionRecord, Diary, Record};
use super::wire::{Raw, Wire, would_block};
use super::{CloseCause, clock};
use crate::protocol::handshake::MovingEndpointType;
use crate::protocol::{Protocol, Push, encode};
use parking_lot::Mutex;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

/// How many bytes may wait for a client before it is dropped.
const MOST_UNREAD: usize = 1 << 30;

/// Bytes that wait to be written.
#[derive(Debug, Default)]
struct Outbox {
    bytes: Vec<u8>,
    /// Invariant: at most one thread writes; it takes what others append until nothing is left.
    writing: bool,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) id: u64,
    pub(super) node: usize,
    raw: Raw,
    wire: OnceLock<Wire>,
    outbox: Mutex<Outbox>,
    resp3: AtomicBool,
    blocked: AtomicBool,
    /// How often it has opted in or out.
    choices: AtomicU64,
    diary: Mutex<Diary>,
    news: Arc<News>,
}

impl Peer {
    pub(super) fn new(diary: Diary, raw: Raw, news: Arc<News>) -> Self {
        Self {
            id: diary.id,
            node: diary.node,
            raw,
            wire: OnceLock::new(),
            outbox: Mutex::default(),
            resp3: AtomicBool::new(false),
            blocked: AtomicBool::new(false),
            choices: AtomicU64::new(0),
            diary: Mutex::new(diary),
            news,
        }
    }

    pub(super) fn raw(&self) -> &Raw {
        &self.raw
    }

    /// Tells how the bytes travel, once the TLS handshake is over. Whatever is in the outbox waits
    /// for it.
    pub(super) fn set_wire(&self, wire: Wire) {
        // A second call cannot happen: only the connection's own thread calls, once.
        let _ = self.wire.set(wire);
    }

    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.wire.get() {
            Some(wire) => wire.read(buffer),
            None => Ok(0),
        }
    }

    pub(super) fn protocol(&self) -> Protocol {
        match self.resp3.load(Ordering::Relaxed) {
            true => Protocol::Resp3,
            false => Protocol::Resp2,
        }
    }

    pub(super) fn set_protocol(&self, protocol: Protocol) {
        self.resp3
            .store(protocol == Protocol::Resp3, Ordering::Relaxed);
        self.diary.lock().protocol = protocol;
    }

    pub(super) fn blocked(&self) -> bool {
        self.blocked.load(Ordering::Acquire)
    }

    pub(super) fn set_blocked(&self, blocked: bool) {
        self.blocked.store(blocked, Ordering::Release);
        self.news.changed();
    }

    /// Appends raw bytes to the outbox.
    pub(super) fn append(&self, bytes: &[u8]) {
        self.outbox.lock().bytes.extend_from_slice(bytes);
    }

    /// Appends a reply to the outbox.
    pub(super) fn answer(&self, answer: &Answer) {
        let protocol = self.protocol();
        let bytes = &mut self.outbox.lock().bytes;
        match (answer, protocol) {
            (Answer::Silent, _) => {}
            (Answer::NilArray, Protocol::Resp2) => bytes.extend_from_slice(b"*-1\r\n"),
            (Answer::NilArray, Protocol::Resp3) => bytes.extend_from_slice(b"_\r\n"),
            (Answer::Value(value), _) => encode::value(bytes, value, protocol),
        }
    }

    /// Appends the beginning of a reply to the outbox.
    pub(super) fn append_part(&self, answer: &Answer, size: usize) {
        let before = self.outbox.lock().bytes.len();
        self.answer(answer);
        self.outbox
            .lock()
            .bytes
            .truncate(before.saturating_add(size));
    }

    /// Appends a push to the outbox; in RESP2 the array that stands for it there.
    pub(super) fn push(&self, push: &Push) {
        let protocol = self.protocol();
        encode::push(&mut self.outbox.lock().bytes, push, protocol);
    }

    /// Appends a push to the outbox and notes it in the record.
    pub(super) fn notify(&self, push: &Push) {
        self.diary.lock().push(push);
        self.push(push);
    }

    /// Writes the outbox, unless another thread is doing it, which then takes this part too.
    ///
    /// False if the client takes nothing more at present: the rest waits in the outbox, and somebody has
    /// to call [`Peer::flush_patiently`]. Blocks for at most a tenth of a second without progress.
    #[must_use]
    pub(super) fn flush(&self) -> bool {
        self.flush_as(false)
    }

    /// Writes the outbox until it is empty or the connection ends, however long that takes.
    pub(super) fn flush_patiently(&self) {
        self.flush_as(true);
    }

    fn flush_as(&self, patient: bool) -> bool {
        let Some(wire) = self.wire.get() else {
            return true;
        };
        let mut chunk = Vec::new();
        let mut mine = false;
        loop {
            {
                let mut outbox = self.outbox.lock();
                if outbox.writing && !mine {
                    return true;
                }
                chunk.clear();
                if outbox.bytes.is_empty() {
                    outbox.writing = false;
                    outbox.bytes = chunk;
                    return true;
                }
                if outbox.bytes.len() > MOST_UNREAD {
                    outbox.bytes = Vec::new();
                    outbox.writing = false;
                    drop(outbox);
                    self.close(CloseCause::SlowReader);
                    return true;
                }
                (outbox.writing, mine) = (true, true);
                std::mem::swap(&mut chunk, &mut outbox.bytes);
            }
            let written = self.write(wire, &chunk, patient);
            if written < chunk.len() && !self.closed() {
                let mut outbox = self.outbox.lock();
                chunk.drain(..written);
                chunk.append(&mut outbox.bytes);
                outbox.bytes = chunk;
                outbox.writing = false;
                return false;
            }
        }
    }

    /// Writes and says how much; stops early at an end, or unless `patient` at a client that is slow.
    fn write(&self, wire: &Wire, bytes: &[u8], patient: bool) -> usize {
        let mut written = 0;
        while written < bytes.len() && !self.closed() {
            match wire.write(&bytes[written..]) {
                Ok(more) => written += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if would_block(&error) && patient => {}
                Err(error) if would_block(&error) => break,
                Err(_) => {
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

    pub(super) fn opted_in(&self) -> Option<MovingEndpointType> {
        self.diary.lock().opted_in
    }

    pub(super) fn choices(&self) -> u64 {
        self.choices.load(Ordering::Acquire)
    }

    /// Called under the ledger's lock, so that what is sent meanwhile knows of it.
    pub(super) fn opt(&self, kind: Option<MovingEndpointType>) {
        self.choices.fetch_add(1, Ordering::AcqRel);
        self.diary.lock().opted_in = kind;
        self.news.changed();
    }

    pub(super) fn name(&self) -> Option<String> {
        self.diary.lock().name.clone()
    }

    pub(super) fn set_name(&self, name: Option<String>) {
        self.diary.lock().name = name;
    }

    pub(super) fn record(&self) -> ConnectionRecord {
        self.diary.lock().read()
    }

    pub(super) fn closed(&self) -> bool {
        self.raw.gone()
    }

    fn note_end(&self, cause: CloseCause) {
        let mut diary = self.diary.lock();
        // The first cause is the true one; what follows only notices it.
        if diary.closed.is_none() {
            diary.closed = Some((clock::now(), cause));
        }
    }

    /// Ends the connection in an orderly way.
    pub(super) fn close(&self, cause: CloseCause) {
        self.note_end(cause);
        self.raw.close();
        self.news.changed();
    }

    /// Ends the connection with a reset.
    pub(super) fn reset(&self, cause: CloseCause) {
        self.note_end(cause);
        self.raw.reset();
        self.news.changed();
    }
}

//! One client of the simulator, as every thread may see it: its outbox, its record, its end.
//! Runs no command.
//!
//! Anyone may append to the outbox under any lock of the simulator; only [`Peer::flush`] writes to
//! the socket, and it is called with no lock held.

use super::answer::Answer;
use super::news::News;
use super::record::{ConnectionRecord, Diary, Record};
use super::wire::{Raw, Wire, would_block};
use super::{CloseCause, clock};
use crate::protocol::handshake::MovingEndpointType;
use crate::protocol::{Protocol, Push, encode};
use parking_lot::Mutex;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// How long a client may refuse to take a byte before it is dropped.
const SLOWEST_CLIENT: Duration = Duration::from_secs(10);

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
    pub(super) fn flush(&self) {
        let Some(wire) = self.wire.get() else {
            return;
        };
        let mut chunk = Vec::new();
        loop {
            {
                let mut outbox = self.outbox.lock();
                if chunk.is_empty() && outbox.writing {
                    return;
                }
                chunk.clear();
                if outbox.bytes.is_empty() {
                    outbox.writing = false;
                    outbox.bytes = chunk;
                    return;
                }
                outbox.writing = true;
                std::mem::swap(&mut chunk, &mut outbox.bytes);
            }
            self.write(wire, &chunk);
        }
    }

    fn write(&self, wire: &Wire, mut bytes: &[u8]) {
        let mut stuck = None;
        while !bytes.is_empty() && !self.closed() {
            match wire.write(bytes) {
                Ok(written) => {
                    bytes = &bytes[written.min(bytes.len())..];
                    stuck = None;
                }
                Err(error) if would_block(&error) => {
                    let since = *stuck.get_or_insert_with(clock::now);
                    if clock::now().saturating_duration_since(since) > SLOWEST_CLIENT {
                        self.close(CloseCause::SlowReader);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => {
                    let cause = match self.raw.gone() {
                        true => CloseCause::Fault,
                        false => CloseCause::Client,
                    };
                    self.close(cause);
                }
            }
        }
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

    pub(super) fn opt(&self, kind: Option<MovingEndpointType>) {
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

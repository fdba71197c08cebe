//! A wire without a socket, for tests and for the model checker: both ends are in memory, and all
//! waiting goes through [`crate::sync`]. Models no network: what is sent has arrived.

use super::{
    Deadline, EndReason, Inbound, Link, Mailbox, NewLink, Relaxed, Request, Routes, Supervisor,
};
use crate::clock;
use crate::ids::{EntryId, LinkId, NodeId};
use crate::protocol::{Endpoint, Limits, Protocol, Push};
use crate::sync::{Arc, Condvar, Ranked};
use crate::transport::Wire;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::time::Duration;

/// How long a test waits for what must happen. The model checker finds a wait in vain by itself.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug, Default)]
struct Cable {
    /// On its way to the client, and not yet read from the socket.
    down: VecDeque<u8>,
    /// Read from the socket and kept by the library above it, as TLS does.
    library: VecDeque<u8>,
    /// Accepted from the client, and not yet taken by the server.
    up: VecDeque<u8>,
    /// Taken by the server, the beginning of a line.
    begun: Vec<u8>,
    /// How many bytes `up` holds before writes would block.
    room: usize,
    /// The most that one read yields.
    most: usize,
    /// Reads empty the socket at once, and only the socket wakes who waits.
    has_library: bool,
    /// Where the bytes of each write lay, and how many they were; `None`: not noted.
    offered: Option<Vec<Vec<(usize, usize)>>>,
    /// Waits end early again and again, as those of a real socket do, also in the model checker.
    ticks: bool,
    server_ended: bool,
    /// What the next read says instead of bytes; after it the stream is at its end, as on a socket.
    broken: Option<io::ErrorKind>,
    shut: bool,
    reading: usize,
    arming: usize,
    writing: usize,
}

#[derive(Debug)]
struct Shared {
    cable: Ranked<Cable, 6>,
    changed: Condvar,
    peer: Option<SocketAddr>,
}

/// The client's end.
#[derive(Debug)]
pub(crate) struct FakeWire(Arc<Shared>);

/// The server's end.
#[derive(Clone, Debug)]
pub(crate) struct Far(Arc<Shared>);

/// Both ends of a new cable with room for everything.
pub(crate) fn cable(peer: Option<SocketAddr>) -> (FakeWire, Far) {
    let cable = Cable {
        room: usize::MAX,
        most: usize::MAX,
        ..Cable::default()
    };
    let shared = Arc::new(Shared {
        cable: Ranked::new(cable),
        changed: Condvar::default(),
        peer,
    });
    (FakeWire(Arc::clone(&shared)), Far(shared))
}

/// How much of `whole` one step moves: all of it, unless the model checker splits it.
fn portion(whole: usize) -> usize {
    #[cfg(hitless_model)]
    {
        use shuttle::rand::{Rng, thread_rng};
        if whole > 1 && thread_rng().gen_bool(0.25) {
            return thread_rng().gen_range(1..whole);
        }
    }
    whole
}

/// Whether a step says "not yet" although it could be made. Only the model checker does that.
fn balks() -> bool {
    #[cfg(hitless_model)]
    {
        use shuttle::rand::{Rng, thread_rng};
        thread_rng().gen_bool(0.1)
    }
    #[cfg(not(hitless_model))]
    false
}

impl Shared {
    /// Waits until `done`, counting the wait in `count`. False: `patience` is over.
    fn wait(
        &self,
        patience: Option<Duration>,
        count: fn(&mut Cable) -> &mut usize,
        done: impl Fn(&Cable) -> bool,
    ) -> bool {
        let deadline = patience.and_then(|patience| clock::now().checked_add(patience));
        let mut cable = self.cable.lock();
        if done(&cable) {
            return true;
        }
        *count(&mut cable) += 1;
        self.changed.notify_all();
        let outcome = loop {
            #[cfg(hitless_model)]
            if cable.ticks && deadline.is_some() {
                drop(cable);
                crate::sync::passes(deadline);
                crate::sync::yield_now();
                cable = self.cable.lock();
                break done(&cable);
            }
            cable = self.changed.wait(&self.cable, cable, deadline);
            if done(&cable) {
                break true;
            }
            if deadline.is_some_and(|deadline| deadline <= clock::now()) {
                break false;
            }
        };
        *count(&mut cable) -= 1;
        outcome
    }
}

impl Wire for FakeWire {
    fn read(&self, buf: &mut [u8], patience: Duration) -> io::Result<usize> {
        let readable = |cable: &Cable| !cable.library.is_empty() || is_readable(cable);
        if self
            .0
            .wait(Some(patience), |cable| &mut cable.reading, readable)
        {
            self.try_read(buf)
        } else {
            Err(io::ErrorKind::WouldBlock.into())
        }
    }

    fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        let mut cable = self.0.cable.lock();
        if cable.shut || buf.is_empty() {
            return Ok(0);
        }
        if cable.has_library {
            let Cable { down, library, .. } = &mut *cable;
            library.append(down);
        }
        let most = cable.most;
        let source = if cable.has_library {
            &mut cable.library
        } else {
            &mut cable.down
        };
        if source.is_empty() {
            if let Some(kind) = cable.broken.take() {
                return Err(kind.into());
            }
            if cable.server_ended {
                return Ok(0);
            }
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = portion(source.len().min(buf.len()).min(most));
        for (place, byte) in buf.iter_mut().zip(source.drain(..count)) {
            *place = byte;
        }
        drop(cable);
        self.0.changed.notify_all();
        Ok(count)
    }

    fn is_silent(&self) -> io::Result<bool> {
        let mut cable = self.0.cable.lock();
        if let Some(kind) = cable.broken.take() {
            return Err(kind.into());
        }
        Ok(!is_readable(&cable) && cable.library.is_empty())
    }

    fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        self.try_write_vectored(&[IoSlice::new(buf)])
    }

    fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut cable = self.0.cable.lock();
        if cable.shut {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if let Some(offered) = &mut cable.offered {
            let place = |buf: &IoSlice<'_>| (buf.as_ptr().addr(), buf.len());
            offered.push(bufs.iter().map(place).collect());
        }
        let whole = bufs.iter().map(|buf| buf.len()).sum();
        let free = cable.room.saturating_sub(cable.up.len()).min(whole);
        if free == 0 || cable.room < usize::MAX && balks() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = portion(free);
        let bytes = bufs.iter().flat_map(|buf| buf.iter());
        cable.up.extend(bytes.take(count));
        drop(cable);
        self.0.changed.notify_all();
        Ok(count)
    }

    fn wait_readable(&self) -> io::Result<()> {
        if self.0.cable.lock().library.is_empty() {
            self.0.wait(None, |cable| &mut cable.arming, is_readable);
        }
        Ok(())
    }

    fn wait_writable(&self, patience: Duration) -> io::Result<bool> {
        let writable = |cable: &Cable| cable.shut || cable.up.len() < cable.room;
        Ok(self
            .0
            .wait(Some(patience), |cable| &mut cable.writing, writable))
    }

    fn shutdown(&self) {
        self.0.cable.lock().shut = true;
        self.0.changed.notify_all();
    }

    fn peer(&self) -> Option<SocketAddr> {
        self.0.peer
    }

    fn hides_partial_writes(&self) -> bool {
        self.0.cable.lock().has_library
    }
}

/// What a poll of the socket says.
fn is_readable(cable: &Cable) -> bool {
    cable.shut || cable.server_ended || !cable.down.is_empty()
}

impl Far {
    fn change(&self, change: impl FnOnce(&mut Cable)) {
        change(&mut self.0.cable.lock());
        self.0.changed.notify_all();
    }

    fn until(&self, what: &str, done: impl Fn(&Cable) -> bool) {
        let patience = if cfg!(hitless_model) {
            None
        } else {
            Some(PATIENCE)
        };
        let mut unused = 0;
        let deadline = patience.and_then(|patience| clock::now().checked_add(patience));
        let mut cable = self.0.cable.lock();
        while !done(&cable) {
            cable = self.0.changed.wait(&self.0.cable, cable, deadline);
            unused += 1;
            let late = deadline.is_some_and(|deadline| deadline <= clock::now());
            assert!(
                !late || done(&cable),
                "waited in vain ({unused} changes): {what}: {:.2000}",
                format!("{:?}", *cable)
            );
        }
    }

    /// Sends bytes to the client.
    pub(crate) fn send(&self, bytes: impl AsRef<[u8]>) {
        self.change(|cable| cable.down.extend(bytes.as_ref()));
    }

    /// Sends bytes that a reader's library has taken from the socket before anybody else saw them.
    pub(crate) fn send_unseen(&self, bytes: impl AsRef<[u8]>) {
        self.change(|cable| cable.library.extend(bytes.as_ref()));
    }

    /// Closes the server's direction.
    pub(crate) fn end(&self) {
        self.change(|cable| cable.server_ended = true);
    }

    /// Lets the system give the connection up: one read is told so, later ones find the end.
    pub(crate) fn break_off(&self, kind: io::ErrorKind) {
        self.change(|cable| {
            cable.broken = Some(kind);
            cable.server_ended = true;
        });
    }

    /// As [`break_off`](Self::break_off), and the thread that waits for readability is not woken yet.
    pub(crate) fn break_off_unseen(&self, kind: io::ErrorKind) {
        let mut cable = self.0.cable.lock();
        cable.broken = Some(kind);
        cable.server_ended = true;
    }

    /// Lets writes block when so many bytes were not taken yet.
    pub(crate) fn set_room(&self, room: usize) {
        self.change(|cable| cable.room = room);
    }

    /// Lets one read yield so many bytes at most.
    pub(crate) fn set_most(&self, most: usize) {
        self.change(|cable| cable.most = most);
    }

    /// Notes where the bytes of each write lie from now on. Yields what was noted before.
    pub(crate) fn note_offers(&self) -> Vec<Vec<(usize, usize)>> {
        let mut noted = None;
        self.change(|cable| noted = cable.offered.replace(Vec::new()));
        noted.unwrap_or_default()
    }

    /// Puts a library between socket and link that keeps what it has read, as TLS does.
    pub(crate) fn add_library(&self) {
        self.change(|cable| cable.has_library = true);
    }

    /// Lets waits end early again and again in the model checker, where they may be for ever.
    pub(crate) fn set_ticks(&self) {
        self.change(|cable| cable.ticks = true);
    }

    /// Takes all that the client has written.
    pub(crate) fn take(&self) -> Vec<u8> {
        let mut taken = Vec::new();
        self.change(|cable| {
            taken = std::mem::take(&mut cable.begun);
            taken.extend(cable.up.drain(..));
        });
        taken
    }

    /// Takes one line, with its end. `None`: the client has shut the wire, and there is no line.
    pub(crate) fn line(&self) -> Option<Vec<u8>> {
        loop {
            let mut line = None;
            let mut is_shut = false;
            self.change(|cable| {
                let Cable { begun, up, .. } = cable;
                begun.extend(up.drain(..));
                let end = begun.iter().position(|byte| *byte == b'\n');
                line = end.map(|end| begun.drain(..=end).collect());
                is_shut = cable.shut;
            });
            if line.is_some() || is_shut {
                return line;
            }
            self.until("a line", |cable| cable.shut || !cable.up.is_empty());
        }
    }

    /// Takes so many bytes as soon as they have come.
    pub(crate) fn receive(&self, count: usize) -> Vec<u8> {
        self.until("bytes", |cable| cable.up.len() >= count);
        let mut taken = Vec::new();
        self.change(|cable| taken = cable.up.drain(..count).collect());
        taken
    }

    /// Waits until a caller waits for bytes.
    pub(crate) fn until_read(&self) {
        self.until("a reader", |cable| cable.reading > 0);
    }

    /// Waits until the reader thread waits for readability.
    pub(crate) fn until_armed(&self) {
        self.until("the reader thread", |cable| cable.arming > 0);
    }

    /// Waits until a writer cannot go on.
    pub(crate) fn until_blocked(&self) {
        self.until("a blocked writer", |cable| cable.writing > 0);
    }

    /// Waits until so many bytes lie untaken.
    pub(crate) fn until_written(&self, count: usize) {
        self.until("written bytes", |cable| cable.up.len() >= count);
    }

    /// Waits until all that was sent has been read.
    pub(crate) fn until_consumed(&self) {
        self.until("an empty cable", |cable| {
            cable.down.is_empty() && cable.library.is_empty()
        });
    }

    /// Waits until the client has shut the wire.
    pub(crate) fn until_shut(&self) {
        self.until("a shut wire", |cable| cable.shut);
    }

    pub(crate) fn is_shut(&self) -> bool {
        self.0.cable.lock().shut
    }
}

/// What a link reported, in order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Note {
    Ended(u64, String),
    Pushed(u64, String),
    Unusable(u64),
}

/// Supervisor and mailbox that write down what they are told.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    notes: Ranked<Vec<Note>, 7>,
    changed: Condvar,
}

impl Notes {
    fn note(&self, note: Note) {
        self.notes.lock().push(note);
        self.changed.notify_all();
    }

    pub(crate) fn all(&self) -> Vec<Note> {
        self.notes.lock().clone()
    }

    /// How many times this was noted.
    pub(crate) fn count(&self, note: &Note) -> usize {
        self.notes
            .lock()
            .iter()
            .filter(|other| *other == note)
            .count()
    }

    /// Waits until a note is one that `wanted` accepts.
    pub(crate) fn until(&self, wanted: impl Fn(&Note) -> bool) {
        let patience = if cfg!(hitless_model) {
            None
        } else {
            Some(PATIENCE)
        };
        let deadline = patience.and_then(|patience| clock::now().checked_add(patience));
        let mut notes = self.notes.lock();
        while !notes.iter().any(&wanted) {
            notes = self.changed.wait(&self.notes, notes, deadline);
            let late = deadline.is_some_and(|deadline| deadline <= clock::now());
            assert!(
                !late || notes.iter().any(&wanted),
                "waited in vain for a note: {notes:?}"
            );
        }
    }

    pub(crate) fn until_ended(&self) {
        self.until(|note| matches!(note, Note::Ended(..)));
    }
}

impl Mailbox for Notes {
    fn push(&self, link: &Link, push: Push) {
        let kind = String::from_utf8_lossy(&push.kind).into_owned();
        self.note(Note::Pushed(link.id().number(), kind));
    }
}

impl Supervisor for Notes {
    fn unusable(&self, link: &Link) {
        self.note(Note::Unusable(link.id().number()));
    }

    fn ended(&self, link: &Link, reason: EndReason) {
        self.note(Note::Ended(link.id().number(), reason.to_string()));
    }
}

/// Starts a link over a wire; its reader thread waits at the gate.
pub(crate) fn start(
    id: u64,
    entry: impl Into<EntryId>,
    wire: FakeWire,
    relaxed: Duration,
    routes: Routes,
) -> Arc<Link> {
    start_as(Protocol::Resp3, id, entry, wire, relaxed, routes)
}

/// As [`start`], over a connection that speaks this.
pub(crate) fn start_as(
    protocol: Protocol,
    id: u64,
    entry: impl Into<EntryId>,
    wire: FakeWire,
    relaxed: Duration,
    routes: Routes,
) -> Arc<Link> {
    let entry = entry.into();
    let new = NewLink {
        id: LinkId::new(id),
        node: NodeId::default(),
        entry,
        wire: Box::new(wire),
        inbound: Inbound::new(Limits::default()),
        via: Endpoint::Tcp {
            host: "fake".to_owned(),
            port: 6379,
        },
        opted_in: true,
        protocol,
        client_id: None,
        routes,
        relaxed: Relaxed {
            timeout: relaxed,
            blocking: None,
        },
    };
    Link::start(new).expect("a thread")
}

/// A link whose reader thread is at work, the server's end of its wire and what it reports.
pub(crate) fn link() -> (Arc<Link>, Far, Arc<Notes>) {
    let (wire, far) = cable(None);
    let notes = Arc::new(Notes::default());
    let routes = Routes::of_commands(&notes);
    let link = start(1, 0, wire, Duration::from_secs(20), routes);
    link.open_gate();
    (link, far, notes)
}

/// No end to the wait.
pub(crate) fn forever() -> Deadline {
    Deadline::new(clock::now(), None, None, false)
}

/// An end after so long.
pub(crate) fn within(timeout: Duration) -> Deadline {
    Deadline::new(clock::now(), None, Some(timeout), false)
}

/// A wait for what must happen soon.
pub(crate) fn patient() -> Deadline {
    within(PATIENCE)
}

/// A request that expects one reply.
pub(crate) fn one(bytes: &[u8]) -> Request<'_> {
    Request {
        parts: bytes.into(),
        replies: 1,
    }
}

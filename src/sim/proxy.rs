//! A connection in front of a real server. Executes nothing itself but the opt-in to notifications and
//! `CLIENT REPLY`, and changes no byte of what it passes on.
//!
//! ```text
//!   client --> sim-conn: whole commands --> server
//!                 | what each will be answered by (FIFO)
//!   client <-- sim-upstream: whole frames <-- server
//! ```
//!
//! Everything that the simulator has to say goes to the outbox between two whole frames of the server.

use super::answer::{error, lower, syntax};
use super::connection::read;
use super::fault::Disturbance;
use super::hush::Hush;
use super::maintenance::Choice;
use super::peer::Peer;
use super::request::{Protest, Requests};
use super::session::{check_client, full_name, unknown};
use super::store::find;
use super::world::World;
use super::{CloseCause, clock};
use crate::log_targets::SIM;
use crate::protocol::handshake::MovingEndpointType;
use crate::protocol::{Decoder, Frame, Limits, Protocol, Value};
use parking_lot::Mutex;
use std::collections::{BTreeSet, VecDeque};
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Bytes that are read at once.
const READ: usize = 16 << 10;
/// How long the real server may take to accept.
const CONNECT: Duration = Duration::from_secs(5);

/// What the next reply to the client is.
#[derive(Debug)]
enum Expected {
    /// The server's, and what happens to it on the way.
    Disturbed(Disturbance),
    /// The server's answer to `HELLO`: the protocol changes if it is not an error.
    Hello(Protocol),
    /// The simulator's own answer.
    Local(Value),
    /// The simulator's: the connection opts in, or out.
    Opt(Option<MovingEndpointType>),
    /// The simulator's last: what came was no command.
    Protest(Protest),
    /// The server's.
    Plain,
    /// So many confirmations of subscriptions, which are pushes in RESP3.
    Confirmations(usize),
}

/// One reply, and whether the client wants it.
#[derive(Debug)]
struct Reply {
    /// Where it comes from.
    what: Expected,
    /// `CLIENT REPLY` has said so. The server does not know: it answers everything, so that the replies
    /// stay in step whatever it thinks of a command.
    quiet: bool,
}

/// One connection, as its two threads see it.
#[derive(Debug)]
struct Relay {
    /// For faults, records and notifications.
    world: Arc<World>,
    /// The connection of the client.
    peer: Arc<Peer>,
    /// The connection to the real server.
    upstream: TcpStream,
    /// Invariant: one entry per command sent and not answered; own answers are never at the front.
    expected: Mutex<VecDeque<Reply>>,
    /// In RESP2 messages to subscribers look like replies; only subscribers get any.
    subscribed: AtomicBool,
}

/// Serves a connection until it or its connection to the server ends.
pub(super) fn converse(world: &Arc<World>, peer: &Arc<Peer>, server: SocketAddr) -> CloseCause {
    let upstream = match connect(server) {
        Ok(upstream) => upstream,
        Err(error) => {
            log::warn!(target: SIM, "the server behind the simulator cannot be reached: {error}");
            return CloseCause::Upstream;
        }
    };
    let relay = Arc::new(Relay {
        world: Arc::clone(world),
        peer: Arc::clone(peer),
        upstream,
        expected: Mutex::default(),
        subscribed: AtomicBool::new(false),
    });
    let thread = std::thread::Builder::new()
        .name(format!("sim-upstream-{}", peer.id))
        .spawn({
            let relay = Arc::clone(&relay);
            move || {
                let cause = relay.carry_replies();
                // The first cause counts. The other thread ends with "upstream" when its socket is shut
                // down below.
                relay.peer.close(cause);
            }
        });
    let Ok(thread) = thread else {
        return CloseCause::Upstream;
    };
    let cause = relay.carry_commands();
    // Before the other thread ends too, whose cause would be the server.
    peer.close(cause);
    // Wakes the other thread, which may be waiting for the server.
    let _ = relay.upstream.shutdown(Shutdown::Both);
    if thread.join().is_err() {
        log::error!(target: SIM, "an upstream thread of the simulator has panicked");
    }
    cause
}

/// A connection to the real server, one for each of the client.
fn connect(server: SocketAddr) -> io::Result<TcpStream> {
    let upstream = TcpStream::connect_timeout(&server, CONNECT)?;
    upstream.set_nodelay(true)?;
    Ok(upstream)
}

/// The names in a client's subscriptions, to know how many confirmations `UNSUBSCRIBE` brings.
#[derive(Debug, Default)]
struct Names {
    channels: BTreeSet<Vec<u8>>,
    patterns: BTreeSet<Vec<u8>>,
    shards: BTreeSet<Vec<u8>>,
}

impl Names {
    /// How many confirmations a command brings; `None` if it is not about subscriptions.
    fn confirmations(&mut self, name: &str, args: &[Vec<u8>]) -> Option<usize> {
        let names = match name {
            "subscribe" | "unsubscribe" => &mut self.channels,
            "psubscribe" | "punsubscribe" => &mut self.patterns,
            "ssubscribe" | "sunsubscribe" => &mut self.shards,
            _ => return None,
        };
        let given = args.get(1..).unwrap_or_default();
        if !name.contains("unsubscribe") {
            names.extend(given.iter().cloned());
            // None given is an error, which is one ordinary reply.
            return (!given.is_empty()).then_some(given.len());
        }
        if given.is_empty() {
            return Some(std::mem::take(names).len().max(1));
        }
        names.retain(|name| !given.contains(name));
        Some(given.len())
    }
}

impl Relay {
    /// The thread from the client to the server. It answers itself what a real server cannot: the opt-in to
    /// notifications.
    fn carry_commands(&self) -> CloseCause {
        let mut requests = Requests::default();
        let mut heard = Heard::default();
        let mut out = Vec::new();
        let mut buffer = vec![0; READ];
        loop {
            let read = match read(&self.peer, &mut buffer) {
                Ok(read) => read,
                Err(cause) => return cause,
            };
            // Parsed, and not only copied: which reply belongs to which command decides where the
            // simulator's own answers go.
            requests.feed(&buffer[..read]);
            if let Some(delay) = self.world.node(self.peer.node).faults.delay() {
                // A delay holds up all that came in one read, as a slow network would.
                let end = clock::now() + delay;
                self.peer.wait_until(Some(end), || self.peer.closed());
            }
            loop {
                // The server knows who has logged in, and refuses what others may not do.
                let words = match requests.next(true) {
                    Ok(Some(words)) => words,
                    Ok(None) => break,
                    Err(protest) => {
                        if self.send(&mut out).is_err() {
                            return CloseCause::Upstream;
                        }
                        return self.protest(protest, &mut buffer);
                    }
                };
                if self.world.must_wait(&self.peer) {
                    // What came before has to reach the server before the wait, not after it.
                    if self.send(&mut out).is_err() {
                        return CloseCause::Upstream;
                    }
                    self.world.await_turn(&self.peer);
                }
                if self.peer.closed() {
                    return CloseCause::Fault;
                }
                if words.is_empty() {
                    continue;
                }
                match self.take(&mut heard, &words) {
                    Taken::Close => {
                        let _ = self.send(&mut out);
                        return CloseCause::Fault;
                    }
                    Taken::Forward => out.extend_from_slice(requests.bytes()),
                    Taken::Kept => {}
                    Taken::Reset => {
                        self.peer.reset(CloseCause::Fault);
                        return CloseCause::Fault;
                    }
                }
            }
            if self.send(&mut out).is_err() {
                return CloseCause::Upstream;
            }
            self.world.flush(&self.peer);
        }
    }

    /// Answers what is no command, once the server has answered what came before, and ends the
    /// connection. What the client sends meanwhile is lost.
    fn protest(&self, protest: Protest, buffer: &mut [u8]) -> CloseCause {
        self.expect(Expected::Protest(protest), false);
        while read(&self.peer, buffer).is_ok() {}
        CloseCause::ProtocolError
    }

    /// Writes to the server, and keeps the memory of what was written for the next time.
    fn send(&self, out: &mut Vec<u8>) -> io::Result<()> {
        let sent = (&self.upstream).write_all(out);
        out.clear();
        sent
    }

    /// Decides what becomes of one command, and notes what will answer it.
    fn take(&self, heard: &mut Heard, args: &[Vec<u8>]) -> Taken {
        let spec = args.first().and_then(|first| find(first));
        let name = full_name(spec, args);
        let node = self.world.node(self.peer.node);
        let disturbance = node.faults.disturbance(&name);
        // Also for a command that a fault refuses: CLIENT REPLY SKIP has been used up by it.
        heard.hush.begin();
        let quiet = heard.hush.is_quiet();
        match disturbance {
            Some(Disturbance::CloseUnexecuted) => return Taken::Close,
            Some(Disturbance::ResetUnexecuted) => return Taken::Reset,
            Some(Disturbance::Die) => {
                self.world.die(self.peer.node);
                return Taken::Reset;
            }
            Some(Disturbance::Refuse(line)) => {
                self.expect(Expected::Local(Value::Error(error(line))), quiet);
                return Taken::Kept;
            }
            _ => {}
        }
        self.peer.note(self.world.settings.record, &name, args);
        match (name.as_str(), args) {
            // A server of the open kind would answer "unknown subcommand", and the client would believe
            // it.
            ("client|maint_notifications", _) => {
                self.expect(self.opt_in(args), quiet);
                return Taken::Kept;
            }
            ("client|reply", [_, _, how]) => {
                let answer = match heard.hush.choose(&lower(how)) {
                    true => Value::Okay,
                    false => Value::Error(syntax()),
                };
                self.expect(Expected::Local(answer), heard.hush.is_quiet());
                return Taken::Kept;
            }
            ("hello", _) if !self.world.settings.resp3 => {
                self.expect(Expected::Local(Value::Error(unknown(args))), quiet);
                return Taken::Kept;
            }
            // The server resets itself; the simulator has to forget what it has heard too.
            ("reset", [_]) => heard.hush.reset(),
            _ => {}
        }
        let what = match disturbance {
            Some(disturbance) => Expected::Disturbed(disturbance),
            None => match (name.as_str(), args.get(1).map(Vec::as_slice)) {
                ("hello", Some(b"3")) => Expected::Hello(Protocol::Resp3),
                ("hello", Some(_)) | ("reset", _) => Expected::Hello(Protocol::Resp2),
                _ => match heard.names.confirmations(&name, args) {
                    Some(count) => {
                        self.subscribed.store(true, Ordering::Relaxed);
                        Expected::Confirmations(count)
                    }
                    None => Expected::Plain,
                },
            },
        };
        self.expect(what, heard.hush.is_quiet());
        Taken::Forward
    }

    /// The answer to `CLIENT MAINT_NOTIFICATIONS`, which the real server never sees.
    fn opt_in(&self, args: &[Vec<u8>]) -> Expected {
        let checked = check_client(&self.world, self.peer.node, args);
        let choice = checked.and_then(|()| {
            let words = args.get(2..).unwrap_or_default();
            self.world.choose(self.peer.node, "default", words)
        });
        match choice {
            Ok(Choice::Answer(value)) => Expected::Local(value),
            Ok(Choice::Opt(kind)) => Expected::Opt(kind),
            Err(refusal) => Expected::Local(Value::Error(refusal)),
        }
    }

    /// Queues what will answer a command; own answers are given at once if it is their turn.
    fn expect(&self, what: Expected, quiet: bool) {
        let last = {
            let mut expected = self.expected.lock();
            expected.push_back(Reply { what, quiet });
            self.give_own(&mut expected)
        };
        if last {
            self.end();
        }
    }

    /// Gives the simulator's own answers whose turn has come; true if one of them is the last.
    fn give_own(&self, expected: &mut VecDeque<Reply>) -> bool {
        loop {
            let Some(Reply { what, quiet }) = expected.front() else {
                return false;
            };
            match what {
                Expected::Local(_) if *quiet => {}
                Expected::Local(value) => self.peer.answer(&value.clone().into()),
                Expected::Opt(kind) => self.world.opt(&self.peer, *kind, *quiet),
                Expected::Protest(protest) => {
                    self.peer.append(protest.line());
                    return true;
                }
                _ => return false,
            }
            expected.pop_front();
        }
    }

    /// Ends the connection after a protest.
    fn end(&self) {
        self.peer.flush_last();
        self.peer.close(CloseCause::ProtocolError);
    }

    /// The thread from the server to the client, which puts the simulator's own answers between the
    /// server's in the order of the commands.
    fn carry_replies(&self) -> CloseCause {
        let mut decoder = Decoder::new(Limits::default());
        let (mut pending, mut raw) = (Vec::new(), Vec::new());
        let mut buffer = vec![0; READ];
        loop {
            let read = match (&self.upstream).read(&mut buffer) {
                Ok(0) => return CloseCause::Upstream,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return CloseCause::Upstream,
            };
            // The decoder wants each byte once, and the frame's own bytes are passed on as they came:
            // re-encoding could hide a difference that an application depends on.
            pending.extend_from_slice(&buffer[..read]);
            let mut used = 0;
            loop {
                let Ok(step) = decoder.decode(&pending[used..]) else {
                    log::error!(target: SIM, "the server behind the simulator sent what is not RESP");
                    return CloseCause::Upstream;
                };
                raw.extend_from_slice(&pending[used..used + step.consumed]);
                used += step.consumed;
                let Some(frame) = step.frame else {
                    break;
                };
                let whole = std::mem::take(&mut raw);
                if !self.pass(&frame, &whole) {
                    self.peer.flush_last();
                    return CloseCause::Fault;
                }
            }
            pending.drain(..used);
            self.world.flush(&self.peer);
        }
    }

    /// Passes one frame of the server on; false if a fault ends the connection.
    fn pass(&self, frame: &Frame, whole: &[u8]) -> bool {
        let mut expected = self.expected.lock();
        // Messages belong to no command. Checked before the queue, or a message would be taken for the
        // reply of the command that waits first.
        let message = self.subscribed.load(Ordering::Relaxed) && is_message(frame);
        let first = expected.front_mut().map(|reply| &mut reply.what);
        if message || !answers(frame, first) {
            self.peer.append(whole);
            return true;
        }
        let refused = matches!(frame, Frame::Reply(Value::Error(_)));
        if let Some(Reply { what, quiet }) = expected.pop_front() {
            match what {
                Expected::Hello(protocol) if !refused => self.peer.set_protocol(protocol),
                Expected::Disturbed(Disturbance::Garble(ref bytes)) if !quiet => {
                    self.peer.append(bytes);
                }
                Expected::Disturbed(Disturbance::Truncate(size)) if !quiet => {
                    self.peer.append(&whole[..size.min(whole.len())]);
                    return false;
                }
                Expected::Disturbed(Disturbance::CloseUnanswered) => return false,
                Expected::Disturbed(Disturbance::DieUnanswered) => {
                    self.world.die(self.peer.node);
                    return false;
                }
                _ => {}
            }
            // Its replacement was appended above.
            let garbled = matches!(what, Expected::Disturbed(_));
            // Confirmations come whatever the client has said about replies.
            let confirmed = matches!(what, Expected::Confirmations(_)) && !refused;
            if !garbled && (!quiet || confirmed) {
                self.peer.append(whole);
            }
        }
        let last = self.give_own(&mut expected);
        // `end` closes the connection, whose threads may want this lock.
        drop(expected);
        if last {
            self.end();
        }
        true
    }
}

/// Whether a frame ends the wait of the first command in the queue.
fn answers(frame: &Frame, first: Option<&mut Expected>) -> bool {
    let kind = match frame {
        Frame::Push(push) => Some(push.kind.as_slice()),
        Frame::Reply(Value::Array(items)) => match items.first() {
            Some(Value::Bulk(kind)) => Some(kind.as_slice()),
            _ => None,
        },
        Frame::Reply(_) => None,
    };
    match first {
        Some(Expected::Confirmations(left)) => {
            if kind.is_some_and(|kind| kind.ends_with(b"subscribe")) {
                *left = left.saturating_sub(1);
                return *left == 0;
            }
            // Any other plain reply is a refusal of the whole command.
            matches!(frame, Frame::Reply(Value::Error(_) | Value::Simple(_)))
        }
        // Of a subscription, too, whose confirmation is a push in RESP3.
        Some(Expected::Disturbed(_)) if kind.is_some_and(|kind| kind.ends_with(b"subscribe")) => {
            true
        }
        Some(_) => matches!(frame, Frame::Reply(_)),
        None => false,
    }
}

/// Whether a reply is a message to a RESP2 subscriber, who can get nothing else of this shape.
fn is_message(frame: &Frame) -> bool {
    let Frame::Reply(Value::Array(items)) = frame else {
        return false;
    };
    let Some(Value::Bulk(kind)) = items.first() else {
        return false;
    };
    matches!(kind.as_slice(), b"message" | b"pmessage" | b"smessage")
}

/// What the commands so far have said about what comes back.
#[derive(Debug, Default)]
struct Heard {
    /// What `CLIENT REPLY` has said.
    hush: Hush,
    names: Names,
}

/// What becomes of a command.
enum Taken {
    /// The command or a fault ends the connection.
    Close,
    /// The command goes to the server.
    Forward,
    /// The simulator answers itself.
    Kept,
    /// A fault resets the connection.
    Reset,
}

//! The thread of one connection: reads, has commands executed, writes once for all that came in one
//! read. Knows no command.

use super::peer::Peer;
use super::request::{Protest, Requests};
use super::session::{After, Session};
use super::wire::{Wire, would_block};
use super::world::World;
use super::{CloseCause, clock};
use crate::log_targets::SIM;
use std::io;
use std::sync::Arc;

/// How much is read at once.
const READ: usize = 16 << 10;

/// How many bytes may wait behind a command that blocks: the default of a server's
/// `client-query-buffer-limit`.
const MOST_WAITING: usize = 1 << 30;

/// Serves a connection until it ends.
pub(super) fn serve(world: &Arc<World>, peer: &Arc<Peer>) {
    let cause = match open(world, peer) {
        Ok(()) => match world.settings.proxy_to {
            None => converse(world, peer),
            Some(upstream) => super::proxy::converse(world, peer, upstream),
        },
        Err(error) => {
            log::debug!(target: SIM, "connection {} fails to open: {error}", peer.id);
            CloseCause::Client
        }
    };
    peer.close(cause);
    world.leave(peer);
}

/// The TLS handshake, where there is one.
fn open(world: &Arc<World>, peer: &Peer) -> io::Result<()> {
    let faults = &world.node(peer.node).faults;
    // A node that hangs accepts connections and does not even shake hands.
    if faults.silent() {
        peer.wait_until(None, || peer.closed() || !faults.silent());
    }
    #[cfg(feature = "sim-tls")]
    if let Some(certificates) = &world.certificates {
        let stream = certificates.accept(peer.raw().clone(), faults.flaw())?;
        peer.set_wire(Wire::Tls {
            raw: peer.raw().clone(),
            stream: Box::new(parking_lot::Mutex::new(stream)),
        });
        return Ok(());
    }
    peer.set_wire(Wire::Plain(peer.raw().clone()));
    Ok(())
}

/// Reads once; `None` when the connection has ended, with the cause that this end suggests.
pub(super) fn read(peer: &Peer, buffer: &mut [u8]) -> Result<usize, CloseCause> {
    loop {
        match peer.read(buffer) {
            // The end of the stream: also what a thread sees whose socket was closed by the director.
            // The first cause was noted then.
            Ok(0) => return Err(CloseCause::Client),
            Ok(read) => return Ok(read),
            Err(error) if error.kind() == io::ErrorKind::Interrupted || would_block(&error) => {}
            Err(_) => return Err(CloseCause::Client),
        }
    }
}

/// Waits while a failover, a fault or a blocked command forbids to execute the next command. The end of
/// the client is seen while a command blocks, as a server sees it.
fn await_turn(
    world: &Arc<World>,
    peer: &Arc<Peer>,
    requests: &mut Requests,
    buffer: &mut [u8],
) -> Result<(), CloseCause> {
    world.await_turn(peer);
    if !peer.blocked() {
        return Ok(());
    }
    // Before the next read, so that everything that came in one read is answered in one write.
    world.flush(peer);
    while peer.blocked() && !peer.closed() {
        match peer.read_while_blocked(buffer) {
            Ok(0) => return Err(CloseCause::Client),
            Ok(read) => {
                requests.feed(&buffer[..read]);
                // A server closes such a client too, so that one connection cannot take all memory.
                if requests.waiting() > MOST_WAITING {
                    return Err(CloseCause::ProtocolError);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted || would_block(&error) => {}
            Err(_) => return Err(CloseCause::Client),
        }
    }
    // Something else may forbid it by now.
    world.await_turn(peer);
    Ok(())
}

/// The life of one connection, on a thread of its own, from the first byte to its end. Returns why it
/// ended.
fn converse(world: &Arc<World>, peer: &Arc<Peer>) -> CloseCause {
    let mut session = Session::new(Arc::clone(world), Arc::clone(peer));
    let cause = converse_as(world, peer, &mut session);
    session.end();
    cause
}

/// Reads requests and answers them in order. Whatever the session needs of the client it asks of `peer`;
/// faults are looked at before each answer.
fn converse_as(world: &Arc<World>, peer: &Arc<Peer>, session: &mut Session) -> CloseCause {
    let mut requests = Requests::default();
    let mut buffer = vec![0; READ];
    let faults = &world.node(peer.node).faults;
    loop {
        world.flush(peer);
        let read = match read(peer, &mut buffer) {
            Ok(read) => read,
            Err(cause) => return cause,
        };
        requests.feed(&buffer[..read]);
        if let Some(delay) = faults.delay() {
            peer.wait_until(Some(clock::now() + delay), || peer.closed());
        }
        loop {
            let words = match requests.next(session.is_known()) {
                Ok(Some(words)) => words,
                Ok(None) => break,
                Err(protest) => return protested(peer, &protest),
            };
            if world.must_wait(peer) {
                if let Err(cause) = await_turn(world, peer, &mut requests, &mut buffer) {
                    return cause;
                }
            }
            // A fault or a retirement came while it waited: the command is not executed.
            if peer.closed() {
                return CloseCause::Fault;
            }
            match session.execute(&words) {
                After::GoOn => {}
                After::Close => {
                    peer.flush_last();
                    return session.cause();
                }
                After::Reset => {
                    peer.reset(CloseCause::Fault);
                    return CloseCause::Fault;
                }
            }
        }
    }
}

/// Answers what is no command, and ends the connection.
fn protested(peer: &Peer, protest: &Protest) -> CloseCause {
    peer.append(protest.line());
    peer.flush_last();
    CloseCause::ProtocolError
}

//! The thread of one connection: reads, has commands executed, writes once for all that came in one
//! read. Knows no command.

use super::peer::Peer;
use super::session::{After, Session};
use super::wire::{Wire, would_block};
use super::world::World;
use super::{CloseCause, clock};
use crate::protocol::{Decoder, Frame, Limits, Value};
use std::io;
use std::sync::Arc;

/// How much is read at once.
const READ: usize = 16 << 10;

/// Serves a connection until it ends.
pub(super) fn serve(world: &Arc<World>, peer: &Arc<Peer>) {
    let cause = match open(world, peer) {
        Ok(()) => match world.settings.proxy_to {
            None => converse(world, peer),
            Some(upstream) => super::proxy::converse(world, peer, upstream),
        },
        Err(error) => {
            log::debug!("connection {} fails to open: {error}", peer.id);
            CloseCause::Client
        }
    };
    peer.close(cause);
    world.leave(peer);
}

/// The TLS handshake, where there is one.
fn open(world: &Arc<World>, peer: &Peer) -> io::Result<()> {
    let faults = &world.node(peer.node).faults;
    if faults.silent() {
        world
            .news
            .wait_until(None, || peer.closed() || !faults.silent());
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
            Ok(0) => return Err(CloseCause::Client),
            Ok(read) => return Ok(read),
            Err(error) if error.kind() == io::ErrorKind::Interrupted || would_block(&error) => {}
            Err(_) => return Err(CloseCause::Client),
        }
    }
}

/// The words of a command; `None` for anything that is not an array of strings.
pub(super) fn words(frame: Frame) -> Option<Vec<Vec<u8>>> {
    let Frame::Reply(Value::Array(items)) = frame else {
        return None;
    };
    items
        .into_iter()
        .map(|item| match item {
            Value::Bulk(bytes) => Some(bytes),
            _ => None,
        })
        .collect()
}

fn converse(world: &Arc<World>, peer: &Arc<Peer>) -> CloseCause {
    let mut session = Session::new(Arc::clone(world), Arc::clone(peer));
    let cause = converse_as(world, peer, &mut session);
    session.end();
    cause
}

fn converse_as(world: &Arc<World>, peer: &Arc<Peer>, session: &mut Session) -> CloseCause {
    let mut decoder = Decoder::new(Limits::default());
    let mut pending: Vec<u8> = Vec::new();
    let mut buffer = vec![0; READ];
    let faults = &world.node(peer.node).faults;
    loop {
        world.flush(peer);
        let read = match read(peer, &mut buffer) {
            Ok(read) => read,
            Err(cause) => return cause,
        };
        pending.extend_from_slice(&buffer[..read]);
        if let Some(delay) = faults.delay() {
            world
                .news
                .wait_until(Some(clock::now() + delay), || peer.closed());
        }
        let mut used = 0;
        loop {
            let Ok(step) = decoder.decode(&pending[used..]) else {
                return protest(peer);
            };
            used += step.consumed;
            let Some(frame) = step.frame else {
                break;
            };
            world.await_turn(peer);
            if peer.closed() {
                return CloseCause::Fault;
            }
            let Some(words) = words(frame) else {
                return protest(peer);
            };
            match session.execute(&words) {
                After::GoOn => {}
                After::Close => {
                    last_words(peer);
                    return session.cause();
                }
                After::Reset => {
                    peer.reset(CloseCause::Fault);
                    return CloseCause::Fault;
                }
            }
        }
        pending.drain(..used);
    }
}

/// Writes the outbox before the connection ends; a client that reads too slowly misses the rest.
fn last_words(peer: &Peer) {
    let _ = peer.flush();
}

/// Answers what is not a command, and ends the connection.
fn protest(peer: &Peer) -> CloseCause {
    peer.append(b"-ERR Protocol error: expected an array of bulk strings\r\n");
    last_words(peer);
    CloseCause::ProtocolError
}

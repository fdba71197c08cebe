//! Shakes hands over a new wire: sends what the script says and hands it the replies. Does not dial, and
//! decides nothing: the script does. Runs on a worker, which alone has the wire until a link is made of it.
//!
//! ```text
//!   script --poll_write--> wire --> server
//!      ^                              |
//!      '--handle_reply-- replies <----+----> pushes: kept, and told when the link is known
//! ```

#[cfg(all(test, not(hitless_model)))]
mod tests;

use crate::clock;
use crate::link::{Inbound, would_block};
use crate::protocol::handshake::{Handshake, Progress, Refused, Script, ServerHello};
use crate::protocol::{Frame, Limits, Malformed, Push, Value};
use crate::transport::{Wire, is_channel_error};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How soon a handshake notices that it was cancelled. No other thread can wake it: nobody else has the
/// socket yet.
const SLICE: Duration = Duration::from_millis(50);

/// Pushes kept during a handshake; servers send a handful at most (the windows and MOVINGs that go on).
const MOST_EARLY: usize = 256;

/// Pushes are kept while no more bytes than this have come in the handshake: a login takes a few hundred.
const MOST_EARLY_BYTES: usize = 1 << 20;

/// A connection whose handshake is over: no reply is outstanding.
#[derive(Debug)]
pub(super) struct Handshaken {
    /// What the server said of itself.
    pub(super) server: ServerHello,
    /// With what had arrived after the last reply.
    pub(super) inbound: Inbound,
    /// Pushes that came between the replies.
    pub(super) early: Vec<Push>,
}

/// Why a handshake failed. The wire is of no use any more.
#[derive(Debug)]
pub(super) enum HandshakeError {
    /// The job was interrupted, or the client closes.
    Cancelled,
    /// The server has ended the connection.
    Closed,
    /// The system or the TLS channel has.
    Io(io::Error),
    /// What came is no RESP.
    Malformed(Malformed),
    /// The server has answered with an error that the script cannot go on after.
    Refused(Refused),
    /// The deadline is over.
    TimedOut,
    /// A reply came to nothing that was asked.
    Unasked,
}

/// Sends what the script says and hands it the replies, until it is done.
///
/// Blocks until `deadline` at the latest, and at most 50 ms after `cancel` was set.
pub(super) fn handshake(
    wire: &dyn Wire,
    wanted: Handshake,
    limits: Limits,
    deadline: Instant,
    cancel: &AtomicBool,
) -> Result<Handshaken, HandshakeError> {
    let mut script = Script::new(wanted);
    let mut inbound = Inbound::new(limits);
    let mut early = Vec::new();
    // A write error is kept until the replies are read: `maxclients` is answered and the socket closed at
    // once.
    let mut broken = None;
    let mut arrived = 0_usize;
    loop {
        while let Some(bytes) = script.poll_write() {
            match write(wire, &bytes, deadline, cancel) {
                // A server that wants no more of us may have said why before it hung up.
                Err(HandshakeError::Io(error)) => broken = Some(error),
                written => written?,
            }
        }
        loop {
            match inbound.next().map_err(HandshakeError::Malformed)? {
                Some(Frame::Push(push))
                    if early.len() < MOST_EARLY && arrived <= MOST_EARLY_BYTES =>
                {
                    early.push(push);
                }
                // A server that floods a connection is not given memory for it: the rest is dropped.
                Some(Frame::Push(_)) => {}
                Some(Frame::Reply(reply)) => {
                    match script
                        .handle_reply(reply)
                        .map_err(HandshakeError::Refused)?
                    {
                        Progress::Done(server) => {
                            return Ok(Handshaken {
                                server,
                                inbound,
                                early,
                            });
                        }
                        Progress::MoreReplies => {}
                        // The next step depends on this reply.
                        Progress::MoreToWrite => break,
                    }
                }
                None => match wire.read(inbound.space(), patience(deadline, cancel)?) {
                    Ok(0) => return Err(broken.map_or(HandshakeError::Closed, HandshakeError::Io)),
                    Ok(count) => {
                        arrived = arrived.saturating_add(count);
                        inbound.filled(count);
                    }
                    Err(error) if would_block(&error) => {}
                    // Why the channel was ended says more than that it was.
                    Err(error) if is_channel_error(&error) => {
                        return Err(HandshakeError::Io(error));
                    }
                    Err(error) => return Err(HandshakeError::Io(broken.unwrap_or(error))),
                },
            }
        }
    }
}

/// Reads what the server says unasked until `said` is true of something, which is the answer, or until
/// `deadline`. All of it is added to `early`.
///
/// Notices a set `cancel` within 50 ms.
pub(super) fn listen_for(
    wire: &dyn Wire,
    inbound: &mut Inbound,
    early: &mut Vec<Push>,
    deadline: Instant,
    cancel: &AtomicBool,
    said: impl Fn(&Push) -> bool,
) -> Result<bool, HandshakeError> {
    if early.iter().any(&said) {
        return Ok(true);
    }
    loop {
        match inbound.next().map_err(HandshakeError::Malformed)? {
            Some(Frame::Push(push)) => {
                let found = said(&push);
                if early.len() < MOST_EARLY {
                    early.push(push);
                }
                if found {
                    return Ok(true);
                }
            }
            // Nothing was asked.
            Some(Frame::Reply(_)) => return Err(HandshakeError::Unasked),
            None => {
                let patience = match patience(deadline, cancel) {
                    Err(HandshakeError::TimedOut) => return Ok(false),
                    patience => patience?,
                };
                match wire.read(inbound.space(), patience) {
                    Ok(0) => return Err(HandshakeError::Closed),
                    Ok(count) => inbound.filled(count),
                    Err(error) if would_block(&error) => {}
                    Err(error) => return Err(HandshakeError::Io(error)),
                }
            }
        }
    }
}

/// Sends requests on a wire whose handshake is over, and hands each reply to `take`, in their order; pushes are
/// dropped. Blocks until the deadline at most, and notices a set `cancel` within 50 ms.
pub(super) fn exchange(
    wire: &dyn Wire,
    inbound: &mut Inbound,
    requests: &[u8],
    mut replies: usize,
    deadline: Instant,
    cancel: &AtomicBool,
    mut take: impl FnMut(Value),
) -> Result<(), HandshakeError> {
    write(wire, requests, deadline, cancel)?;
    while replies > 0 {
        match inbound.next().map_err(HandshakeError::Malformed)? {
            Some(Frame::Push(_)) => {}
            Some(Frame::Reply(reply)) => {
                replies -= 1;
                take(reply);
            }
            None => match wire.read(inbound.space(), patience(deadline, cancel)?) {
                Ok(0) => return Err(HandshakeError::Closed),
                Ok(count) => inbound.filled(count),
                Err(error) if would_block(&error) => {}
                Err(error) => return Err(HandshakeError::Io(error)),
            },
        }
    }
    Ok(())
}

/// Writes all of it. Blocks until the deadline at most; a server that does not read is one that does not
/// answer.
fn write(
    wire: &dyn Wire,
    mut bytes: &[u8],
    deadline: Instant,
    cancel: &AtomicBool,
) -> Result<(), HandshakeError> {
    while !bytes.is_empty() {
        match wire.try_write(bytes) {
            Ok(0) => return Err(HandshakeError::Io(io::ErrorKind::WriteZero.into())),
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                wire.wait_writable(patience(deadline, cancel)?)
                    .map_err(HandshakeError::Io)?;
            }
            Err(error) => return Err(HandshakeError::Io(error)),
        }
    }
    Ok(())
}

/// How long the next wait may take, or why there is none.
fn patience(deadline: Instant, cancel: &AtomicBool) -> Result<Duration, HandshakeError> {
    if cancel.load(Ordering::Acquire) {
        return Err(HandshakeError::Cancelled);
    }
    let left = deadline.saturating_duration_since(clock::now());
    if left.is_zero() {
        return Err(HandshakeError::TimedOut);
    }
    Ok(left.min(SLICE))
}

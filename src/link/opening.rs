//! Runs the opening of a connection over a wire. Does not dial, and decides nothing: the script does.

use super::Inbound;
use super::flow::would_block;
use crate::clock;
use crate::protocol::handshake::{Greeting, Opening, Progress, Refused, Script};
use crate::protocol::{Frame, Limits, Malformed, Push};
use crate::transport::{Wire, is_channel_error};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How soon an opening notices that it was cancelled.
const SLICE: Duration = Duration::from_millis(50);

/// Pushes kept during an opening; servers send a handful at most.
const MOST_EARLY: usize = 256;

/// Pushes are kept while no more bytes than this have come in the opening: a login takes a few hundred.
const MOST_EARLY_BYTES: usize = 1 << 20;

/// A connection whose opening is over: no reply is outstanding.
#[derive(Debug)]
pub(crate) struct Introduced {
    pub(crate) greeting: Greeting,
    /// With what had arrived after the last reply.
    pub(crate) inbound: Inbound,
    /// Pushes that came between the replies.
    pub(crate) early: Vec<Push>,
}

/// Why an opening failed. The wire is of no use any more.
#[derive(Debug)]
pub(crate) enum OpeningError {
    Cancelled,
    Closed,
    Io(io::Error),
    Malformed(Malformed),
    Refused(Refused),
    TimedOut,
    /// A reply came to nothing that was asked.
    Unasked,
}

/// Sends what the script says and hands it the replies, until it is done.
///
/// Blocks until `deadline` at the latest, and at most 50 ms after `cancel` was set.
pub(crate) fn introduce(
    wire: &dyn Wire,
    opening: Opening,
    limits: Limits,
    deadline: Instant,
    cancel: &AtomicBool,
) -> Result<Introduced, OpeningError> {
    let mut script = Script::new(opening);
    let mut inbound = Inbound::new(limits);
    let mut early = Vec::new();
    let mut broken = None;
    let mut arrived = 0_usize;
    loop {
        while let Some(bytes) = script.poll_write() {
            match write(wire, &bytes, deadline, cancel) {
                // A server that wants no more of us may have said why before it hung up.
                Err(OpeningError::Io(error)) => broken = Some(error),
                written => written?,
            }
        }
        loop {
            match inbound.next().map_err(OpeningError::Malformed)? {
                Some(Frame::Push(push))
                    if early.len() < MOST_EARLY && arrived <= MOST_EARLY_BYTES =>
                {
                    early.push(push);
                }
                Some(Frame::Push(_)) => {}
                Some(Frame::Reply(reply)) => {
                    match script.handle_reply(reply).map_err(OpeningError::Refused)? {
                        Progress::Done(greeting) => {
                            return Ok(Introduced {
                                greeting,
                                inbound,
                                early,
                            });
                        }
                        Progress::MoreReplies => {}
                        Progress::MoreToWrite => break,
                    }
                }
                None => match wire.read(inbound.space(), patience(deadline, cancel)?) {
                    Ok(0) => return Err(broken.map_or(OpeningError::Closed, OpeningError::Io)),
                    Ok(count) => {
                        arrived = arrived.saturating_add(count);
                        inbound.filled(count);
                    }
                    Err(error) if would_block(&error) => {}
                    // Why the channel was ended says more than that it was.
                    Err(error) if is_channel_error(&error) => return Err(OpeningError::Io(error)),
                    Err(error) => return Err(OpeningError::Io(broken.unwrap_or(error))),
                },
            }
        }
    }
}

/// Reads what the server says unasked until `said` is true of something, which is the answer, or until
/// `deadline`. All of it is added to `early`.
///
/// Notices a set `cancel` within 50 ms.
pub(crate) fn overhear(
    wire: &dyn Wire,
    inbound: &mut Inbound,
    early: &mut Vec<Push>,
    deadline: Instant,
    cancel: &AtomicBool,
    said: impl Fn(&Push) -> bool,
) -> Result<bool, OpeningError> {
    if early.iter().any(&said) {
        return Ok(true);
    }
    loop {
        match inbound.next().map_err(OpeningError::Malformed)? {
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
            Some(Frame::Reply(_)) => return Err(OpeningError::Unasked),
            None => {
                let patience = match patience(deadline, cancel) {
                    Err(OpeningError::TimedOut) => return Ok(false),
                    patience => patience?,
                };
                match wire.read(inbound.space(), patience) {
                    Ok(0) => return Err(OpeningError::Closed),
                    Ok(count) => inbound.filled(count),
                    Err(error) if would_block(&error) => {}
                    Err(error) => return Err(OpeningError::Io(error)),
                }
            }
        }
    }
}

fn write(
    wire: &dyn Wire,
    mut bytes: &[u8],
    deadline: Instant,
    cancel: &AtomicBool,
) -> Result<(), OpeningError> {
    while !bytes.is_empty() {
        match wire.try_write(bytes) {
            Ok(0) => return Err(OpeningError::Io(io::ErrorKind::WriteZero.into())),
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                wire.wait_writable(patience(deadline, cancel)?)
                    .map_err(OpeningError::Io)?;
            }
            Err(error) => return Err(OpeningError::Io(error)),
        }
    }
    Ok(())
}

fn patience(deadline: Instant, cancel: &AtomicBool) -> Result<Duration, OpeningError> {
    if cancel.load(Ordering::Acquire) {
        return Err(OpeningError::Cancelled);
    }
    let left = deadline.saturating_duration_since(clock::now());
    if left.is_zero() {
        return Err(OpeningError::TimedOut);
    }
    Ok(left.min(SLICE))
}

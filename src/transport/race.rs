//! Connects to the first of several addresses that answers. Resolves nothing, waits for no handshake.
//!
//! ```text
//!  0 ms    250 ms   500 ms
//!  A ------|--------|-----------> every SYN is lost
//!          B --x                  refused: the next starts at once
//!              C --+              connected: it wins, A is closed
//! ```

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use socket2::{Domain, Protocol, SockAddr, Socket, TcpKeepalive, Type};

use super::error::{DialError, DialPhase};
use super::ready;
use crate::clock;
use crate::options::TcpOptions;

/// After this the next address is tried beside the ones still unanswered (RFC 8305, section 8).
const STAGGER: Duration = Duration::from_millis(250);

/// How long a cancelled dial may go on before it notices.
pub(super) const SLICE: Duration = Duration::from_millis(50);

/// The most that Linux takes; other systems take more.
const MOST_KEEPALIVE_SECONDS: u64 = 32_767;

/// The most that Linux takes; other systems take more.
const MOST_KEEPALIVE_PROBES: u32 = 127;

/// The most milliseconds that Linux takes.
#[cfg(any(target_os = "linux", target_os = "android"))]
const LONGEST_USER_TIMEOUT: Duration = Duration::from_millis(i32::MAX as u64);

/// One address on its way.
struct Attempt {
    socket: Socket,
    address: SocketAddr,
}

/// The addresses not yet tried, and the outcome so far.
struct Race<'a> {
    options: &'a TcpOptions,
    first: VecDeque<SocketAddr>,
    last: VecDeque<SocketAddr>,
    /// From here on the last resorts run too, even if a first choice has not failed yet.
    desperate_at: Instant,
    next_start: Instant,
    running: Vec<Attempt>,
    /// Of the first address that failed: the one that was wanted most.
    failure: Option<DialError>,
}

/// Connects to one of `first`; to one of `last` only if all of those failed or half of the time is
/// gone. Blocks the caller until `deadline`, or for one [`SLICE`] after `cancel` was set.
pub(super) fn connect(
    options: &TcpOptions,
    first: Vec<SocketAddr>,
    last: Vec<SocketAddr>,
    deadline: Instant,
    cancel: &AtomicBool,
) -> Result<Socket, DialError> {
    let now = clock::now();
    let mut race = Race {
        options,
        first: interleave(first),
        last: interleave(last),
        desperate_at: now + deadline.saturating_duration_since(now) / 2,
        next_start: now,
        running: Vec::new(),
        failure: None,
    };
    loop {
        if cancel.load(Ordering::Relaxed) {
            return Err(DialError::cancelled());
        }
        let now = clock::now();
        if now >= deadline {
            return Err(DialError::timed_out(DialPhase::Connect));
        }
        if let Some(winner) = race.start_due(now) {
            return Ok(winner);
        }
        if race.running.is_empty() {
            return Err(race.failure.take().unwrap_or_else(|| {
                DialError::from_socket(io::ErrorKind::HostUnreachable.into(), None)
            }));
        }
        let mut patience = SLICE.min(deadline.saturating_duration_since(now));
        let start_in = race.next_start.saturating_duration_since(now);
        if !start_in.is_zero() {
            patience = patience.min(start_in);
        }
        if let Some(winner) = race.settle(patience)? {
            return Ok(winner);
        }
    }
}

impl Race<'_> {
    /// Starts every attempt whose time has come. Returns a socket if one is connected at once.
    fn start_due(&mut self, now: Instant) -> Option<Socket> {
        while self.running.is_empty() || now >= self.next_start {
            let address = self.next(now)?;
            match start(self.options, address) {
                Ok((socket, true)) => return Some(socket),
                Ok((socket, false)) => {
                    self.running.push(Attempt { socket, address });
                    self.next_start = now + STAGGER;
                }
                Err(error) => self.note(error, address),
            }
        }
        None
    }

    fn next(&mut self, now: Instant) -> Option<SocketAddr> {
        if let Some(address) = self.first.pop_front() {
            return Some(address);
        }
        if self.running.is_empty() || now >= self.desperate_at {
            return self.last.pop_front();
        }
        None
    }

    /// Waits for news of the attempts under way. Returns the first that is connected.
    fn settle(&mut self, patience: Duration) -> Result<Option<Socket>, DialError> {
        let sockets: Vec<&Socket> = self.running.iter().map(|attempt| &attempt.socket).collect();
        let ready = ready::wait_written(&sockets, patience)
            .map_err(|error| DialError::from_socket(error, None))?;
        // From the back, so that removing one does not move those still to be looked at.
        let mut winner = None;
        for (index, _) in ready.iter().enumerate().filter(|(_, ready)| **ready).rev() {
            let Attempt { socket, address } = self.running.swap_remove(index);
            match outcome(&socket) {
                Ok(()) => winner = Some(socket),
                Err(error) => {
                    self.note(error, address);
                    self.next_start = clock::now();
                }
            }
        }
        Ok(winner)
    }

    fn note(&mut self, error: io::Error, address: SocketAddr) {
        self.failure
            .get_or_insert_with(|| DialError::from_socket(error, Some(address)));
    }
}

/// Begins to connect. The flag says whether that is done already.
fn start(options: &TcpOptions, address: SocketAddr) -> io::Result<(Socket, bool)> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_nonblocking(true)?;
    size_buffers(&socket, options)?;
    if let Some(local) = options.get_local_address() {
        if local.is_ipv4() != address.is_ipv4() {
            return Err(io::ErrorKind::NetworkUnreachable.into());
        }
        socket
            .bind(&SocketAddr::new(local, 0).into())
            .map_err(|error| match error.kind() {
                io::ErrorKind::AddrNotAvailable => io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "the local address is not one of this machine",
                ),
                _ => error,
            })?;
    }
    match socket.connect(&SockAddr::from(address)) {
        Ok(()) => outcome(&socket).map(|()| (socket, true)),
        Err(error) if is_under_way(&error) => Ok((socket, false)),
        Err(error) => Err(error),
    }
}

/// Before connecting, because the window that TCP announces grows from the buffer's size.
pub(super) fn size_buffers(socket: &Socket, options: &TcpOptions) -> io::Result<()> {
    if options.get_receive_buffer() > 0 {
        socket.set_recv_buffer_size(options.get_receive_buffer())?;
    }
    if options.get_send_buffer() > 0 {
        socket.set_send_buffer_size(options.get_send_buffer())?;
    }
    Ok(())
}

/// What became of a connect that the system says is over.
pub(super) fn outcome(socket: &Socket) -> io::Result<()> {
    if let Some(error) = socket.take_error()? {
        return Err(error);
    }
    let peer = socket.peer_addr()?;
    // Dialing a port of this machine that nobody listens on can, if the system picks that very port
    // for our end, connect the socket with itself. It would echo every command as its reply.
    if socket.local_addr()? == peer {
        return Err(io::ErrorKind::ConnectionRefused.into());
    }
    Ok(())
}

fn is_under_way(error: &io::Error) -> bool {
    match Errno::from_io_error(error) {
        Some(Errno::INPROGRESS | Errno::INTR) => true,
        // Only there is this how a connect says that it has begun.
        Some(Errno::WOULDBLOCK) => cfg!(windows),
        _ => false,
    }
}

/// Applies what can only be said of a connected socket.
pub(super) fn tune(socket: &Socket, options: &TcpOptions) -> io::Result<()> {
    socket.set_tcp_nodelay(options.get_nodelay())?;
    let idle = options.get_keepalive_idle();
    if !idle.is_zero() {
        let mut keepalive = TcpKeepalive::new().with_time(whole_seconds(idle));
        if !options.get_keepalive_interval().is_zero() {
            keepalive = keepalive.with_interval(whole_seconds(options.get_keepalive_interval()));
        }
        if options.get_keepalive_probes() > 0 {
            keepalive =
                keepalive.with_retries(options.get_keepalive_probes().min(MOST_KEEPALIVE_PROBES));
        }
        socket.set_tcp_keepalive(&keepalive)?;
    }
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if !options.get_user_timeout().is_zero() {
        let timeout = options.get_user_timeout();
        let timeout = timeout.clamp(Duration::from_millis(1), LONGEST_USER_TIMEOUT);
        socket.set_tcp_user_timeout(Some(timeout))?;
    }
    Ok(())
}

/// The system counts these in seconds, and takes neither zero nor more than the limit.
fn whole_seconds(time: Duration) -> Duration {
    let seconds = time
        .as_secs()
        .saturating_add(u64::from(time.subsec_nanos() > 0));
    Duration::from_secs(seconds.min(MOST_KEEPALIVE_SECONDS))
}

/// Takes turns between the families, beginning with the one of the first address, so that a machine
/// whose IPv6 leads nowhere loses one stagger and not one per address.
fn interleave(addresses: Vec<SocketAddr>) -> VecDeque<SocketAddr> {
    let v4_first = addresses.first().is_some_and(SocketAddr::is_ipv4);
    let (mut front, mut back): (VecDeque<_>, VecDeque<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv4() == v4_first);
    let mut mixed = VecDeque::with_capacity(front.len() + back.len());
    while !front.is_empty() || !back.is_empty() {
        mixed.extend(front.pop_front());
        mixed.extend(back.pop_front());
    }
    mixed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns_and_keep_their_order() {
        let parse = |text: &[&str]| -> Vec<SocketAddr> {
            text.iter().map(|one| one.parse().unwrap()).collect()
        };
        let mixed = interleave(parse(&[
            "[::1]:1",
            "[::2]:1",
            "[::3]:1",
            "1.0.0.1:1",
            "1.0.0.2:1",
        ]));
        assert_eq!(
            Vec::from(mixed),
            parse(&["[::1]:1", "1.0.0.1:1", "[::2]:1", "1.0.0.2:1", "[::3]:1"])
        );
    }

    #[test]
    fn fractions_of_a_second_are_rounded_up() {
        assert_eq!(
            whole_seconds(Duration::from_millis(1)),
            Duration::from_secs(1)
        );
        assert_eq!(
            whole_seconds(Duration::from_secs(5)),
            Duration::from_secs(5)
        );
        assert_eq!(
            whole_seconds(Duration::from_millis(5001)),
            Duration::from_secs(6)
        );
        assert_eq!(whole_seconds(Duration::MAX), Duration::from_secs(32_767));
    }
}

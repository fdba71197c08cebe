//! Connects to the first of several addresses that answers. Resolves nothing, waits for no handshake,
//! and decides nothing: the plan says which address is tried when. The first attempt that connects
//! wins; the others are closed before a byte goes over them.

mod plan;

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
use plan::{AttemptId, Plan, Step};

/// How long a cancelled dial may go on before it notices.
pub(super) const SLICE: Duration = Duration::from_millis(50);

/// The most that Linux takes; other systems take more.
const MOST_KEEPALIVE_SECONDS: u64 = 32_767;

/// The most that Linux takes; other systems take more.
const MOST_KEEPALIVE_PROBES: u32 = 127;

/// The most milliseconds that Linux takes.
#[cfg(any(target_os = "linux", target_os = "android"))]
const LONGEST_USER_TIMEOUT: Duration = Duration::from_millis(i32::MAX as u64);

/// A connect on its way.
struct Attempt {
    /// The number by which the plan knows it.
    id: AttemptId,
    /// Connects by itself; closed by the drop if another one wins.
    socket: Socket,
    /// For the error and the log.
    address: SocketAddr,
}

/// The attempts under way, and the outcome so far.
struct Race {
    /// Decides which address is tried, and when.
    plan: Plan,
    /// Attempts that have not ended, in the order in which they began.
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
    let mut race = Race {
        plan: Plan::new(clock::now(), deadline, first, last),
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
        match race.plan.poll(now) {
            Step::Close(id) => race.running.retain(|attempt| attempt.id != id),
            Step::GiveUp => {
                return Err(race.failure.take().unwrap_or_else(|| {
                    DialError::from_socket(io::ErrorKind::HostUnreachable.into(), None)
                }));
            }
            Step::Start(id, address) => match start(options, address) {
                Ok((socket, true)) => return Ok(socket),
                Ok((socket, false)) => race.running.push(Attempt {
                    id,
                    socket,
                    address,
                }),
                Err(error) => race.fail(id, error, address),
            },
            Step::Wait(until) => {
                let patience = SLICE.min(deadline - now).min(until - now);
                if let Some(winner) = race.settle(patience)? {
                    return Ok(winner);
                }
            }
        }
    }
}

impl Race {
    /// Waits for news of the attempts under way. Returns the first that is connected.
    fn settle(&mut self, patience: Duration) -> Result<Option<Socket>, DialError> {
        let sockets: Vec<&Socket> = self.running.iter().map(|attempt| &attempt.socket).collect();
        let ready = ready::wait_written(&sockets, patience)
            .map_err(|error| DialError::from_socket(error, None))?;
        let ready: Vec<AttemptId> = (self.running.iter().zip(ready))
            .filter_map(|(attempt, ready)| ready.then_some(attempt.id))
            .collect();
        for id in ready {
            let place = self.running.iter().position(|attempt| attempt.id == id);
            // One that is gone was closed with another at its address.
            let Some(place) = place else {
                continue;
            };
            let attempt = self.running.swap_remove(place);
            match outcome(&attempt.socket) {
                Ok(()) => return Ok(Some(attempt.socket)),
                Err(error) => self.fail(id, error, attempt.address),
            }
        }
        Ok(None)
    }

    /// One attempt has failed. Tells the plan, closes the attempts that it calls pointless, and keeps the
    /// first failure: the error of the address that was preferred says most.
    fn fail(&mut self, id: AttemptId, error: io::Error, address: SocketAddr) {
        let refused = error.kind() == io::ErrorKind::ConnectionRefused;
        let moot = self.plan.handle_failure(clock::now(), id, refused);
        self.running.retain(|attempt| !moot.contains(&attempt.id));
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
                    format!(
                        "local_address {local} is no address of this machine: name one that is"
                    ),
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

/// Whether a connect that does not block has begun, which systems tell as an error.
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

#[cfg(test)]
mod tests {
    use super::*;

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

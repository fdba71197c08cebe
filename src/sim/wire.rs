//! One socket, as bent by the faults that apply to it, and how to wait for it. Knows nothing of frames.

#[cfg(feature = "sim-tls")]
use parking_lot::Mutex;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
#[cfg(unix)]
use rustix::net::SendFlags;
use socket2::SockRef;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// How long one write may block before the caller looks again whether the connection is closed.
const WRITE_PATIENCE: Duration = Duration::from_millis(100);

/// What happens when a connection has sent all the bytes that it may.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Ending {
    /// An orderly end.
    Close,
    /// Nothing more is sent, and the socket stays.
    Hang,
    /// An end that throws away what is on its way.
    Reset,
}

/// How a socket is bent from the moment it is accepted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shape {
    /// Every write carries one byte.
    pub(super) one_byte: bool,
    /// What happens after so many bytes.
    pub(super) limit: Option<(usize, Ending)>,
}

/// The socket below TLS.
#[derive(Clone, Debug)]
pub(super) struct Raw(Arc<Inner>);

/// One socket, which several threads write and close.
#[derive(Debug)]
struct Inner {
    /// Read by one thread, written by any.
    tcp: TcpStream,
    /// Decided when the connection was accepted.
    shape: Shape,
    /// Bytes so far, for the limit.
    sent: AtomicUsize,
    /// Set by whichever side ends it first.
    gone: AtomicBool,
}

impl Raw {
    /// A socket whose writes are bounded in time and shaped by the faults of its node.
    pub(super) fn new(tcp: TcpStream, shape: Shape) -> io::Result<Self> {
        tcp.set_nodelay(true)?;
        // A client that stops reading must not keep the thread that serves it from seeing that the
        // simulator stops.
        tcp.set_write_timeout(Some(WRITE_PATIENCE))?;
        let raw = Self(Arc::new(Inner {
            tcp,
            shape,
            sent: AtomicUsize::new(0),
            gone: AtomicBool::new(false),
        }));
        // A limit of zero bytes ends the connection before its first.
        raw.end_at_limit();
        Ok(raw)
    }

    /// The socket itself.
    pub(super) fn tcp(&self) -> &TcpStream {
        &self.0.tcp
    }

    /// Whether either side has ended it.
    pub(super) fn gone(&self) -> bool {
        self.0.gone.load(Ordering::Relaxed)
    }

    /// Ends the connection in an orderly way; readers and writers wake up.
    pub(super) fn close(&self) {
        if self.0.gone.swap(true, Ordering::Relaxed) {
            // Closed already, or about to be reset: an orderly end would forestall the reset.
            return;
        }
        // Fails only if the peer was faster.
        let _ = self.0.tcp.shutdown(Shutdown::Both);
    }

    /// Ends the connection with a reset, which leaves when the last owner drops the socket.
    pub(super) fn reset(&self) {
        self.0.gone.store(true, Ordering::Relaxed);
        // With nothing to linger for, the last close of the socket sends RST instead of FIN.
        let _ = SockRef::from(&self.0.tcp).set_linger(Some(Duration::ZERO));
        // Only wakes the reader; a full shutdown would send an orderly end first.
        let _ = self.0.tcp.shutdown(Shutdown::Read);
    }

    /// Whether the other end has closed, even behind bytes that nobody has read yet.
    pub(super) fn hung_up(&self) -> bool {
        const AT_ONCE: Timespec = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let mut fds = [PollFd::new(&self.0.tcp, HUNG_UP)];
        // A read would say so only after the bytes in front of the end, which the simulator may not want
        // to take yet.
        let ended = HUNG_UP | PollFlags::HUP | PollFlags::ERR;
        poll(&mut fds, Some(&AT_ONCE)).is_ok() && fds[0].revents().intersects(ended)
    }

    /// Ends the connection once so many bytes were sent, which cuts a reply in two.
    fn end_at_limit(&self) {
        let Some((limit, ending)) = self.0.shape.limit else {
            return;
        };
        if self.0.sent.load(Ordering::Relaxed) >= limit {
            match ending {
                Ending::Close => self.close(),
                Ending::Hang => {}
                Ending::Reset => self.reset(),
            }
        }
    }

    /// Writes once, without waiting; returns how many bytes went.
    fn send(&self, bytes: &[u8]) -> io::Result<usize> {
        if self.gone() {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let mut amount = bytes.len();
        if self.0.shape.one_byte {
            // TCP may still merge them; with TCP_NODELAY each usually travels alone, which is what
            // splits frames at the client.
            amount = amount.min(1);
        }
        if let Some((limit, _)) = self.0.shape.limit {
            let left = limit.saturating_sub(self.0.sent.load(Ordering::Relaxed));
            if left == 0 {
                // Hanging: the bytes count as sent and go nowhere.
                return Ok(bytes.len());
            }
            amount = amount.min(left);
        }
        let sent = write(&self.0.tcp, &bytes[..amount])?;
        self.0.sent.fetch_add(sent, Ordering::Relaxed);
        self.end_at_limit();
        Ok(sent)
    }
}

/// Writes what there is room for; waits for room at most so long as a write may.
///
/// Not left to the kernel's own timeout: where its memory for sockets is short, that one does not pass.
#[cfg(unix)]
fn write(tcp: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    #[cfg(target_vendor = "apple")]
    const FLAGS: SendFlags = SendFlags::DONTWAIT;
    #[cfg(not(target_vendor = "apple"))]
    const FLAGS: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);
    match rustix::net::send(tcp, bytes, FLAGS) {
        // Full. Waited for once, so that a caller sees within 100 ms that the connection was closed
        // meanwhile.
        Err(Errno::WOULDBLOCK) => {}
        other => return Ok(other?),
    }
    let patience = Timespec {
        tv_sec: 0,
        // Well below a second, so it fits whatever the platform's type is.
        tv_nsec: WRITE_PATIENCE.subsec_nanos() as _,
    };
    poll(&mut [PollFd::new(tcp, PollFlags::OUT)], Some(&patience))?;
    Ok(rustix::net::send(tcp, bytes, FLAGS)?)
}

/// One write of the system.
#[cfg(not(unix))]
fn write(mut tcp: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    tcp.write(bytes)
}

/// What a socket shows once the other end has closed and bytes are unread.
#[cfg(target_os = "linux")]
const HUNG_UP: PollFlags = PollFlags::RDHUP;
/// Elsewhere only the end of both directions shows.
#[cfg(not(target_os = "linux"))]
const HUNG_UP: PollFlags = PollFlags::HUP;

/// Ends the wait of a thread that waits for a socket: a datagram to itself, which every system can
/// wait for beside a stream.
#[derive(Debug)]
pub(super) struct Waker(UdpSocket);

impl Waker {
    pub(super) fn new() -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        // To itself: datagrams of other processes are not received on a connected socket.
        socket.connect(socket.local_addr()?)?;
        socket.set_nonblocking(true)?;
        Ok(Self(socket))
    }

    /// Wakes the thread that waits, from any thread.
    pub(super) fn wake(&self) {
        // Fails only if so many wait that one more says nothing new.
        let _ = self.0.send(&[0]);
    }

    /// Forgets earlier calls, before the reason for them is looked at.
    fn clear(&self) {
        while self.0.recv(&mut [0]).is_ok() {}
    }
}

impl Read for Raw {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&self.0.tcp).read(buffer)
    }
}

impl Write for Raw {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.send(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A socket with or without TLS, used by a reading thread and by any number of writing ones.
#[derive(Debug)]
pub(super) enum Wire {
    /// Bytes as they are.
    Plain(Raw),
    #[cfg(feature = "sim-tls")]
    Tls {
        raw: Raw,
        stream: Box<Mutex<native_tls::TlsStream<Raw>>>,
    },
}

impl Wire {
    /// Waits for bytes and reads some; 0 at the end of the stream.
    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(raw) => raw.tcp().read(buffer),
            #[cfg(feature = "sim-tls")]
            Self::Tls { raw, stream } => read_tls(raw, stream, buffer),
        }
    }

    /// Waits for bytes until it is woken, and reads some; 0 at the end of the stream. A would-block
    /// error means that it was woken, or that what came is no whole record yet.
    pub(super) fn read_or_wake(&self, buffer: &mut [u8], waker: &Waker) -> io::Result<usize> {
        let raw = match self {
            Self::Plain(raw) => raw,
            #[cfg(feature = "sim-tls")]
            Self::Tls { raw, stream } => {
                if is_buffered(stream) {
                    return stream.lock().read(buffer);
                }
                raw
            }
        };
        let mut fds = [
            PollFd::new(raw.tcp(), PollFlags::IN),
            PollFd::new(&waker.0, PollFlags::IN),
        ];
        match poll(&mut fds, None) {
            Ok(_) => {}
            Err(Errno::INTR) => return Err(io::ErrorKind::Interrupted.into()),
            Err(error) => return Err(error.into()),
        }
        // Cleared before the caller looks at the reason: a wake-up that comes after that is kept for the
        // next wait.
        if !fds[1].revents().is_empty() {
            waker.clear();
        }
        if fds[0].revents().is_empty() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        match self {
            Self::Plain(raw) => raw.tcp().read(buffer),
            #[cfg(feature = "sim-tls")]
            Self::Tls { raw, stream } => read_record(raw, stream, buffer),
        }
    }

    /// Writes some bytes; would-block errors mean that the client reads too slowly.
    pub(super) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(raw) => raw.send(bytes),
            #[cfg(feature = "sim-tls")]
            Self::Tls { stream, .. } => stream.lock().write(bytes),
        }
    }
}

/// Reads from a TLS stream without keeping writers out while nothing has come.
///
/// The wait is a peek at the socket below, outside the lock; only then is the stream locked, for at
/// most a moment: the rest of a record that is not there yet is waited for outside again.
#[cfg(feature = "sim-tls")]
fn read_tls(
    raw: &Raw,
    stream: &Mutex<native_tls::TlsStream<Raw>>,
    buffer: &mut [u8],
) -> io::Result<usize> {
    loop {
        if !is_buffered(stream) {
            raw.tcp().set_read_timeout(None)?;
            // Waits without the lock of the stream. Peeked bytes stay in the socket for the TLS library.
            if raw.tcp().peek(&mut [0])? == 0 {
                return Ok(0);
            }
        }
        match read_record(raw, stream, buffer) {
            Err(error) if would_block(&error) => {}
            other => return other,
        }
    }
}

/// Whether bytes have been decrypted that nobody has read.
#[cfg(feature = "sim-tls")]
fn is_buffered(stream: &Mutex<native_tls::TlsStream<Raw>>) -> bool {
    stream.lock().buffered_read_size().unwrap_or(0) > 0
}

/// Reads from a TLS stream whose socket has bytes, for at most a moment.
#[cfg(feature = "sim-tls")]
fn read_record(
    raw: &Raw,
    stream: &Mutex<native_tls::TlsStream<Raw>>,
    buffer: &mut [u8],
) -> io::Result<usize> {
    /// How long the lock of the stream is held while no record is complete; a writer needs it too.
    const MOMENT: Duration = Duration::from_millis(5);
    raw.tcp().set_read_timeout(Some(MOMENT))?;
    stream.lock().read(buffer)
}

/// Whether a socket call ended only because its time was over.
pub(super) fn would_block(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
    )
}

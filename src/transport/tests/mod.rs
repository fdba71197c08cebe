//! What several tests need: peers that misbehave, resolvers that hang, waits that end.

mod dial;
mod resolve;
// The feature that brings certificates.
#[cfg(feature = "sim-tls")]
mod tls;
mod wire;

use std::io::{self, IoSlice};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, Sender};

use crate::clock;
use crate::options::Resolver;

/// Long enough for anything on a busy machine; reached only when a test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs `work` on a thread of its own, so that the test fails instead of hanging with it.
fn start<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Receiver<T> {
    let (sender, receiver) = crossbeam::channel::bounded(1);
    thread::Builder::new()
        .spawn(move || {
            let _ = sender.send(work());
        })
        .unwrap();
    receiver
}

fn end<T>(running: &Receiver<T>) -> T {
    running
        .recv_timeout(PATIENCE)
        .expect("the thread hangs or panicked")
}

/// Waits for something that no event tells of.
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let limit = clock::now() + PATIENCE;
    while !holds() {
        assert!(clock::now() < limit, "never: {what}");
        thread::yield_now();
    }
}

/// Claims that a run takes at most so long. Another one follows if it did not, so that a busy machine is not taken
/// for a slow dial.
#[track_caller]
fn takes_at_most(limit: Duration, mut run: impl FnMut() -> Duration) {
    let mut took = Vec::new();
    while took.len() < 20 {
        let time = run();
        if time <= limit {
            return;
        }
        took.push(time);
    }
    panic!("never within {limit:?}: {took:?}");
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let begun = clock::now();
    let result = work();
    (result, clock::now() - begun)
}

fn soon() -> Instant {
    clock::now() + PATIENCE
}

fn local(last: u8) -> IpAddr {
    Ipv4Addr::new(127, 0, 0, last).into()
}

/// Whether this is the process that `test` was repeated in, alone. If not, repeats it there, after
/// `prepare` was run in a shell, and has it pass.
#[cfg(target_os = "linux")]
fn is_alone(test: &str, prepare: &str) -> bool {
    const ALONE: &str = "HITLESS_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let output = std::process::Command::new("sh")
        .args(["-c", &format!("{prepare} && exec \"$0\" \"$@\"")])
        .arg(std::env::current_exe().unwrap())
        .arg(test)
        .env(ALONE, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}"
    );
    false
}

/// Listens on the same free port of several loopback addresses; returns the port too.
fn listen_on(lasts: &[u8]) -> (Vec<TcpListener>, u16) {
    let (&first, others) = lasts.split_first().unwrap();
    for _ in 0..100 {
        let listener = TcpListener::bind((local(first), 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let others = others
            .iter()
            .map(|&last| TcpListener::bind((local(last), port)));
        if let Ok(mut all) = others.collect::<io::Result<Vec<_>>>() {
            all.insert(0, listener);
            return (all, port);
        }
    }
    panic!("no port is free on all of {lasts:?}");
}

/// An address that answers no SYN, because its queue is full and nobody accepts.
struct BlackHole {
    port: u16,
    listener: socket2::Socket,
    queued: Vec<TcpStream>,
}

impl BlackHole {
    fn at(address: SocketAddr) -> Self {
        let listener =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        listener.set_reuse_address(true).unwrap();
        listener.bind(&address.into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        let mut queued = Vec::new();
        let mut unanswered = 0;
        // More than one, lest a busy machine be taken for a full queue.
        while unanswered < 2 {
            match TcpStream::connect_timeout(&address, Duration::from_millis(100)) {
                Ok(stream) => queued.push(stream),
                Err(_) => unanswered += 1,
            }
            assert!(queued.len() < 100, "the queue never fills");
        }
        Self {
            port: address.port(),
            listener,
            queued,
        }
    }

    /// Accepts what is queued, so that the next SYN is answered.
    fn open(&self) -> Vec<socket2::Socket> {
        let accept = |_: &TcpStream| self.listener.accept().unwrap().0;
        self.queued.iter().map(accept).collect()
    }
}

/// Answers every name with the same addresses, and counts.
#[derive(Debug, Default)]
struct Fixed {
    addresses: Vec<IpAddr>,
    asked: AtomicUsize,
}

impl Fixed {
    fn new(addresses: &[IpAddr]) -> Self {
        Self {
            addresses: addresses.to_vec(),
            asked: AtomicUsize::new(0),
        }
    }
}

impl Resolver for Fixed {
    fn resolve(&self, _host: &str) -> io::Result<Vec<IpAddr>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Ok(self.addresses.clone())
    }
}

/// A host, and the name of the thread that asked for it.
type Question = (String, Option<String>);

/// Says when it is asked, and answers when it is let: as often as `permits` has tokens, and for
/// everything once that channel is closed.
#[derive(Debug)]
struct Gated {
    asked: Sender<Question>,
    permits: Receiver<()>,
}

impl Gated {
    /// The resolver, what it was asked, and what lets it answer.
    fn new() -> (Self, Receiver<Question>, Sender<()>) {
        let (asked, questions) = crossbeam::channel::unbounded();
        let (permit, permits) = crossbeam::channel::unbounded();
        (Self { asked, permits }, questions, permit)
    }
}

impl Resolver for Gated {
    fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let thread = thread::current().name().map(str::to_owned);
        let _ = self.asked.send((host.to_owned(), thread));
        let _ = self.permits.recv();
        Ok(vec![local(1)])
    }
}

//! Clients that close while they connect to what does not answer.

use super::{CLOSE, close_in_time, ended_by_close};
use crate::common::fake::{Fake, Peer};
use crate::common::{Closing, eventually, threads};
use hitless::{Client, Commands, Options, Resolver};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// An address at which dials hang: its queue of new connections is full.
struct BlackHole {
    address: SocketAddr,
    _listener: socket2::Socket,
    _queue: Vec<TcpStream>,
}

impl BlackHole {
    fn new() -> Self {
        let listener = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
        let listener = listener.unwrap();
        listener
            .bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())
            .unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        let mut queue = Vec::new();
        while let Ok(one) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
            queue.push(one);
            assert!(queue.len() < 64, "the queue does not fill");
        }
        Self {
            address,
            _listener: listener,
            _queue: queue,
        }
    }
}

/// Closes a client that is about to connect to `options`, while it is at it.
#[track_caller]
fn closes_while_connecting(options: Options, busy: impl FnMut() -> bool) {
    let client = Client::lazy(options).unwrap();
    std::thread::scope(|scope| {
        let _closing = Closing(&client);
        let waiting = scope.spawn(|| client.ping());
        eventually("the client connects", busy);
        assert!(!waiting.is_finished());
        close_in_time(&client);
        ended_by_close(waiting.join().unwrap());
    });
}

#[test]
fn a_client_closes_while_a_dial_hangs() {
    let _alone = threads::alone();
    let hole = BlackHole::new();
    let options = Options::new(&hole.address.to_string()).unwrap();
    let began = Instant::now();
    // A dial that hangs is seen by nobody: it has had time enough when this has passed.
    closes_while_connecting(options, || began.elapsed() >= Duration::from_millis(100));
}

#[test]
fn a_client_closes_while_a_server_does_not_answer_its_opening() {
    let _alone = threads::alone();
    let fake = Fake::start(|peer: &mut Peer| {
        peer.read()?;
        peer.send("%1\r\n$5\r\npro")?;
        loop {
            peer.read()?;
        }
    });
    let options = Options::new(&fake.address.to_string()).unwrap();
    closes_while_connecting(options, || fake.accepted() > 0);
}

/// Answers nothing before it is told to.
#[derive(Clone, Debug, Default)]
struct Stuck(Arc<(Mutex<(usize, bool)>, Condvar)>);

impl Stuck {
    fn asked(&self) -> usize {
        self.0.0.lock().unwrap().0
    }

    fn let_go(&self) {
        self.0.0.lock().unwrap().1 = true;
        self.0.1.notify_all();
    }
}

/// Lets go even when a claim is false, so that the thread ends before the next test.
struct LetGo<'a>(&'a Stuck);

impl Drop for LetGo<'_> {
    fn drop(&mut self) {
        self.0.let_go();
    }
}

impl Resolver for Stuck {
    fn resolve(&self, _host: &str) -> io::Result<Vec<IpAddr>> {
        let mut state = self.0.0.lock().unwrap();
        state.0 += 1;
        while !state.1 {
            state = self.0.1.wait(state).unwrap();
        }
        Err(io::ErrorKind::NotFound.into())
    }
}

#[test]
fn a_client_closes_while_the_resolver_hangs_and_leaves_only_that_thread() {
    let _alone = threads::alone();
    let resolver = Stuck::default();
    let _let_go = LetGo(&resolver);
    let options = Options::new("nowhere.hitless.test:6379")
        .unwrap()
        .resolver(resolver.clone());
    let client = Client::lazy(options).unwrap();
    std::thread::scope(|scope| {
        let _closing = Closing(&client);
        let waiting = scope.spawn(|| client.ping());
        eventually("the name is looked up", || resolver.asked() > 0);
        let start = Instant::now();
        client.close();
        let took = start.elapsed();
        assert!(took <= CLOSE, "the close took {took:?}");
        ended_by_close(waiting.join().unwrap());
    });
    // Nothing ends a lookup that hangs in the system, but it is the only thread that stays.
    // The system lists a thread for a moment after it was joined.
    eventually("only the lookup is left", || {
        let left: Vec<String> = threads::of_clients().into_values().collect();
        left.len() == 1 && left[0].starts_with("hitless-resolve")
    });
    resolver.let_go();
    eventually("the lookup ends its thread", || {
        threads::of_clients().is_empty()
    });
}

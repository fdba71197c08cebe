//! One endpoint: its address, its listener, its faults. Serves no connection itself.

use super::connection::serve;
use super::fault::Faults;
use super::maintenance::OptIn;
use super::peer::Peer;
use super::record::Diary;
use super::timeline::Happening;
use super::wire::Raw;
use super::world::World;
use super::{CloseCause, Node, clock};
use crate::log_targets::SIM;
use parking_lot::Mutex;
use socket2::SockRef;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// A socket that accepts, and its thread.
#[derive(Debug)]
struct Listening {
    /// Shut down to wake the thread.
    listener: Arc<TcpListener>,
    /// Set before the socket is shut down, so that the thread knows the error for the end.
    over: Arc<AtomicBool>,
    /// Joined when the node stops listening.
    thread: JoinHandle<()>,
}

/// One node: its address, and what is the matter with it.
#[derive(Debug)]
pub(super) struct NodeState {
    /// Stays the node's own while it does not listen.
    pub(super) addr: SocketAddr,
    /// Asked by every connection to this node.
    pub(super) faults: Faults,
    /// The node that serves those who connect to this address: another one behind a front that stays.
    leads_to: AtomicUsize,
    /// Whether the latest move that concerns it left it.
    left: AtomicBool,
    /// How it answers to the request for notifications.
    opt_in: Mutex<OptIn>,
    /// The socket before its first use: bound and listening, so that no port is lost on the way.
    fresh: Mutex<Option<TcpListener>>,
    /// `None` while connections are refused.
    listening: Mutex<Option<Listening>>,
}

impl NodeState {
    /// A node behind a socket that listens already: a port that was let go would be taken by another
    /// process.
    pub(super) fn new(
        index: usize,
        listener: TcpListener,
        opt_in: OptIn,
        seed: u64,
    ) -> io::Result<Self> {
        Ok(Self {
            addr: listener.local_addr()?,
            faults: Faults::new(seed),
            leads_to: AtomicUsize::new(index),
            left: AtomicBool::new(false),
            opt_in: Mutex::new(opt_in),
            fresh: Mutex::new(Some(listener)),
            listening: Mutex::new(None),
        })
    }

    /// The node that answers at this address.
    pub(super) fn leads_to(&self) -> usize {
        self.leads_to.load(Ordering::Acquire)
    }

    /// Lets this address lead to a node from now on.
    pub(super) fn lead_to(&self, index: usize) {
        self.leads_to.store(index, Ordering::Release);
    }

    /// Whether a move has left this node; announcements to it would be old news.
    pub(super) fn left(&self) -> bool {
        self.left.load(Ordering::Acquire)
    }

    /// A move leaves this node, or comes back to it.
    pub(super) fn set_left(&self, left: bool) {
        self.left.store(left, Ordering::Release);
    }

    /// How the node answers to the request for notifications.
    pub(super) fn opt_in(&self) -> OptIn {
        *self.opt_in.lock()
    }

    /// Changes that, for connections that ask from now on.
    pub(super) fn set_opt_in(&self, opt_in: OptIn) {
        *self.opt_in.lock() = opt_in;
    }

    /// Whether connections are accepted.
    pub(super) fn listens(&self) -> bool {
        self.listening.lock().is_some()
    }

    /// Stops listening: connections are refused from now on.
    pub(super) fn deafen(&self) {
        let Some(listening) = self.listening.lock().take() else {
            return;
        };
        listening.over.store(true, Ordering::Release);
        // Wakes the thread on Linux; elsewhere a connection does.
        // `accept` has no time-out in the standard library; a shutdown makes it return an error on
        // Linux.
        let woken = SockRef::from(&*listening.listener).shutdown(Shutdown::Both);
        if woken.is_err() || !cfg!(target_os = "linux") {
            let _ = TcpStream::connect_timeout(&self.addr, Duration::from_millis(500));
        }
        if listening.thread.join().is_err() {
            log::error!(target: SIM, "a listener of the simulator has panicked");
        }
    }
}

impl World {
    /// Starts to listen on a node, if it does not.
    pub(super) fn listen(self: &Arc<Self>, index: usize) -> io::Result<()> {
        let node = self.node(index);
        let mut listening = node.listening.lock();
        if listening.is_some() || self.stopping() || node.faults.refuses() {
            return Ok(());
        }
        // The first use takes the socket that was bound when the simulator was built: nobody else can
        // have taken the port since.
        let fresh = node.fresh.lock().take();
        let listener = match fresh {
            Some(listener) => listener,
            None => self.rebind(node.addr)?,
        };
        let listener = Arc::new(listener);
        let over = Arc::new(AtomicBool::new(false));
        let thread = std::thread::Builder::new()
            .name(format!("sim-accept-{index}"))
            .spawn({
                let (world, listener, over) =
                    (Arc::clone(self), Arc::clone(&listener), Arc::clone(&over));
                move || accept_all(&world, index, &listener, &over)
            })?;
        *listening = Some(Listening {
            listener,
            over,
            thread,
        });
        Ok(())
    }

    /// Binds an address that was bound before.
    ///
    /// While a thread of the application starts a process, that process holds copies of all sockets
    /// until it has loaded its program; the address is in use as long as that.
    fn rebind(&self, addr: SocketAddr) -> io::Result<TcpListener> {
        /// One second of tries, 5 ms apart: a process that starts has loaded its program by then.
        const ATTEMPTS: u32 = 200;
        let mut bound = TcpListener::bind(addr);
        for _ in 0..ATTEMPTS {
            match &bound {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                _ => break,
            }
            let next = clock::now() + Duration::from_millis(5);
            self.news.wait_until(Some(next), || self.stopping());
            bound = TcpListener::bind(addr);
        }
        bound
    }

    /// Lets a node listen again, unless a fault makes it refuse.
    pub(super) fn revive(self: &Arc<Self>, index: usize) -> io::Result<()> {
        let node = self.node(index);
        let before = node.listens();
        self.listen(index)?;
        if !before && node.listens() {
            self.tell(Happening::Revived(Node(index)));
        }
        Ok(())
    }

    /// The nodes whose addresses lead to a node.
    pub(super) fn fronts_of(&self, index: usize) -> Vec<usize> {
        let leads = |node: &usize| self.node(*node).leads_to() == index;
        (0..self.nodes.len()).filter(leads).collect()
    }

    /// Closes all sockets of a node; returns how many. A deaf one has left: its addresses refuse, and
    /// what was announced about it is over.
    pub(super) fn retire(&self, index: usize, cause: CloseCause, deaf: bool) -> usize {
        // Deaf before the sockets close, so that a client that reconnects at once is refused and not
        // accepted by a node that has left.
        if deaf {
            self.end_windows(index);
            for front in self.fronts_of(index) {
                self.node(front).deafen();
                self.node(front).lead_to(front);
            }
        }
        let peers = self.peers(|peer| peer.node == index);
        for peer in &peers {
            peer.close(cause);
        }
        peers.len()
    }
}

impl World {
    /// A node dies, as by a loss of power: its addresses refuse, and its connections are reset. A move of it
    /// that goes on does so without it; DNS follows.
    pub(super) fn die(&self, index: usize) {
        // In the order of `retire`: who comes back at once finds nobody.
        for front in self.fronts_of(index) {
            self.node(front).deafen();
        }
        let peers = self.peers(|peer| peer.node == index);
        for peer in &peers {
            peer.reset(CloseCause::Fault);
        }
        self.tell(Happening::Died(Node(index), peers.len()));
    }
}

/// The thread of a listener: gives each connection a thread of its own.
fn accept_all(world: &Arc<World>, index: usize, listener: &TcpListener, over: &AtomicBool) {
    loop {
        let accepted = listener.accept();
        // Checked before the result: the shutdown that wakes this thread looks like any other error.
        if over.load(Ordering::Acquire) {
            return;
        }
        match accepted {
            Ok((tcp, remote)) => {
                if let Err(error) = welcome(world, index, tcp, remote) {
                    log::warn!(target: SIM, "node {index} loses a new connection: {error}");
                }
            }
            Err(error) => {
                // Out of descriptors, most likely: the next attempt would fail at once.
                log::warn!(target: SIM, "node {index} cannot accept: {error}");
                let pause = clock::now() + Duration::from_millis(20);
                world
                    .news
                    .wait_until(Some(pause), || over.load(Ordering::Acquire));
            }
        }
    }
}

/// Takes a connection to a node's address in, for the node that serves there: gives it a number, a record and a thread.
fn welcome(world: &Arc<World>, index: usize, tcp: TcpStream, remote: SocketAddr) -> io::Result<()> {
    // Decided for each connection when it is accepted: a front that is moved takes old connections
    // nowhere.
    let index = world.node(index).leads_to();
    let faults = &world.node(index).faults;
    // Before TLS and before any thread, as a server does when it has no place left.
    if faults.max_clients() {
        return (&tcp).write_all(b"-ERR max number of clients reached\r\n");
    }
    let diary = Diary::new(world.next_id(), index, remote, clock::now());
    let raw = Raw::new(tcp, faults.shape())?;
    let limit = world.settings.unread_limit;
    let peer = Arc::new(Peer::new(diary, raw, limit, Arc::clone(&world.news)));
    world.enter(&peer);
    let name = format!("sim-conn-{}", peer.id);
    let spawned = std::thread::Builder::new().name(name).spawn({
        let (world, peer) = (Arc::clone(world), Arc::clone(&peer));
        move || serve(&world, &peer)
    });
    match spawned {
        Ok(thread) => {
            world.keep(thread);
            Ok(())
        }
        Err(error) => {
            // No thread, no connection. It was entered already, so it has to be left too.
            peer.close(CloseCause::Fault);
            world.leave(&peer);
            Err(error)
        }
    }
}

/// Sockets for so many nodes.
///
/// On Linux every address of 127.0.0.0/8 is the machine's own: each node gets an address, and all the
/// same port, so that a move may be made by DNS alone. Elsewhere the ports differ.
#[derive(Debug)]
pub(super) struct Sockets {
    /// One for each node, all at one port.
    pub(super) listeners: Vec<TcpListener>,
    /// Keeps the port from other simulators on this machine while a node of ours does not listen.
    pub(super) guard: Option<TcpListener>,
}

/// Ports for nodes: outside the range from which Linux takes ports for outgoing connections, so that no
/// connection sits on the port of a node that is not listening.
const PORTS: std::ops::Range<u16> = 10_000..32_000;

/// An address that every simulator binds at its port, so that two of them never share one.
const GUARD: Ipv4Addr = Ipv4Addr::new(127, 255, 255, 254);

/// Binds sockets for `count` nodes, on a port of its own or on a chosen one.
pub(super) fn bind(count: usize, port: Option<u16>) -> io::Result<Sockets> {
    // macOS and Windows have one loopback address by default, so there the nodes differ by port.
    if !cfg!(target_os = "linux") {
        let listeners = (0..count).map(|index| {
            let chosen =
                port.map(|port| u16::try_from(index).ok().and_then(|n| port.checked_add(n)));
            match chosen {
                None => TcpListener::bind((Ipv4Addr::LOCALHOST, 0)),
                Some(port) => TcpListener::bind((
                    Ipv4Addr::LOCALHOST,
                    port.ok_or(io::ErrorKind::InvalidInput)?,
                )),
            }
        });
        return Ok(Sockets {
            listeners: listeners.collect::<io::Result<_>>()?,
            guard: None,
        });
    }
    if let Some(port) = port {
        return bind_on(port, count);
    }
    let mut last = io::Error::from(io::ErrorKind::AddrInUse);
    for _ in 0..200 {
        // A chosen port may be taken at one of the addresses only, so all of them are tried together.
        let port = fastrand::u16(PORTS);
        match bind_on(port, count) {
            Ok(sockets) => return Ok(sockets),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Binds all nodes at one port of different loopback addresses, or none of them.
fn bind_on(port: u16, count: usize) -> io::Result<Sockets> {
    // First, so that two simulators that choose the same port meet here and not half way through their
    // nodes.
    let guard = TcpListener::bind((GUARD, port))?;
    let listeners = (0..count).map(|index| {
        let last = u8::try_from(index + 1).map_err(|_| io::ErrorKind::InvalidInput)?;
        TcpListener::bind((IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)), port))
    });
    Ok(Sockets {
        listeners: listeners.collect::<io::Result<_>>()?,
        guard: Some(guard),
    })
}

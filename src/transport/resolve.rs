//! Looks names up without being held up by them. Keeps no answer, retries nothing, and does not
//! stop a lookup that hangs (nothing can): it stops waiting for it.
//!
//! ```text
//!  callers --host--> flights (one per host) --queue--> hitless-resolver-0, -1 --> Resolver
//!     ^                                                        |
//!     '------ the same answer to everybody who waits ----------'
//! ```
//!
//! A thread is started when a lookup needs one and ends when no host is queued.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use super::race::SLICE;
use crate::clock;
use crate::options::Resolver;
use crate::sync::lock::{Condvar, Mutex};
use crate::sync::{self, RecvTimeoutError};

/// How many lookups run at the same time; one that hangs occupies its thread until it returns.
const THREADS: usize = 2;

/// How many callers may wait at the same time. Only a resolver that hangs lets so many gather.
const MOST_WAITING: usize = 4096;

/// How many addresses of one answer are used. Real names have a handful.
const MOST_ADDRESSES: usize = 64;

/// Called once with the answer, on a resolver thread or on the thread that asked.
pub(crate) type Answer = Box<dyn FnOnce(Result<Vec<IpAddr>, LookupError>) + Send>;

/// Why a lookup has no answer.
#[derive(Clone, Debug)]
pub(crate) enum LookupError {
    /// The caller gave up, or the client was closed.
    Cancelled,
    /// The resolver failed or panicked, or no thread could be started for it.
    Failed(Arc<io::Error>),
    /// The caller's deadline passed first.
    TimedOut,
}

/// All lookups of one client.
pub(crate) struct Lookups {
    /// Also held by each thread of a lookup, which may outlive this.
    shared: Arc<Shared>,
}

/// What the callers and the threads of lookups share.
struct Shared {
    /// Code of the user: called with no lock held, and its panic is a failed lookup.
    resolver: Arc<dyn Resolver>,
    /// Never held while a resolver or an answer runs, nor while a thread is joined.
    state: Mutex<State>,
    /// Notified whenever a thread leaves its seat.
    left: Condvar,
}

/// Who asks for which host, and which thread is busy with it.
#[derive(Default)]
struct State {
    /// Set once, by [`Lookups::close`]: no lookup begins any more, and those who wait are sent away.
    closed: bool,
    /// Invariant: a host is in `queue` exactly if its flight is here and not `running`.
    flights: HashMap<String, Flight>,
    /// Hosts that wait for a thread, the oldest first.
    queue: VecDeque<String>,
    /// The threads that may exist at the same time: a name service that hangs must not cost a thread for
    /// each dial.
    seats: [Seat; THREADS],
    /// Numbers those who wait, so that one who gives up is found.
    next_ticket: u64,
    /// Invariant: the number of waiters in all flights.
    waiting: usize,
}

/// One host being looked up, or about to be.
#[derive(Default)]
struct Flight {
    /// A thread is asking; whoever comes later gets the same answer.
    running: bool,
    /// Who is told, under which ticket.
    waiters: Vec<(u64, Answer)>,
}

/// The place of one resolver thread.
#[derive(Default)]
struct Seat {
    /// Set by whoever starts the thread, cleared by the thread as its last use of the state.
    taken: bool,
    /// Of the thread in the seat, or of the one that left it last.
    thread: Option<JoinHandle<()>>,
}

impl Lookups {
    /// Starts no thread: the first lookup does.
    pub(crate) fn new(resolver: Arc<dyn Resolver>) -> Self {
        let shared = Shared {
            resolver,
            state: Mutex::new(State::default()),
            left: Condvar::default(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The addresses of `host`; an empty answer means "not known". Blocks the caller until `deadline`,
    /// or for one [`SLICE`] after `cancel` was set, even if the resolver hangs. A literal address
    /// is its own answer.
    pub(crate) fn lookup(
        &self,
        host: &str,
        deadline: Instant,
        cancel: &AtomicBool,
    ) -> Result<Vec<IpAddr>, LookupError> {
        // Without a thread: a client of literal addresses never starts one.
        if let Ok(address) = host.parse() {
            return Ok(vec![address]);
        }
        // The thread that gives the answer never waits for a caller who has left.
        let (sender, receiver) = sync::oneshot();
        let ticket = self.enqueue(host, Box::new(move |answer| sender.send(answer)));
        loop {
            match receiver.receive(Some(sync::look_again_at(deadline, SLICE))) {
                Ok(answer) => return answer,
                // The answer was dropped unused, which the close of the client does.
                Err(RecvTimeoutError::Disconnected) => return Err(LookupError::Cancelled),
                Err(RecvTimeoutError::Timeout) => {}
            }
            let given_up = if cancel.load(Ordering::Relaxed) {
                LookupError::Cancelled
            } else if clock::now() >= deadline {
                LookupError::TimedOut
            } else {
                continue;
            };
            // Whoever gives up takes its place in the flight along, or a resolver that hangs would
            // gather them.
            if let Some(ticket) = ticket {
                self.shared.state.lock().withdraw(host, ticket);
            }
            return Err(given_up);
        }
    }

    /// Asks and does not wait: `answer` is called exactly once, from here when the answer is known
    /// at once (a literal address, a failure), otherwise from a resolver thread, which it must not
    /// keep. When the client is closed it is called with [`LookupError::Cancelled`].
    pub(crate) fn lookup_then(&self, host: &str, answer: Answer) {
        match host.parse() {
            Ok(address) => answer(Ok(vec![address])),
            Err(_) => drop(self.enqueue(host, answer)),
        }
    }

    /// Turns away everybody who waits, now and later, and waits until `deadline` for the threads to
    /// end. Returns how many are stuck in the resolver: those end whenever it returns.
    pub(crate) fn close(&self, deadline: Instant) -> usize {
        let turned_away = {
            let mut state = self.shared.state.lock();
            state.closed = true;
            state.queue.clear();
            state.waiting = 0;
            std::mem::take(&mut state.flights)
        };
        for (_, answer) in turned_away.into_values().flat_map(|flight| flight.waiters) {
            give(answer, Err(LookupError::Cancelled));
        }
        let mut state = self.shared.state.lock();
        while state.stuck() > 0 && clock::now() < deadline {
            state = self.shared.left.wait_until(state, Some(deadline));
        }
        let stuck = state.stuck();
        let ended: Vec<_> = state
            .seats
            .iter_mut()
            .filter(|seat| !seat.taken)
            .filter_map(|seat| seat.thread.take())
            .collect();
        drop(state);
        ended.into_iter().for_each(end);
        stuck
    }

    /// How many resolver threads there are, the stuck ones included.
    #[cfg(test)]
    pub(crate) fn threads(&self) -> usize {
        self.shared.state.lock().stuck()
    }

    /// How many callers wait for an answer, for tests.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.shared.state.lock().waiting
    }

    /// Joins the flight of `host`, or begins one. Returns what to withdraw it by; `None` if the
    /// answer was given at once.
    fn enqueue(&self, host: &str, answer: Answer) -> Option<u64> {
        let mut state = self.shared.state.lock();
        if state.closed || state.waiting >= MOST_WAITING {
            let refusal = if state.closed {
                LookupError::Cancelled
            } else {
                failed("too many callers wait for the resolver")
            };
            drop(state);
            give(answer, Err(refusal));
            return None;
        }
        let ticket = state.next_ticket;
        state.next_ticket = ticket.wrapping_add(1);
        state.waiting += 1;
        if let Some(flight) = state.flights.get_mut(host) {
            flight.waiters.push((ticket, answer));
            return Some(ticket);
        }
        let flight = Flight {
            running: false,
            waiters: vec![(ticket, answer)],
        };
        state.flights.insert(host.to_owned(), flight);
        state.queue.push_back(host.to_owned());
        let outcome = self.start_thread(&mut state);
        let refused = match &outcome {
            // Without a thread at work nobody would ever come for the queue.
            Err(_) if state.stuck() == 0 => {
                state.queue.clear();
                state.waiting = 0;
                std::mem::take(&mut state.flights)
            }
            _ => HashMap::new(),
        };
        drop(state);
        match outcome {
            Ok(left) => left.into_iter().for_each(end),
            Err(error) => {
                let error = LookupError::Failed(Arc::new(error));
                for (_, answer) in refused.into_values().flat_map(|flight| flight.waiters) {
                    give(answer, Err(error.clone()));
                }
            }
        }
        Some(ticket)
    }

    /// Starts a thread if a seat is free. Returns the handle of the thread that sat there before, to
    /// be joined when the lock is released.
    fn start_thread(&self, state: &mut State) -> io::Result<Option<JoinHandle<()>>> {
        let Some((index, seat)) = state.seats.iter_mut().enumerate().find(|(_, s)| !s.taken) else {
            return Ok(None);
        };
        let shared = Arc::clone(&self.shared);
        // In a box, as in `sync::spawn`: the start of a thread is compiled once for all bodies.
        let body: Box<dyn FnOnce() + Send> = Box::new(move || shared.work(index));
        let thread = thread::Builder::new()
            .name(format!("hitless-resolver-{index}"))
            .spawn(body)?;
        // Only after the spawn has succeeded: the seat of a thread that was never started would be lost.
        seat.taken = true;
        Ok(seat.thread.replace(thread))
    }
}

impl Drop for Lookups {
    fn drop(&mut self) {
        self.close(clock::now());
    }
}

impl fmt::Debug for Lookups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookups")
            .field("resolver", &self.shared.resolver)
            .finish_non_exhaustive()
    }
}

impl Shared {
    /// The body of a resolver thread.
    fn work(&self, index: usize) {
        let _farewell = Farewell(self, index);
        loop {
            let host = {
                let mut state = self.state.lock();
                let Some(host) = state.queue.pop_front() else {
                    // Under the same lock as the look at the queue: whoever enqueues next sees a free
                    // seat and starts a thread.
                    state.seats[index].taken = false;
                    self.left.notify_all();
                    return;
                };
                if let Some(flight) = state.flights.get_mut(&host) {
                    flight.running = true;
                }
                host
            };
            // With no lock held, for as long as the system likes.
            let answer = self.ask(&host);
            let waiters = {
                let mut state = self.state.lock();
                let waiters = state.flights.remove(&host).unwrap_or_default().waiters;
                state.waiting = state.waiting.saturating_sub(waiters.len());
                waiters
            };
            for (_, waiter) in waiters {
                give(waiter, answer.clone());
            }
        }
    }

    /// The resolver is the user's code: a panic in it must not leave its callers without an answer.
    fn ask(&self, host: &str) -> Result<Vec<IpAddr>, LookupError> {
        match catch_unwind(AssertUnwindSafe(|| self.resolver.resolve(host))) {
            Ok(Ok(addresses)) => {
                let mut distinct: Vec<IpAddr> = Vec::new();
                // An IPv4 address in IPv6's clothes is the same server, and would be raced against
                // itself.
                for address in addresses.iter().map(IpAddr::to_canonical) {
                    if distinct.len() < MOST_ADDRESSES && !distinct.contains(&address) {
                        distinct.push(address);
                    }
                }
                Ok(distinct)
            }
            Ok(Err(error)) => Err(LookupError::Failed(Arc::new(error))),
            Err(_) => Err(failed("the resolver panicked")),
        }
    }
}

/// Frees the seat of a thread that dies all the same, by a defect of ours: nobody waits for it in vain.
struct Farewell<'a>(&'a Shared, usize);

impl Drop for Farewell<'_> {
    fn drop(&mut self) {
        // An ordinary end has cleared its seat itself.
        if !thread::panicking() {
            return;
        }
        let mut state = self.0.state.lock();
        if let Some(seat) = state.seats.get_mut(self.1) {
            seat.taken = false;
        }
        // Nobody can tell which of them it had.
        state.queue.clear();
        state.waiting = 0;
        let flights = std::mem::take(&mut state.flights);
        drop(state);
        self.0.left.notify_all();
        let error = failed("a thread of the client has panicked, which is a defect of the client");
        for (_, answer) in flights.into_values().flat_map(|flight| flight.waiters) {
            give(answer, Err(error.clone()));
        }
    }
}

impl State {
    /// How many threads are inside the resolver. Those that are left after the close hang in the system,
    /// which no program can end.
    fn stuck(&self) -> usize {
        self.seats.iter().filter(|seat| seat.taken).count()
    }

    /// Forgets one waiter, so that a resolver that hangs does not gather them.
    fn withdraw(&mut self, host: &str, ticket: u64) {
        let Some(flight) = self.flights.get_mut(host) else {
            return;
        };
        let before = flight.waiters.len();
        flight.waiters.retain(|(other, _)| *other != ticket);
        self.waiting = self.waiting.saturating_sub(before - flight.waiters.len());
        // One that runs stays even without waiters: the next caller for this host must join it.
        if flight.waiters.is_empty() && !flight.running {
            self.flights.remove(host);
            self.queue.retain(|queued| queued != host);
        }
    }
}

/// The failure of a lookup that did not reach the resolver.
fn failed(reason: &'static str) -> LookupError {
    LookupError::Failed(Arc::new(io::Error::other(reason)))
}

/// An answer that panics must not take the resolver thread, and with it the seat, away.
fn give(answer: Answer, result: Result<Vec<IpAddr>, LookupError>) {
    let _ = catch_unwind(AssertUnwindSafe(|| answer(result)));
}

/// Waits for a thread that has left its seat and is about to end.
fn end(thread: JoinHandle<()>) {
    // The last lookup's own answer may be what closes the client.
    if thread.thread().id() != thread::current().id() {
        let _ = thread.join();
    }
}

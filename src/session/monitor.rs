//! `MONITOR`: what a server executes, as it executes it. Makes no connection, and interprets no command: `entry` takes
//! lines apart.
//!
//! ```text
//!   reader of a link ── push ──> Feed, one lock ── next ──> Monitor, on a thread of the user
//!   worker, with a new link ── settle_in ──> MONITOR is asked there, too
//! ```

mod entry;

pub use entry::MonitorEntry;

use super::Host;
use crate::clock;
use crate::error::{CloseReason, Delivery, Error, ErrorKind, Phase, Result};
use crate::handoff::later;
use crate::ids::{EntryId, LinkId};
use crate::link::{Deadline, EndReason, Link, Mailbox, Outcome, Request};
use crate::pool::{Entry, OwnedClaim, Tenant};
use crate::protocol::{Push, Value};
use crate::sync::{Arc, Condvar, Ranked};
use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

const MONITOR: &[u8] = b"*1\r\n$7\r\nMONITOR\r\n";

/// So many lines wait to be taken; of more, the oldest are dropped and counted. Of 100 bytes each: 6.5 MB.
const CAPACITY: usize = 65_536;

/// And so many bytes, one line at least: a server tells whole values, which may be large.
const MOST_BYTES: usize = 64 << 20;

/// How long the server may take to agree, where the client has no [`command_timeout`](crate::Options::command_timeout).
const PATIENCE: Duration = Duration::from_secs(10);

/// What a server executes, as it executes it: an iterator that blocks until the next command.
///
/// Made by [`Client::monitor`](crate::Client::monitor), on a connection of its own, which ends with it. For looking
/// into a system, not for building on: a server does less than half of its work while it is watched, says nothing of
/// some commands (`AUTH`, `CONFIG`), and needs the permission `+monitor`.
///
/// ```no_run
/// # let client = hitless::Client::connect("redis://127.0.0.1")?;
/// for entry in client.monitor()?.take(100) {
///     let entry = entry?;
///     let name = entry.arguments.first().map(|name| String::from_utf8_lossy(name));
///     println!("{} {}", entry.client, name.unwrap_or_default());
/// }
/// # Ok::<(), hitless::Error>(())
/// ```
///
/// When the server moves, the new one is asked before the old connection ends; what both say meanwhile comes in the
/// order in which it arrives. When the connection is lost, the client makes another by itself; what happened in
/// between is missing, and [`reconnects`](Self::reconnects) counts it. If the server refuses then, because
/// permissions have changed, the monitor ends with what it says. Up to 65,536 lines of 64 MiB together wait to be
/// taken; of more the oldest are dropped, which [`dropped`](Self::dropped) counts.
pub struct Monitor {
    feed: Arc<Feed>,
    /// `None` at its end only.
    claim: Option<OwnedClaim>,
    /// An error was yielded that ends the iterator.
    is_over: bool,
    /// Last: the client lives as long as its monitors.
    host: Arc<dyn Host>,
}

/// What monitor and connections share.
struct Feed {
    entry: EntryId,
    patience: Duration,
    /// Locked by whoever reads a link, for one line, and by the user's thread.
    state: Ranked<State, 4>,
    /// The user's thread waits here.
    came: Condvar,
}

#[derive(Default)]
struct State {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    dropped: u64,
    /// The link that was asked last.
    asked: Option<LinkId>,
    /// Nobody has noticed yet that it tells no more.
    is_told: bool,
    /// The first connection is the caller's to ask, who is told at once what a server refuses: a worker would try
    /// again.
    has_begun: bool,
    reconnects: u64,
    over: Option<Error>,
}

impl State {
    fn put(&mut self, line: Vec<u8>) {
        let is_full = |state: &Self| {
            state.lines.len() >= CAPACITY || state.bytes.saturating_add(line.len()) > MOST_BYTES
        };
        while is_full(self) && self.take().is_some() {
            self.dropped += 1;
        }
        self.bytes += line.len();
        self.lines.push_back(line);
    }

    fn take(&mut self) -> Option<Vec<u8>> {
        let line = self.lines.pop_front()?;
        self.bytes -= line.len();
        Some(line)
    }
}

impl Feed {
    /// Has this link tell what its server executes.
    fn ask(&self, link: &Link, until: Instant) -> Result<()> {
        let now = clock::now();
        let limit = Some(until.saturating_duration_since(now).min(self.patience));
        let deadline = Deadline::new(now, limit, limit, false);
        let request = Request {
            parts: MONITOR.into(),
            replies: 1,
        };
        let reply = match link.call_monitor(request, &deadline) {
            Ok(Outcome::One(reply)) => reply,
            Ok(Outcome::Failed(failure)) if failure.reason.is_none() => {
                let kind = ErrorKind::Timeout(Phase::AwaitReply);
                let text = "the server did not agree to be monitored in time";
                return Err(Error::new(kind, Delivery::Unknown, text));
            }
            _ => {
                let text = "the connection ended before the server agreed to be monitored";
                return Err(Error::new(ErrorKind::Io, Delivery::Unknown, text));
            }
        };
        reply.into_result().map_err(Error::from)?;
        let mut state = self.state.lock();
        state.is_told = true;
        if state.asked.replace(link.id()).is_some() {
            state.reconnects += 1;
        }
        Ok(())
    }

    fn has_asked(&self, link: &Link) -> bool {
        self.state.lock().asked == Some(link.id())
    }

    fn end(&self, why: Error) {
        self.state.lock().over.get_or_insert(why);
        self.came.notify_all();
    }

    /// The next line, until then; `None`: none came.
    fn next(&self, until: Option<Instant>) -> Result<Option<Vec<u8>>> {
        let mut state = self.state.lock();
        loop {
            if let Some(line) = state.take() {
                return Ok(Some(line));
            }
            if let Some(error) = &state.over {
                return Err(error.clone());
            }
            if until.is_some_and(|until| until <= clock::now()) {
                return Ok(None);
            }
            state = self.came.wait(&self.state, state, until);
        }
    }
}

impl Mailbox for Feed {
    fn push(&self, _link: &Link, push: Push) {
        let Some(Value::Simple(line)) = push.args.into_iter().next() else {
            return;
        };
        self.state.lock().put(line);
        self.came.notify_all();
    }
}

impl Tenant for Feed {
    fn settle_in(&self, link: &Arc<Link>, until: Instant, _stop: &AtomicBool) -> Result<()> {
        let state = self.state.lock();
        if !state.has_begun {
            return Ok(());
        }
        if let Some(error) = &state.over {
            return Err(error.clone());
        }
        drop(state);
        let asked = self.ask(link, until);
        if let Err(error) = &asked {
            // Not `LOADING` and its like, which pass. Where the old connection still tells, it does so to its end.
            let is_refused = matches!(error.kind(), ErrorKind::Server(_));
            let is_lasting = is_refused && error.delivery() != Delivery::NotSent;
            if is_lasting && !self.state.lock().is_told {
                self.end(error.clone());
            }
        }
        asked
    }

    // The engine makes another connection, and has it asked.
    fn lost(&self, link: &Link) {
        let mut state = self.state.lock();
        if state.asked == Some(link.id()) {
            state.is_told = false;
        }
    }

    fn shut(&self, why: Error) {
        self.end(why);
    }
}

impl Monitor {
    /// Blocks while all dedicated connections are taken, while one is made, and until the server has agreed.
    pub(crate) fn new(host: Arc<dyn Host>) -> Result<Self> {
        host.check_process()?;
        let calls = host.calls();
        let pool = calls.pool();
        let patience = calls.command_timeout().unwrap_or(PATIENCE);
        let deadline = Deadline::new(clock::now(), pool.timeout(), Some(patience), false);
        let claim = pool.claim(&deadline)?;
        let entries = Arc::clone(pool.entries());
        let entry = claim.entry().map(Entry::id);
        let entry = entry.ok_or_else(|| entries.closed_error())?;
        let feed = Arc::new(Feed {
            entry,
            patience,
            state: Ranked::new(State::default()),
            came: Condvar::default(),
        });
        // From here on its drop undoes what was begun.
        let mut monitor = Self {
            feed: Arc::clone(&feed),
            claim: None,
            is_over: false,
            host: Arc::clone(&host),
        };
        entries.move_in(entry, Arc::<Feed>::clone(&feed));
        let claim = monitor.claim.insert(claim);
        let has_time = || (deadline.checkout()).is_none_or(|end| end > clock::now());
        loop {
            let link = pool.link_of(claim, deadline.checkout())?;
            // From here on workers ask; one that has not may just have put its link in, which the next look finds.
            feed.state.lock().has_begun = true;
            if feed.has_asked(&link) {
                break;
            }
            match feed.ask(&link, later(clock::now(), patience)) {
                // A worker that did not know of this monitor has ended it: the next one.
                Err(_) if !link.is_open() && has_time() => {
                    pool.lost(&link);
                }
                asked => asked?,
            }
        }
        Ok(monitor)
    }

    /// The next command, if one has come. Never blocks.
    ///
    /// # Errors
    ///
    /// As [`next_within`](Self::next_within).
    pub fn try_next(&mut self) -> Result<Option<MonitorEntry>> {
        self.next_until(Some(clock::now()))
    }

    /// The next command. Blocks until it comes, at most for this time; `None`: none came.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`] after [`Client::close`](crate::Client::close), behind all that had come.
    /// [`ErrorKind::Server`] if a further connection was refused to monitor. [`ErrorKind::Forked`] in a child of
    /// `fork`.
    pub fn next_within(&mut self, time: Duration) -> Result<Option<MonitorEntry>> {
        self.next_until(clock::now().checked_add(time))
    }

    /// How many commands were dropped because they were not taken in time.
    pub fn dropped(&self) -> u64 {
        self.count(|state| state.dropped)
    }

    /// How many further connections were monitored after the first, because of moves and losses.
    pub fn reconnects(&self) -> u64 {
        self.count(|state| state.reconnects)
    }

    /// None in a child of `fork`: a thread of the parent may have been in the lock, and is there for ever.
    fn count(&self, of: impl FnOnce(&State) -> u64) -> u64 {
        if self.host.check_process().is_err() {
            return 0;
        }
        of(&self.feed.state.lock())
    }

    fn next_until(&self, until: Option<Instant>) -> Result<Option<MonitorEntry>> {
        self.host.check_process()?;
        loop {
            let next = self.feed.next(until).inspect_err(|_| {
                // Nobody needs a further connection.
                self.host.calls().pool().entries().move_out(self.feed.entry);
            });
            match next? {
                None => return Ok(None),
                // Lines of another form, of a server that is not known, are no commands.
                Some(line) => {
                    if let Some(entry) = MonitorEntry::parse(&line) {
                        return Ok(Some(entry));
                    }
                }
            }
        }
    }
}

/// Blocks until the next command. Ends with an error, once.
impl Iterator for Monitor {
    type Item = Result<MonitorEntry>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let next = self.next_until(None).transpose();
        self.is_over = !matches!(next, Some(Ok(_)));
        next
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        if self.host.check_process().is_err() {
            // Its locks may be held by threads of the parent, and its connection is the parent's.
            mem::forget(Arc::clone(&self.feed));
            mem::forget(Arc::clone(&self.host));
            mem::forget(self.claim.take());
            return;
        }
        let entries = self.host.calls().pool().entries();
        entries.move_out(self.feed.entry);
        let link = entries.get(self.feed.entry).and_then(Entry::link);
        if let Some(link) = link {
            // It tells until it is closed.
            link.end(EndReason::Closed(CloseReason::LeaseEnded));
        }
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed")
            .field("entry", &self.entry)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor").finish_non_exhaustive()
    }
}

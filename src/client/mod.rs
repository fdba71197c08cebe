//! What a user holds. Reads no socket, decides no move.

mod cancellable;
mod execute;
// Debug builds check the order of locks, and so show whether one is taken.
#[cfg(all(debug_assertions, not(hitless_model)))]
#[cfg(test)]
mod inherited;
mod sessions;
mod stats;

pub use cancellable::Cancellable;
pub use stats::{ConnectionStats, MaintenanceStats, Stats};

use crate::call::Calls;
use crate::clock;
use crate::counters::Counters;
use crate::engine::{Engine, Hooks, NetworkConnector, NewNode, Plan, Snapshot};
use crate::error::{Delivery, Error, ErrorKind, Result};
use crate::events::NotificationHook;
use crate::handoff::later;
use crate::handoff::loading::Loading;
use crate::lane::Lane;
use crate::options::Options;
use crate::pool::{Entries, Entry};
use crate::sync::{self, Arc, JoinHandle, Process, Ranked};
use std::fmt;
use std::io;
use std::mem;
use std::time::Duration;

/// A pool of connections to one Redis server. Cheap to clone; clones share the pool.
///
/// Any number of threads may use one client at the same time. While the server announces
/// maintenance, the connections move under them; nobody waits, and no command is sent twice.
///
/// The threads of the client end with [`close`](Self::close), or when the last clone is dropped.
///
/// # After a fork
///
/// A client belongs to the process that made it. In a child of `fork`, every use of an inherited client is
/// [`ErrorKind::Forked`] ([`Delivery::NotSent`]), and [`close`](Self::close) and the drop of its last
/// clone do nothing: no socket of the parent is read, written or shut down, no lock is touched that a
/// thread of the parent may have held. Make a client of its own in the child: that works. A
/// fork is noticed by a count that `pthread_atfork` keeps, which costs a command about a nanosecond.
#[derive(Clone)]
pub struct Client(Arc<Shared>);

struct Shared {
    /// The process that made the client. Compared before anything else here is touched.
    process: Process,
    options: Options,
    calls: Calls,
    entries: Arc<Entries>,
    engine: Engine,
    counters: Arc<Counters>,
    hooks: Hooks,
    lane: Lane,
    /// Taken by whoever closes first.
    coordinator: Ranked<Option<JoinHandle<()>>, 4>,
}

impl Client {
    /// Starts a client and makes one connection, so that a wrong address or password shows at once.
    ///
    /// Blocks until that connection is ready, or [`Options::connect_timeout`] has passed. A server that
    /// is reading its data (`LOADING`) is tried again until then. Further connections are made when
    /// threads need them.
    ///
    /// ```no_run
    /// use hitless::{Client, Commands};
    ///
    /// let client = Client::connect("redis://127.0.0.1:6379")?;
    /// client.set("greeting", "hello")?;
    /// let greeting: String = client.get("greeting")?;
    /// # Ok::<(), hitless::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] for options that cannot work; it names the option.
    /// [`ErrorKind::Connect`], [`ErrorKind::Timeout`], [`ErrorKind::Tls`] or [`ErrorKind::Server`] if
    /// no connection could be made. No thread is left behind.
    pub fn connect<O>(options: O) -> Result<Self>
    where
        O: TryInto<Options>,
        O::Error: Into<Error>,
    {
        let client = Self::lazy(options)?;
        client.await_first()?;
        Ok(client)
    }

    /// Waits for the first connection, and for a server that is reading its data.
    fn await_first(&self) -> Result<()> {
        let deadline = later(clock::now(), self.0.options.connect_timeout);
        let mut loading = Loading::new(deadline, fastrand::u64(..));
        let mut said = None;
        loop {
            let left = deadline.saturating_duration_since(clock::now());
            // The dial itself ends at the connect timeout, and says best why.
            let patience = left.saturating_add(Duration::from_secs(1));
            let Err(error) = self.0.calls.pool().checkout_first(patience) else {
                return Ok(());
            };
            let again = match error.code() {
                Some("LOADING") => loading.handle_loading(clock::now()),
                _ => None,
            };
            // Every other failure ends the start: a wrong password does not become right by waiting.
            let Some(again) = again else {
                // Why it was waited for says more than that the time is over.
                let is_over = error.is_timeout();
                return Err(said.filter(|_| is_over).unwrap_or(error));
            };
            said = Some(error);
            sync::pause(again);
        }
    }

    /// Starts a client that makes its first connection when the first command needs it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] for options that cannot work; it names the option.
    pub fn lazy<O>(options: O) -> Result<Self>
    where
        O: TryInto<Options>,
        O::Error: Into<Error>,
    {
        let options = options.try_into().map_err(Into::into)?;
        // Before the first thread is started.
        options.check()?;
        let counters = Arc::new(Counters::default());
        let lane = Lane::new(Arc::clone(&counters));
        let connector = NetworkConnector::new(&options, Arc::clone(&counters), lane.clone())?;
        let hooks = Hooks::new(Arc::clone(&counters), lane.clone());
        let plan = Plan::of(
            &options,
            Arc::new(connector),
            Arc::clone(&counters),
            lane.clone(),
            hooks.clone(),
        );
        let (engine, coordinator) = Engine::start(plan).map_err(no_thread)?;
        let pool = engine.add_node(NewNode::of(&options));
        let entries = Arc::clone(pool.entries());
        let calls = Calls::new(
            pool,
            Arc::clone(&counters),
            options.command_timeout,
            options.connect_retries,
        );
        let coordinator = Ranked::new(Some(coordinator));
        // Added before the client is handed out, so that none of them misses a notification.
        let first = options.maintenance.hooks.clone();
        let shared = Shared {
            process: Process::current(),
            options,
            calls,
            entries,
            engine,
            counters,
            hooks,
            lane,
            coordinator,
        };
        let client = Self(Arc::new(shared));
        // An early return drops the client, which ends its threads.
        for hook in first {
            client.add_hook(hook)?;
        }
        Ok(client)
    }

    /// Closes all connections and ends all threads of the client. Commands that wait for a reply
    /// fail with [`ErrorKind::Closed`]; so do all later ones, of every clone.
    ///
    /// Blocks until the threads have ended: at most 1 s, whatever they do. A second call returns at
    /// once.
    pub fn close(&self) {
        self.0.close();
    }

    /// Adds a hook that watches and steers maintenance. Hooks run in the order in which they were
    /// added; a hook cannot be taken out again. Does nothing on a closed client.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] if the client was made with [`Mode::Disabled`](crate::Mode::Disabled), in
    /// which a hook would never be called. [`ErrorKind::Io`] if the system refuses the thread on which hooks run.
    pub fn add_hook(&self, hook: Arc<dyn NotificationHook>) -> Result<()> {
        self.check_process()?;
        self.0.options.maintenance.check_can_hook()?;
        self.0
            .hooks
            .add(hook, &self.0.engine.inbox)
            .map_err(no_thread)
    }

    /// How maintenance stands: the handoffs that go on, open windows, breakers, and numbers.
    ///
    /// Asks the coordinator, and waits for its answer for at most 1 s; of a closed client only the
    /// numbers are known, and likewise in a child of `fork`.
    pub fn maintenance(&self) -> MaintenanceStats {
        if self.0.is_inherited() {
            return MaintenanceStats::of(Snapshot::default(), &self.0.counters);
        }
        let (reply, answer) = sync::oneshot();
        // A coordinator that has ended would never answer.
        let asked = !self.0.entries.is_closed() && self.0.engine.inbox.inspect(reply);
        let deadline = clock::now().checked_add(Duration::from_secs(1));
        let snapshot = if asked {
            answer.receive(deadline).unwrap_or_default()
        } else {
            Snapshot::default()
        };
        MaintenanceStats::of(snapshot, &self.0.counters)
    }

    /// What the client has done and is doing, in numbers. Never blocks. In a child of `fork`: what the
    /// numbers were at the fork, without the connections.
    pub fn stats(&self) -> Stats {
        let (shared, dedicated): (&[Entry], &[Entry]) = if self.0.is_inherited() {
            (&[], &[])
        } else {
            (self.0.entries.shared(), self.0.entries.dedicated())
        };
        Stats::of(shared, dedicated, &self.0.counters)
    }

    /// The options that the client was made with.
    pub fn options(&self) -> &Options {
        &self.0.options
    }
}

fn no_thread(source: io::Error) -> Error {
    let text = "the system refused a thread for the client";
    Error::new(ErrorKind::Io, Delivery::NotSent, text).with_source(source)
}

impl Client {
    /// Before the first lock or flag of the client is touched.
    #[inline]
    fn check_process(&self) -> Result<()> {
        if self.0.is_inherited() {
            return Err(Error::forked());
        }
        Ok(())
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if self.0.is_inherited() {
            // Its parts have locks that a thread of the parent may hold, and handles of threads that are
            // not in this process: none of them may be dropped here. The memory is the fork's.
            mem::forget(Arc::clone(&self.0));
        }
    }
}

impl Shared {
    /// Whether this process is a fork of the one that made the client.
    #[inline]
    fn is_inherited(&self) -> bool {
        self.process.has_forked()
    }

    fn close(&self) {
        if self.is_inherited() {
            return;
        }
        let Some(coordinator) = self.coordinator.lock().take() else {
            return;
        };
        // Callers see the end at once, even if the coordinator is behind.
        self.entries.shut();
        self.engine.inbox.close();
        // On the threads of the hooks and of the lane, which the coordinator waits for, nobody is waited
        // for.
        let is_ours = self.hooks.is_current() || self.lane.is_current();
        if coordinator.thread().id() != sync::current().id() && !is_ours {
            // A coordinator that panicked has ended all the same.
            let _ = coordinator.join();
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("endpoint", &self.0.options.endpoint)
            .finish_non_exhaustive()
    }
}

const _: () = {
    const fn shareable<T: Clone + Send + Sync + 'static>() {}
    shareable::<Client>();
};

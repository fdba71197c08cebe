//! A connection for one user alone. Chooses no connection: the pool does; decides nothing about its state: the
//! state does.

mod effect;
mod hearing;
mod state;
mod way;

pub use hearing::Invalidation;

use super::Host;
use crate::call::Held;
use crate::clock;
use crate::command::table::Dispatch;
use crate::command::{Cmd, Commands, Executor, Pipeline, ToArgs, cmd, millis_up};
use crate::error::{CloseReason, Delivery, Error, ErrorKind, Result};
use crate::link::{Deadline, EndReason, Outcome, Request};
use crate::pool::{Entry, Listener, OwnedClaim};
use crate::protocol::{Protocol, Value};
use crate::sync::Arc;
use effect::{Effect, Judged, Setting, judge};
use hearing::Hearing;
use state::{LeaseState, Return, Undo};
use std::cell::{Cell, RefCell};
use std::fmt;
use std::mem;
use std::time::{Duration, Instant};
use way::{CameTo, Way};

/// How long the end of a lease waits for the server to take back what the lease has changed, at most.
const UNDO: Duration = Duration::from_secs(1);

/// A connection for one user alone, until it is dropped: for `WATCH`, `SELECT`, `CLIENT NO-EVICT`, `WAIT` after
/// writes of one's own, and everything else that changes a connection or asks about it.
///
/// Made by [`Client::lease`](crate::Client::lease). It has all methods of [`Commands`], and runs
/// [`Pipeline`]s. `Send`, not `Sync`: one thread at a time.
///
/// ```no_run
/// use hitless::{Client, Commands, pipe};
/// use std::time::Duration;
///
/// # let client = Client::connect("redis://127.0.0.1")?;
/// let lease = client.lease()?;
/// lease.set("order:7", "paid")?;
/// // Replicas that have what this connection has written.
/// let replicas = lease.wait(1, Duration::from_millis(500))?;
///
/// lease.select(2)?;
/// lease.set("in database 2", replicas)?;
/// // Dropped: database 0 again, and the connection serves the next lease.
/// # Ok::<(), hitless::Error>(())
/// ```
///
/// # While the server moves
///
/// Between two commands a lease goes to the new connection as soon as there is one, and in the middle of one that
/// blocks on the server (`BLPOP` and its like, not `WAIT`), which is given up there and asked again. It takes along
/// the database, `NO-EVICT` and `NO-TOUCH`; so it does when its connection is lost. While keys are watched, a
/// `MULTI` is open, or something else was changed (another user, tracking, a name), it stays on the old connection,
/// which goes on serving it until the server closes it. What then is lost is told before anything is sent:
///
/// | lost | what fails | what goes on |
/// |---|---|---|
/// | `WATCH` | `MULTI`, `EXEC` or an atomic pipeline, with [`CloseReason::WatchLost`] | all other commands; after that, everything |
/// | an open `MULTI` | every command up to `EXEC` or `DISCARD`, with [`CloseReason::StateLost`] | everything after that |
/// | anything else | every command, with [`CloseReason::StateLost`] | nothing: take a new lease |
///
/// All of these are [`Delivery::NotSent`]. Whatever ends a transaction and may have been executed has ended it: what
/// comes next belongs to another. Transactions do not nest: an atomic pipeline within a `MULTI` is refused. A
/// transaction is refused like that already when the connection is about to be closed: 1 s before, or a quarter of
/// the announced time if that is less.
///
/// # At its end
///
/// The connection goes to the next lease as it was: `UNWATCH`, `DISCARD` and the settings' counterparts are sent and
/// waited for, 1 s at most. After a command that has no counterpart (`AUTH`, `CLIENT TRACKING`, `CLIENT SETNAME`, a
/// command that this client does not know) or that had no reply, the connection is closed instead.
///
/// # What it refuses
///
/// [`ErrorKind::Usage`], unsent: `CLIENT REPLY`, which shifts the replies of others; `HELLO`, `RESET` and `QUIT`,
/// which end what the client has agreed on; `SUBSCRIBE` and its like
/// ([`Client::subscriber`](crate::Client::subscriber)); `MONITOR` ([`Client::monitor`](crate::Client::monitor));
/// replication. What `CLIENT TRACKING` has the server tell comes by
/// [`next_invalidation_within`](Self::next_invalidation_within).
pub struct Lease {
    /// `None` at its end only.
    inner: RefCell<Option<Inner>>,
}

struct Inner {
    /// The connection of the last command. Let go before the claim: whoever gets the entry next finds its link free.
    held: Option<Held>,
    claim: OwnedClaim,
    state: LeaseState<Cmd>,
    /// What was told of keys that have changed, once somebody wants to know.
    hearing: Option<Arc<Hearing>>,
    /// Last: the client lives as long as its leases.
    host: Arc<dyn Host>,
}

impl Lease {
    /// Blocks while all dedicated connections are taken, and while one is made.
    pub(crate) fn new(host: Arc<dyn Host>) -> Result<Self> {
        host.check_process()?;
        let calls = host.calls();
        let pool = calls.pool();
        let timeout = pool.timeout();
        let deadline = Deadline::new(clock::now(), timeout, calls.command_timeout(), false);
        let claim = pool.claim(&deadline)?;
        // Made now, so that an error shows here and not with the first command.
        pool.link_of(&claim, deadline.checkout())?;
        Ok(Self {
            inner: RefCell::new(Some(Inner {
                held: None,
                claim,
                state: LeaseState::new(),
                hearing: None,
                host,
            })),
        })
    }

    /// Watches keys: the next transaction on this lease is executed only if none of them has changed by then.
    /// Read after it, not before.
    ///
    /// ```no_run
    /// use hitless::{Client, Commands, ErrorKind, pipe};
    ///
    /// # let client = Client::connect("redis://127.0.0.1")?;
    /// let lease = client.lease()?;
    /// lease.watch("stock")?;
    /// let left: i64 = lease.get("stock")?;
    /// let mut order = pipe();
    /// order.atomic().set("stock", left - 1);
    /// match order.exec(&lease) {
    ///     Err(error) if *error.kind() == ErrorKind::Conflict => println!("sold meanwhile"),
    ///     outcome => outcome?,
    /// }
    /// # Ok::<(), hitless::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of every command. Within a `MULTI` the server's.
    pub fn watch(&self, keys: impl ToArgs) -> Result<()> {
        cmd("WATCH").args(keys).exec(self)
    }

    /// Watches nothing any more, also what was lost.
    ///
    /// # Errors
    ///
    /// Those of every command.
    pub fn unwatch(&self) -> Result<()> {
        cmd("UNWATCH").exec(self)
    }

    /// Uses another database from now on. The lease takes it along when it moves.
    ///
    /// # Errors
    ///
    /// Those of every command; the server's for a number that it does not have.
    pub fn select(&self, database: u32) -> Result<()> {
        cmd("SELECT").arg(database).exec(self)
    }

    /// Waits until so many replicas have what this lease has written on its connection, up to `timeout`, in steps of
    /// 1 ms (zero: for ever). Yields how many have it, which may be fewer or more. What was written on a
    /// connection before a move is not asked about.
    ///
    /// # Errors
    ///
    /// Those of every command; it may take `timeout` on top of its own time.
    pub fn wait(&self, replicas: u64, timeout: Duration) -> Result<u64> {
        let millis = millis_up(timeout);
        cmd("WAIT").arg(replicas).arg(millis).query(self)
    }

    /// As [`wait`](Self::wait), until it is in the append-only files of this server (`local`) and of so many
    /// replicas: of servers that are this one, 0 or 1, and of replicas. Redis 7.2, Valkey 7.2.
    ///
    /// # Errors
    ///
    /// As [`wait`](Self::wait); the server's if it is to wait for a file that it does not keep.
    pub fn waitaof(&self, local: bool, replicas: u64, timeout: Duration) -> Result<(u64, u64)> {
        let millis = millis_up(timeout);
        let command = cmd("WAITAOF").arg(local).arg(replicas).arg(millis);
        command.query(self)
    }

    /// What the server tells next of keys that have changed, after `CLIENT TRACKING ON`. Blocks until it tells
    /// something, at most for this time; `None`: it told nothing.
    ///
    /// What it tells waits here also while commands run, in the order of the wire; of more than 65,536 keys that are
    /// not taken, [`Invalidation::Everything`] is left. Without tracking nothing ever comes.
    ///
    /// ```no_run
    /// use hitless::{Client, Commands, Invalidation, cmd};
    /// use std::time::Duration;
    ///
    /// # let client = Client::connect("redis://127.0.0.1")?;
    /// let lease = client.lease()?;
    /// cmd("CLIENT TRACKING ON").exec(&lease)?;
    /// let mut price: Option<String> = lease.get("price")?;
    /// while let Some(changed) = lease.next_invalidation_within(Duration::from_secs(60))? {
    ///     // Read again, which also has the server tell of the next change.
    ///     price = lease.get("price")?;
    ///     println!("{changed:?}: {price:?}");
    /// }
    /// # Ok::<(), hitless::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Closed`] with [`CloseReason::StateLost`] once the connection that had asked for tracking has ended,
    /// also by a move, behind all that had come: whatever is cached by then must be thrown away.
    /// [`ErrorKind::Usage`] on a connection that speaks RESP2, in which servers tell nothing.
    pub fn next_invalidation_within(&self, time: Duration) -> Result<Option<Invalidation>> {
        self.next_invalidation(clock::now().checked_add(time))
    }

    /// What the server has told of keys that have changed, if anything has come. Never blocks.
    ///
    /// # Errors
    ///
    /// As [`next_invalidation_within`](Self::next_invalidation_within).
    pub fn try_next_invalidation(&self) -> Result<Option<Invalidation>> {
        self.next_invalidation(Some(clock::now()))
    }

    fn next_invalidation(&self, until: Option<Instant>) -> Result<Option<Invalidation>> {
        let hearing = self.with(|inner| Ok(inner.hear()))?;
        loop {
            let (told, ends) = hearing.take();
            if told.is_some() {
                return Ok(told);
            }
            if let Err(error) = self.with(Inner::check_hearing) {
                // Between the two looks more may have come, which is told first.
                return hearing.take().0.map_or(Err(error), |told| Ok(Some(told)));
            }
            if !hearing.wait(ends, until) {
                return Ok(None);
            }
        }
    }

    /// What was watched on a connection that has ended is of no concern any more: all is watched again.
    pub(super) fn forget_lost_watch(&self) {
        let mut inner = self.inner.try_borrow_mut();
        if let Some(inner) = inner.as_deref_mut().ok().and_then(Option::as_mut) {
            inner.state.forget_lost_watch();
        }
    }

    /// Calls `work` on the inner part, in the process that made it.
    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> Result<T>) -> Result<T> {
        let mut inner = self.inner.try_borrow_mut();
        let Some(inner) = inner.as_deref_mut().ok().and_then(Option::as_mut) else {
            return Err(Error::usage("not sent: the lease is in use"));
        };
        inner.host.check_process()?;
        work(inner)
    }
}

impl Inner {
    /// Lets a command pass, or says why it must not be sent.
    fn admit(&mut self, effect: Effect) -> Result<()> {
        // The end of a connection shows before anything is sent on the next.
        if (self.held.as_ref()).is_some_and(|link| !link.is_open() && !link.is_draining()) {
            self.leave();
        }
        let ends_soon = self.held.as_ref().is_some_and(|link| link.is_last_call());
        let Err(reason) = self.state.admit(effect, ends_soon) else {
            return Ok(());
        };
        if reason == CloseReason::WatchLost {
            // Its keys are watched on, and it is closed soon: the lease goes to another connection at once.
            self.destroy();
        }
        let text = match reason {
            CloseReason::WatchLost => {
                "not sent: the connection on which the keys were watched is closed, or about to be; watch them again, \
                 and try again"
            }
            _ => {
                "not sent: the connection of the lease has ended, and with it what the lease had set there; take a new \
                 lease, or end the transaction"
            }
        };
        let error = Error::new(ErrorKind::Closed(reason), Delivery::NotSent, text);
        Err(error)
    }

    /// Keeps what the server tells of keys that have changed, from now on.
    fn hear(&mut self) -> Arc<Hearing> {
        if let Some(hearing) = &self.hearing {
            return Arc::clone(hearing);
        }
        let hearing = Arc::new(Hearing::new());
        self.listen(Some(Arc::clone(&hearing)));
        Arc::clone(self.hearing.insert(hearing))
    }

    fn listen(&self, listener: Option<Arc<Hearing>>) {
        if let Some(entry) = self.claim.entry().map(Entry::id) {
            let listener = listener.map(|listener| listener as Arc<dyn Listener>);
            self.host.calls().pool().entries().listen(entry, listener);
        }
    }

    /// Whether the server may still tell something.
    fn check_hearing(&mut self) -> Result<()> {
        self.admit(Effect::None)?;
        let speaks = self.held.as_ref().map(|link| link.protocol());
        if speaks == Some(Protocol::Resp2) {
            return Err(Error::usage(
                "this connection speaks RESP2, in which a server tells nothing of keys that have changed: connect \
                 with RESP3 (Options::protocol), or redirect tracking to a subscriber of __redis__:invalidate",
            ));
        }
        Ok(())
    }

    /// Between two commands a lease that may move keeps no replaced connection open.
    fn let_go(&mut self) {
        if !self.state.stays() {
            if let Some(held) = &mut self.held {
                held.release();
            }
        }
    }

    /// The connection of the lease is no more, or another's.
    fn leave(&mut self) {
        if let Some(link) = self.held.take() {
            self.claim.lost(&link);
        }
        self.state.lose();
    }

    /// Nobody is to have this connection any more.
    fn destroy(&mut self) {
        if let Some(link) = &self.held {
            link.end(EndReason::Closed(CloseReason::LeaseEnded));
        }
        self.leave();
    }

    /// Sends by way of `send`, and takes note of what came of it.
    fn send<T>(&mut self, send: impl FnOnce(&Arc<dyn Host>, &Way<'_>) -> T) -> (T, CameTo) {
        let way = Way {
            host: &self.host,
            claim: &self.claim,
            state: &self.state,
            held: RefCell::new(&mut self.held),
            came_to: Cell::new(CameTo::default()),
        };
        let sent = send(&self.host, &way);
        let came_to = way.came_to.get();
        if came_to.is_lost {
            // A reply that may still come is nobody's: the connection goes.
            self.destroy();
        }
        (sent, came_to)
    }

    fn execute(&mut self, command: &Cmd) -> Result<Value> {
        let database = self.host.database();
        let Judged {
            effect,
            blocks,
            hears,
        } = judge(command, database).map_err(|why| Error::usage(format!("not sent: {why}")))?;
        // Before the first byte: what is lost must be told while it is `NotSent`.
        self.admit(effect)?;
        if hears {
            // Before it is sent: the first word may come right behind the reply.
            self.hear();
        }
        // Asked before anything is watched: a transaction that asks would end the watch.
        let is_gated = effect == Effect::Watch;
        // One that asks about what was sent before it (WAIT) means nothing on another connection.
        let moves = !self.state.stays() && matches!(command.dispatch(), Dispatch::Exclusive(_));
        let (result, came_to) = self.send(|host, way| match blocks {
            Some(own) if moves => way.carry_blocking(command, own),
            _ => host.calls().execute_by(way, command, blocks, is_gated),
        });
        if came_to.is_lost {
            let may_have_run = is_unknown(&result);
            self.state.note_unanswered(effect, may_have_run);
        } else if is_answer(&result) {
            self.state.note(effect, result.is_err(), || command.clone());
        }
        self.let_go();
        result
    }

    fn execute_pipeline(&mut self, pipeline: &Pipeline) -> Vec<Result<Value>> {
        let effect = if pipeline.atomic {
            Effect::Exec
        } else if pipeline.unknown().is_empty() {
            Effect::None
        } else {
            Effect::Stays
        };
        if let Err(error) = self.admit(effect) {
            return vec![Err(error); pipeline.len()];
        }
        if pipeline.atomic && self.state.is_queueing() {
            // The server would refuse its MULTI, queue its commands, and execute all with its EXEC.
            let text = "not sent: a MULTI is open on this lease, and transactions do not nest: end it first (EXEC, \
                        DISCARD)";
            return vec![Err(Error::usage(text)); pipeline.len()];
        }
        let (results, came_to) =
            self.send(|host, carrier| host.calls().execute_pipeline_by(carrier, pipeline));
        if came_to.is_lost {
            let may_have_run = results.iter().any(is_unknown);
            self.state.note_unanswered(effect, may_have_run);
        } else if results.iter().all(is_answer) {
            // Without its MULTI the server has refused EXEC, and watches on.
            let is_error = pipeline.atomic && !came_to.is_okay;
            self.state.note(effect, is_error, || cmd(""));
        }
        self.let_go();
        results
    }

    /// Gives the connection back as it was, or not at all.
    fn end(&mut self) {
        let Some(link) = self.held.as_ref() else {
            return;
        };
        // It ends by itself, and nobody else gets it.
        if !link.is_open() {
            return;
        }
        let undo = match self.state.at_return() {
            Return::Clean => return,
            Return::Destroy => return self.destroy(),
            Return::Undo(undo) => undo,
        };
        let mut bytes = Vec::new();
        for step in &undo {
            counterpart(*step, self.host.database()).write_to(&mut bytes);
        }
        let own = self.host.calls().command_timeout();
        let limit = Some(own.map_or(UNDO, |own| own.min(UNDO)));
        let deadline = Deadline::new(clock::now(), limit, limit, false);
        let request = Request {
            parts: bytes.as_slice().into(),
            replies: undo.len(),
        };
        // Whatever else a server says, nobody knows what state it has left.
        let is_fine = match link.call_leased(request, &deadline) {
            Ok(Outcome::One(value)) => value.plain().is_okay(),
            Ok(Outcome::Many(values)) => values.iter().all(|value| value.plain().is_okay()),
            Ok(Outcome::Failed(_)) | Err(_) => false,
        };
        if !is_fine {
            self.destroy();
        }
    }
}

/// Whether the server has answered, with whatever it was.
fn is_answer(result: &Result<Value>) -> bool {
    match result {
        Ok(_) => true,
        Err(error) => error.delivery() != Delivery::NotSent || error.server_error().is_some(),
    }
}

/// Whether the command may have been executed without a reply.
fn is_unknown(result: &Result<Value>) -> bool {
    (result.as_ref()).is_err_and(|error| error.delivery() == Delivery::Unknown)
}

/// The command that takes this part of the state back.
fn counterpart(undo: Undo, database: u32) -> Cmd {
    match undo {
        Undo::Discard => cmd("DISCARD"),
        Undo::Unwatch => cmd("UNWATCH"),
        Undo::Setting(Setting::Database) => cmd("SELECT").arg(database),
        Undo::Setting(Setting::NoEvict) => cmd("CLIENT NO-EVICT OFF"),
        Undo::Setting(Setting::NoTouch) => cmd("CLIENT NO-TOUCH OFF"),
    }
}

impl Executor for Lease {
    fn execute(&self, command: &Cmd) -> Result<Value> {
        self.with(|inner| inner.execute(command))
            .map_err(|error| error.with_command(command.full_name()))
    }

    fn execute_pipeline(&self, pipeline: &Pipeline) -> Vec<Result<Value>> {
        pipeline.results(|| {
            let sent = self.with(|inner| Ok(inner.execute_pipeline(pipeline)));
            sent.unwrap_or_else(|error| vec![Err(error); pipeline.len()])
        })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(mut inner) = self.inner.get_mut().take() else {
            return;
        };
        // In a child of `fork` nothing of the client may be touched: the memory is the fork's.
        if inner.host.check_process().is_err() {
            return mem::forget(inner);
        }
        inner.end();
        if inner.hearing.is_some() {
            inner.listen(None);
        }
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").finish_non_exhaustive()
    }
}

const _: () = {
    const fn sendable<T: Send + Commands>() {}
    sendable::<Lease>();
};

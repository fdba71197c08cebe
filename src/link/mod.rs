//! One connection: many callers, one socket, one reader thread. Does not dial, choose an entry, retry
//! or interpret a push.
//!
//! ```text
//!   caller A --+   append bytes + waiter      +-- writer: whoever finds none writes all
//!   caller B --+-> [ InFlight, lock 3 ] --------+
//!   caller C --+                              +-- reader: the first caller that waits,
//!                                                 else the reader thread
//! ```
//!
//! - A caller appends its request and its waiter under one short lock, so that both have the order
//!   of the wire.
//! - Whoever finds no writer at work writes everything that is queued, outside the lock. A caller whose
//!   request was written by then writes nothing: what others have appended since, they write themselves.
//!   On a crowded link a caller lets the others append before it looks, so that they share a write.
//! - The first caller that waits takes the read role, reads and decodes for all, and passes the role
//!   on when its own reply has come.
//! - The reader thread waits for readability while nobody else reads. On a busy link it sleeps, and
//!   looks again after a quiet spell that grows to 50 ms.

mod alone;
mod deadline;
mod digest;
mod end_reason;
mod flow;
mod in_flight;
mod inbound;
mod last_call;
mod monitor;
mod parts;
mod probe;
mod pulse;
mod reader;
mod receive;
mod relaxed_until;
mod routes;
mod subscribe;
mod waiter;
mod writing;

#[cfg(test)]
#[allow(dead_code, reason = "tests and models use parts of it each")]
pub(crate) mod fake;
#[cfg(all(test, hitless_model))]
pub(crate) mod model;
#[cfg(all(test, not(hitless_model)))]
mod tests;

pub(crate) use deadline::Deadline;
pub(crate) use end_reason::{EndReason, what_broke};
pub(crate) use flow::would_block;
pub(crate) use in_flight::{Failure, Outcome, Ticket};
pub(crate) use inbound::{Inbound, LARGE};
pub(crate) use parts::Parts;
pub(crate) use pulse::Pulse;
pub(crate) use relaxed_until::Relaxed;
pub(crate) use routes::{Mailbox, Routes, Supervisor, is_invalidation};

use crate::clock;
use crate::error::CloseReason;
use crate::ids::{ConnectionName, EntryId, LinkId, NodeId};
use crate::protocol::{Endpoint, Maintenance, Protocol};
use crate::sync::{self, Arc, AtomicBool, AtomicU64, Condvar, JoinHandle, Ordering, Ranked};
use crate::transport::Wire;
use in_flight::InFlight;
use last_call::LastCall;
use relaxed_until::RelaxedUntil;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use waiter::Handle;

/// Commands in the form of the wire.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) parts: Parts<'a>,
    /// How many replies will come; at least 1.
    pub(crate) replies: usize,
}

/// The link accepted nothing: it was retired, condemned or had ended before, as
/// [`refusal`](Link::refusal) says.
#[derive(Debug)]
pub(crate) struct Unaccepted;

/// One authenticated connection.
pub(crate) struct Link {
    id: LinkId,
    /// The place in the pool that it serves. The link passes it on and does nothing with it.
    entry: EntryId,
    wire: Box<dyn Wire>,
    /// What was asked for when it was dialled.
    via: Endpoint,
    opted_in: bool,
    protocol: Protocol,
    in_flight: Ranked<InFlight<Handle>, 3>,
    /// The reader thread sleeps here.
    reader_wakeup: Condvar,
    routes: Routes,
    /// It has subscribed and speaks RESP2, so that messages come as arrays. Set before the first such request
    /// is appended, and never cleared.
    subscribed: AtomicBool,
    /// The server tells what it executes, in replies that nobody has asked for. As `subscribed`.
    monitors: AtomicBool,
    /// What was reported, a bit for each kind. Only who has the read role writes it.
    estranged: AtomicU64,
    /// By which number the server knows it; 0: not known, `u64::MAX`: not to be found out.
    client_id: AtomicU64,
    relaxed_until: RelaxedUntil,
    last_call: LastCall,
    pulse: Pulse,
    reader: Ranked<Option<JoinHandle<()>>, 4>,
}

/// What a new link is made of.
pub(crate) struct NewLink {
    pub(crate) id: LinkId,
    pub(crate) node: NodeId,
    pub(crate) entry: EntryId,
    pub(crate) wire: Box<dyn Wire>,
    pub(crate) inbound: Inbound,
    pub(crate) via: Endpoint,
    pub(crate) opted_in: bool,
    pub(crate) protocol: Protocol,
    /// By which number the server knows it, if it has said so.
    pub(crate) client_id: Option<u64>,
    pub(crate) routes: Routes,
    /// The timeouts in a window.
    pub(crate) relaxed: Relaxed,
}

/// What is left to do when a link has ended under its lock.
struct Ending {
    was_open: bool,
    /// Whose outcome was delivered, and who is to be woken.
    failed: Vec<Handle>,
}

impl Link {
    /// Makes a link and starts its reader thread, which reads nothing before
    /// [`open_gate`](Self::open_gate).
    pub(crate) fn start(new: NewLink) -> io::Result<Arc<Self>> {
        let now = clock::now();
        let link = Arc::new(Self {
            id: new.id,
            entry: new.entry,
            wire: new.wire,
            via: new.via,
            opted_in: new.opted_in,
            protocol: new.protocol,
            in_flight: Ranked::new(InFlight::new(Box::new(new.inbound))),
            reader_wakeup: Condvar::default(),
            routes: new.routes,
            subscribed: AtomicBool::new(false),
            monitors: AtomicBool::new(false),
            estranged: AtomicU64::new(0),
            client_id: AtomicU64::new(new.client_id.unwrap_or(0)),
            relaxed_until: RelaxedUntil::new(now, new.relaxed),
            last_call: LastCall::new(now),
            pulse: Pulse::default(),
            reader: Ranked::new(None),
        });
        let reader = Arc::clone(&link);
        let name = ConnectionName {
            node: new.node,
            entry: new.entry,
        };
        // Short, because Linux keeps 15 bytes of a name (pthread_setname_np(3)).
        let thread = sync::spawn(format!("hitless-r{name}"), move || reader.read_always())?;
        *link.reader.lock() = Some(thread);
        Ok(link)
    }

    pub(crate) fn id(&self) -> LinkId {
        self.id
    }

    pub(crate) fn entry(&self) -> EntryId {
        self.entry
    }

    pub(crate) fn peer(&self) -> Option<SocketAddr> {
        self.wire.peer()
    }

    pub(crate) fn via(&self) -> &Endpoint {
        &self.via
    }

    pub(crate) fn opted_in(&self) -> bool {
        self.opted_in
    }

    pub(crate) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// By which number the server knows it. An error: that was not found out; whether it was tried.
    pub(crate) fn client_id(&self) -> Result<u64, bool> {
        match self.client_id.load(Ordering::Relaxed) {
            0 => Err(false),
            u64::MAX => Err(true),
            id => Ok(id),
        }
    }

    /// The server was asked for the number, and has said it or not.
    pub(crate) fn set_client_id(&self, id: Option<u64>) {
        self.client_id
            .store(id.unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// What it shows to callers that choose a link.
    #[inline]
    pub(crate) fn pulse(&self) -> &Pulse {
        &self.pulse
    }

    /// Relaxes the timeouts of all who wait or will wait, until `until`, which replaces what was said
    /// before. Never tightens. Called by the coordinator.
    pub(crate) fn relax(&self, until: Instant, cause: Option<Maintenance>) {
        self.relaxed_until.set(until, cause);
    }

    /// Whether timeouts are relaxed.
    pub(crate) fn is_relaxed(&self, now: Instant) -> bool {
        self.relaxed_until.is_open(now)
    }

    /// Whether a caller with this limit has any time left at `now`.
    pub(crate) fn has_time(&self, limit: &Deadline, now: Instant) -> bool {
        let deadline = self.relaxed_until.deadline(limit, now);
        deadline.is_none_or(|deadline| now < deadline)
    }

    /// The maintenance to which a failure at `now`, of a command with this timeout, is owed.
    pub(crate) fn blame(&self, now: Instant, timeout: Option<Duration>) -> Option<Maintenance> {
        self.relaxed_until.blame(now, timeout)
    }

    /// The server is about to close the link, which is out of danger at `until`. Called by the coordinator.
    pub(crate) fn call_last(&self, until: Instant) {
        self.last_call.set(until);
    }

    /// Whether the server is about to close the link, serving or draining: work that would outlive it is not to
    /// be begun, nor ended on it where its end could be lost.
    pub(crate) fn is_last_call(&self) -> bool {
        self.last_call.is_on()
    }

    /// Accepts nothing new from now on, answers what was asked, then closes.
    pub(crate) fn retire(&self) {
        self.end_if_finished_by(InFlight::retire);
    }

    /// Reserves the link for a lease: its holder may send requests with [`call_leased`](Self::call_leased)
    /// even after the link was replaced, until [`release`](Self::release) or the end of the link. False:
    /// the link takes no new request, or has a lease.
    pub(crate) fn hold(&self) -> bool {
        self.in_flight.lock().hold()
    }

    /// The lease is over. Called once by whoever [held](Self::hold) the link; a link that was replaced
    /// meanwhile ends now, unless replies are still to come.
    pub(crate) fn release(&self) {
        self.end_if_finished_by(InFlight::release);
    }

    /// Changes what the link is kept for, and ends it if that was the last.
    fn end_if_finished_by(&self, change: fn(&mut InFlight<Handle>)) {
        let mut in_flight = self.in_flight.lock();
        change(&mut in_flight);
        // Judged under the lock and ended without it, because the end calls the supervisor. Another thread may
        // end the link in between: the second end does nothing.
        let finished = in_flight.is_finished();
        drop(in_flight);
        if let Some(reason) = finished {
            self.end(EndReason::Closed(reason));
        }
    }

    /// Closes now, unless a caller still waits for a reply or a lease holds the link. True when it is closed.
    pub(crate) fn close_if_idle(&self, reason: CloseReason) -> bool {
        let mut in_flight = self.in_flight.lock();
        // Retired before the look, so that no request comes between the look and the end.
        in_flight.retire();
        let idle = in_flight.live() == 0 && !in_flight.is_held() || in_flight.has_ended();
        drop(in_flight);
        if idle {
            self.end(EndReason::Closed(reason));
        }
        idle
    }

    /// Ends the link: every caller that waits is told why, the socket is shut, the reader thread
    /// ends. Later calls do nothing.
    pub(crate) fn end(&self, reason: EndReason) {
        let mut in_flight = self.in_flight.lock();
        let ending = end_under(&mut in_flight, &reason);
        drop(in_flight);
        self.finish(ending);
    }

    /// The part of an end that needs no lock.
    fn finish(&self, ending: Option<Ending>) {
        let Some(Ending { was_open, failed }) = ending else {
            return;
        };
        self.wire.shutdown();
        self.reader_wakeup.notify_all();
        // Before callers are woken: one that tries again must not find this link in its entry.
        if was_open {
            self.routes.supervisor.unusable(self);
        }
        failed.iter().for_each(|waiter| waiter.wake());
    }

    /// Whether new commands are accepted.
    pub(crate) fn is_open(&self) -> bool {
        self.in_flight.lock().is_open()
    }

    /// Whether it has ended: the server knows it no more.
    pub(crate) fn has_ended(&self) -> bool {
        self.in_flight.lock().has_ended()
    }

    /// Whether a request has been answered on it, after its opening.
    pub(crate) fn has_answered(&self) -> bool {
        self.in_flight.lock().answered
    }

    /// Why new commands are not accepted.
    pub(crate) fn refusal(&self) -> EndReason {
        self.in_flight.lock().refusal()
    }

    /// Whether it was replaced and finishes what was asked before.
    pub(crate) fn is_draining(&self) -> bool {
        self.in_flight.lock().is_draining()
    }

    /// Waits for the end of the reader thread. Not to be called by that thread, nor before the end of
    /// the link.
    pub(crate) fn join(&self) {
        // Taken out in a statement of its own, so that lock 4 is not held while this thread waits.
        let thread = self.reader.lock().take();
        if let Some(thread) = thread {
            // A reader thread that panicked has ended all the same.
            let _ = thread.join();
        }
    }
}

/// Ends the link as far as callers see it. `None`: it had ended before.
fn end_under(in_flight: &mut InFlight<Handle>, reason: &EndReason) -> Option<Ending> {
    if in_flight.has_ended() {
        return None;
    }
    let was_open = in_flight.is_open();
    let failed = deliver(in_flight.end(reason));
    in_flight.reader_parked = false;
    Some(Ending { was_open, failed })
}

/// Hands callers their outcomes, under lock 3, and says who is to be woken without it.
fn deliver(outcomes: Vec<(Handle, Outcome)>) -> Vec<Handle> {
    let tell = |(waiter, outcome): (Handle, Outcome)| {
        // Rank 3 -> 4.
        waiter.deliver(outcome);
        waiter
    };
    outcomes.into_iter().map(tell).collect()
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("id", &self.id)
            .field("entry", &self.entry)
            .finish_non_exhaustive()
    }
}

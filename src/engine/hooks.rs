//! The thread on which the user's hooks run, and what waits for it. Decides nothing, and holds no lock while
//! a hook runs.
//!
//! ```text
//!   coordinator --Ask, Tell, Event--> tasks (bounded, lock 5) --> hitless-hooks --> the user's hooks
//!        ^                                                            |
//!        '-----------------------------Said---------------------------'
//! ```
//!
//! The coordinator puts a task in and goes on. A hook may take as long as it likes, call the client or add
//! hooks: it delays other hooks and the notification that it was asked about, which is acted upon without it
//! after `hook_timeout`.

use super::inbox::{Inbox, Message};
use crate::clock;
use crate::counters::Counters;
use crate::events::{MaintenanceEvent, Notice, NotificationHook, Reaction, Treatment};
use crate::handoff::announcements::MOST_WEIGHT;
use crate::handoff::bounded::Bounded;
use crate::lane::{Lane, guard, say};
use crate::sync::{self, Arc, AtomicBool, Condvar, JoinHandle, Ordering, Ranked};
use std::fmt;
use std::io;
use std::time::Duration;

/// What may wait for the hooks: questions, outcomes and events, of [`MOST_WEIGHT`] in sum. Beyond that the
/// oldest is dropped.
const MOST_TASKS: usize = 1024;

/// How long a close waits for a hook that is running: half of what the whole close waits for code of the
/// user.
const CLOSE_WITHIN: Duration = Duration::from_millis(300);

/// In the order in which they were added, which is the order of the calls.
type List = Vec<Arc<dyn NotificationHook>>;

/// The hooks of one client. A handle: the client, the coordinator and the thread each have one.
#[derive(Clone)]
pub(crate) struct Hooks(Arc<Shared>);

/// What all handles share.
struct Shared {
    /// Whether there is any hook: spares the coordinator the lock.
    some: AtomicBool,
    /// Held to put a task in or take one out, and to copy the list. The lane is called without it.
    state: Ranked<State, 5>,
    /// Rung when a task was added, when the hooks close and when their thread ends.
    bell: Condvar,
    /// Events that were dropped, hooks that panicked.
    counters: Arc<Counters>,
    /// Where a panic is told.
    lane: Lane,
}

/// What waits, and how far the thread is.
struct State {
    /// Copied for each task, so that a hook may add another meanwhile.
    list: List,
    /// Oldest first, which is also what is dropped when there is too much.
    tasks: Bounded<Task>,
    /// Taken by the close, which joins it if it has ended.
    thread: Option<JoinHandle<()>>,
    /// Whether there is a thread: from the first hook on.
    started: bool,
    /// The client closes: nothing is added, and the thread ends after what is left.
    closed: bool,
    /// Set by the thread as its last act, also by a panic, so that nobody waits for it in vain.
    ended: bool,
}

/// What the thread is to do next.
enum Task {
    /// What do the hooks want done with this notification? The answer goes to the inbox, under the ticket.
    Ask { ticket: u64, notice: Notice },
    /// Something has happened.
    Event(MaintenanceEvent),
    /// This was done with a notification.
    Tell {
        notice: Notice,
        treatment: Treatment,
    },
}

impl Task {
    /// About how much memory it takes, in bytes. The texts of events are names of hosts.
    fn weight(&self) -> usize {
        match self {
            Self::Event(_) => size_of::<Self>(),
            Self::Ask { notice, .. } | Self::Tell { notice, .. } => notice.notification.weight(),
        }
    }
}

/// What the hooks have made of a notification, by message to the coordinator.
#[derive(Debug)]
pub(crate) struct Said {
    /// Of the question, as the announcements gave it.
    pub(crate) ticket: u64,
    /// What all hooks together want.
    pub(crate) reaction: Reaction,
}

impl Hooks {
    /// No hooks, and no thread: the first hook starts it.
    pub(crate) fn new(counters: Arc<Counters>, lane: Lane) -> Self {
        Self(Arc::new(Shared {
            some: AtomicBool::new(false),
            state: Ranked::new(State {
                list: Vec::new(),
                tasks: Bounded::new(MOST_TASKS, MOST_WEIGHT),
                thread: None,
                started: false,
                closed: false,
                ended: false,
            }),
            bell: Condvar::default(),
            counters,
            lane,
        }))
    }

    /// Adds a hook; the first one starts the thread. An error: the system refused it. Any thread may call
    /// this, that of the hooks among them. After the close it does nothing.
    pub(crate) fn add(&self, hook: Arc<dyn NotificationHook>, inbox: &Inbox) -> io::Result<()> {
        let mut state = self.0.state.lock();
        if state.closed {
            return Ok(());
        }
        // Under the lock, so that two first hooks start one thread.
        if !state.started {
            let (hooks, inbox) = (self.clone(), inbox.clone());
            state.thread = Some(sync::spawn("hitless-hooks".to_owned(), move || {
                hooks.run(&inbox)
            })?);
            state.started = true;
        }
        state.list.push(hook);
        self.0.some.store(true, Ordering::Release);
        Ok(())
    }

    /// Whether nobody needs to be asked. Takes no lock: the coordinator looks before each notification.
    pub(crate) fn is_empty(&self) -> bool {
        !self.0.some.load(Ordering::Acquire)
    }

    /// Asks the hooks what to do with a notification. False: there is nobody to ask any more.
    pub(super) fn ask(&self, ticket: u64, notice: Notice) -> bool {
        self.submit(Task::Ask { ticket, notice })
    }

    /// Tells the hooks what was done with a notification. Never blocks.
    pub(super) fn tell(&self, notice: Notice, treatment: Treatment) {
        self.submit(Task::Tell { notice, treatment });
    }

    /// Tells the hooks of an event. Never blocks; without a hook it does nothing.
    pub(super) fn publish(&self, event: MaintenanceEvent) {
        if !self.is_empty() {
            self.submit(Task::Event(event));
        }
    }

    /// Puts a task in and wakes the thread. False: the thread has ended, or is to.
    fn submit(&self, task: Task) -> bool {
        let mut state = self.0.state.lock();
        if state.closed || state.ended {
            return false;
        }
        // Whatever is dropped: a question this old is one that nobody waits for any more.
        let weight = task.weight();
        let dropped = state.tasks.push(task, weight);
        drop(state);
        self.0.counters.events_dropped.add(dropped);
        self.0.bell.notify_all();
        true
    }

    /// The body of the thread: one task after the other, until the close.
    fn run(&self, inbox: &Inbox) {
        let _exit = ExitGuard(&self.0);
        self.0.lane.adopt_thread();
        loop {
            let mut state = self.0.state.lock();
            while state.tasks.is_empty() && !state.closed {
                state = self.0.bell.wait(&self.0.state, state, None);
            }
            let Some(task) = state.tasks.pop() else {
                let list = std::mem::take(&mut state.list);
                drop(state);
                // Values of the user, which may do anything when they are dropped.
                for hook in list {
                    self.guard(|| drop(hook));
                }
                return;
            };
            // References to the hooks: the lock is released before any of them is called.
            let list = state.list.clone();
            drop(state);
            match task {
                Task::Ask { ticket, notice } => {
                    let reaction = self.before(&list, notice);
                    // Not by `post`: the word must not be lost because much else is said.
                    inbox.deliver(Message::Said(Said { ticket, reaction }));
                }
                Task::Event(event) => self.each(&list, |hook| hook.event(&event)),
                Task::Tell { notice, treatment } => {
                    self.each(&list, |hook| hook.after(&notice, treatment));
                }
            }
        }
    }

    /// What all hooks, one after the other, make of a notification. Each sees what the one before has put
    /// in its place; the first that skips it has the last word. One that panics counts as `Continue`.
    fn before(&self, list: &List, mut notice: Notice) -> Reaction {
        let mut changed = false;
        for hook in list {
            match self.guard(|| hook.before(&notice)).unwrap_or_default() {
                Reaction::Continue => {}
                Reaction::Replace(notification) => {
                    changed = true;
                    notice.notification = notification;
                }
                Reaction::Skip => return Reaction::Skip,
            }
        }
        if changed {
            Reaction::Replace(notice.notification)
        } else {
            Reaction::Continue
        }
    }

    /// Calls all hooks in order. The panic of one keeps no other from its call.
    fn each(&self, list: &List, mut call: impl FnMut(&dyn NotificationHook)) {
        for hook in list {
            self.guard(|| call(hook.as_ref()));
        }
    }

    /// Runs a hook; a panic is counted, told as an error, and `None` here.
    fn guard<T>(&self, hook: impl FnOnce() -> T) -> Option<T> {
        let result = guard(hook);
        if result.is_none() {
            self.0.counters.hook_panics.count();
            self.0.counters.user_panics.count();
            say!(self.0.lane, HOOKS, Error, "a notification hook panicked");
        }
        result
    }

    /// Whether the calling thread is the one on which the hooks run. A close on it must not wait for
    /// itself.
    pub(crate) fn is_current(&self) -> bool {
        let state = self.0.state.lock();
        state
            .thread
            .as_ref()
            .is_some_and(|thread| thread.thread().id() == sync::current().id())
    }

    /// Ends the thread, after what waits for the hooks. Called once, by the coordinator. Waits for that,
    /// but for 300 ms at most, and then not for the hook that is running: its thread ends with it.
    pub(super) fn close(&self) {
        let deadline = clock::now().checked_add(CLOSE_WITHIN);
        let mut state = self.0.state.lock();
        state.closed = true;
        self.0.bell.notify_all();
        while state.started && !state.ended {
            // A hook may wait for this very close, by calling `Client::close`.
            if deadline.is_none_or(|deadline| deadline <= clock::now()) {
                break;
            }
            state = self.0.bell.wait(&self.0.state, state, deadline);
        }
        let thread = state.thread.take();
        let ended = state.ended;
        state.tasks.clear();
        drop(state);
        match thread {
            Some(thread) if ended => {
                // A thread of hooks that panicked has ended all the same.
                let _ = thread.join();
            }
            Some(_) => say!(
                self.0.lane,
                HOOKS,
                Warn,
                "a notification hook still runs; its thread ends with it"
            ),
            None => {}
        }
    }
}

/// Says that the thread of the hooks has ended, even by a panic.
struct ExitGuard<'a>(&'a Shared);

impl Drop for ExitGuard<'_> {
    fn drop(&mut self) {
        self.0.state.lock().ended = true;
        self.0.bell.notify_all();
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks")
            .field("some", &!self.is_empty())
            .finish_non_exhaustive()
    }
}

//! What a server tells a lease of keys that have changed: bounded, in the order of the wire. Asks for nothing, and
//! interprets no key.
//!
//! ```text
//!   reader of a link ── push ───> Hearing, one lock ── take ──> Lease, on a thread of the user
//!   whoever notices ─── ended ──> the lease looks whether that was its connection
//! ```

use crate::clock;
use crate::link::{Link, Mailbox};
use crate::pool::Listener;
use crate::protocol::{Push, Value};
use crate::sync::{Condvar, Ranked};
use std::collections::VecDeque;
use std::mem;
use std::time::Instant;

/// So many keys wait to be taken. Of more, all are given up for one [`Invalidation::Everything`], which is true of
/// them.
const CAPACITY: usize = 65_536;

/// What a server tells who has asked for `CLIENT TRACKING`.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Invalidation {
    /// Any key may have changed: after `FLUSHALL` or `FLUSHDB`, or because more than 65,536 keys were not taken in
    /// time.
    Everything,
    /// These keys were written, or have expired. The server forgets them, but for those that `BCAST` asks for.
    Keys(Vec<Vec<u8>>),
    /// The connection that `REDIRECT` named has ended: nothing is told any more.
    RedirectBroken,
}

/// What came and was not taken yet.
#[derive(Debug)]
pub(super) struct Hearing {
    /// Locked by whoever reads a link, for one push, and by the user's thread.
    state: Ranked<State, 4>,
    /// The user's thread waits here.
    came: Condvar,
}

#[derive(Debug, Default)]
struct State {
    told: VecDeque<Invalidation>,
    /// In all of `told`.
    keys: usize,
    /// How many times a connection has ended.
    ends: u64,
}

impl State {
    fn put(&mut self, told: Invalidation) {
        let more = match &told {
            Invalidation::Keys(keys) => keys.len(),
            // Whatever keys are waiting are among everything.
            Invalidation::Everything => usize::MAX,
            Invalidation::RedirectBroken => 0,
        };
        if self.keys.saturating_add(more) > CAPACITY {
            let is_broken = self.told.contains(&Invalidation::RedirectBroken);
            *self = Self {
                ends: self.ends,
                ..Self::default()
            };
            self.told.push_back(Invalidation::Everything);
            if is_broken {
                self.told.push_back(Invalidation::RedirectBroken);
            }
            return;
        }
        self.keys += more;
        self.told.push_back(told);
    }

    fn take(&mut self) -> Option<Invalidation> {
        let told = self.told.pop_front();
        if let Some(Invalidation::Keys(keys)) = &told {
            self.keys -= keys.len();
        }
        if self.told.is_empty() {
            // A queue that was full once does not keep the room for ever.
            mem::take(&mut self.told);
        }
        told
    }
}

impl Hearing {
    pub(super) fn new() -> Self {
        Self {
            state: Ranked::new(State::default()),
            came: Condvar::default(),
        }
    }

    /// What came first, if anything has, and how many connections have ended by then.
    pub(super) fn take(&self) -> (Option<Invalidation>, u64) {
        let mut state = self.state.lock();
        (state.take(), state.ends)
    }

    /// Waits until something is there, or a connection has ended since [`take`](Self::take) has counted `ends`.
    /// False: it is `until`.
    pub(super) fn wait(&self, ends: u64, until: Option<Instant>) -> bool {
        let mut state = self.state.lock();
        while state.told.is_empty() && state.ends == ends {
            if until.is_some_and(|until| until <= clock::now()) {
                return false;
            }
            state = self.came.wait(&self.state, state, until);
        }
        true
    }
}

impl Mailbox for Hearing {
    fn push(&self, _link: &Link, push: Push) {
        let told = if push.kind == b"invalidate" {
            match push.args.into_iter().next().map(Value::into_items) {
                Some(Ok(keys)) => {
                    let keys = keys.into_vec().into_iter();
                    Invalidation::Keys(keys.filter_map(|key| key.into_bytes().ok()).collect())
                }
                // Nil. A form that is not known may mean any key.
                _ => Invalidation::Everything,
            }
        } else {
            Invalidation::RedirectBroken
        };
        self.state.lock().put(told);
        self.came.notify_all();
    }
}

impl Listener for Hearing {
    fn ended(&self) {
        self.state.lock().ends += 1;
        self.came.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(count: usize) -> Invalidation {
        Invalidation::Keys(vec![b"k".to_vec(); count])
    }

    #[test]
    fn what_was_told_comes_out_in_order() {
        let mut state = State::default();
        for told in [keys(1), Invalidation::RedirectBroken, keys(2)] {
            state.put(told);
        }
        assert_eq!(state.take(), Some(keys(1)));
        assert_eq!(state.take(), Some(Invalidation::RedirectBroken));
        assert_eq!(state.take(), Some(keys(2)));
        assert_eq!((state.take(), state.keys), (None, 0));
    }

    #[test]
    fn more_keys_than_fit_become_everything() {
        let mut state = State::default();
        state.put(Invalidation::RedirectBroken);
        for _ in 0..=CAPACITY / 100 {
            state.put(keys(100));
        }
        state.put(keys(1));
        assert_eq!(state.take(), Some(Invalidation::Everything));
        assert_eq!(state.take(), Some(Invalidation::RedirectBroken));
        assert_eq!(state.take(), Some(keys(1)));
        assert_eq!((state.take(), state.keys), (None, 0));
    }

    #[test]
    fn everything_takes_the_place_of_keys() {
        let mut state = State::default();
        for told in [keys(3), Invalidation::Everything, keys(1)] {
            state.put(told);
        }
        assert_eq!(state.take(), Some(Invalidation::Everything));
        assert_eq!(state.take(), Some(keys(1)));
        assert_eq!(state.take(), None);
    }
}

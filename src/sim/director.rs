//! Does things at their time: closes, DNS changes, replays, timeouts of blocked commands, scenarios.
//! One thread, so nothing that it does may take long.

use super::clock;
use super::world::World;
use parking_lot::{Condvar, Mutex};
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

/// What is done when its time has come; it gets the world as it is then.
type Work = Box<dyn FnOnce(&Arc<World>) + Send>;

/// Work, and when it is due.
struct Job {
    /// Never before this.
    at: Instant,
    /// Orders jobs of the same instant as they were asked for.
    number: u64,
    /// Run on the director's thread, with no lock of the agenda held.
    work: Work,
}

impl PartialEq for Job {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Job {}

impl PartialOrd for Job {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Job {
    /// The heap gives its greatest: the earliest job.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

/// What the director has to do, the next job on top.
#[derive(Default)]
struct Agenda {
    /// The next one is on top.
    jobs: BinaryHeap<Job>,
    /// Numbers the jobs.
    asked: u64,
    /// The simulator stops: what is planned is forgotten.
    over: bool,
}

/// What is still to be done.
#[derive(Default)]
pub(super) struct Director {
    /// Shared by all who plan and the one thread that does.
    agenda: Mutex<Agenda>,
    /// Notified when a job is added, and at the end.
    changed: Condvar,
}

impl fmt::Debug for Director {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let agenda = self.agenda.lock();
        f.debug_struct("Director")
            .field("jobs", &agenda.jobs.len())
            .finish()
    }
}

impl Director {
    /// Asks for some work at a time. A time in the past means at once.
    pub(super) fn at(&self, at: Instant, work: impl FnOnce(&Arc<World>) + Send + 'static) {
        let mut agenda = self.agenda.lock();
        agenda.asked += 1;
        let job = Job {
            at,
            number: agenda.asked,
            work: Box::new(work),
        };
        agenda.jobs.push(job);
        // Only the director waits there, and it looks at the top of the heap again.
        self.changed.notify_one();
    }

    /// Ends the director's thread; work that is not due is dropped.
    pub(super) fn stop(&self) {
        // Under the lock: a director between its look and its wait would miss the notification.
        self.agenda.lock().over = true;
        self.changed.notify_all();
    }

    /// The director's thread.
    pub(super) fn run(&self, world: &Arc<World>) {
        while let Some(job) = self.next() {
            (job.work)(world);
        }
        // Dropped with no lock held: the last owner of a socket may be among them.
        let undone = std::mem::take(&mut self.agenda.lock().jobs);
        drop(undone);
    }

    /// Waits for the next job that is due; `None` once the simulator stops.
    fn next(&self) -> Option<Job> {
        let mut agenda = self.agenda.lock();
        loop {
            if agenda.over {
                return None;
            }
            let due = agenda.jobs.peek().map(|job| job.at);
            match due {
                None => self.changed.wait(&mut agenda),
                Some(at) if at <= clock::now() => return agenda.jobs.pop(),
                Some(at) => {
                    self.changed.wait_until(&mut agenda, at);
                }
            }
        }
    }
}

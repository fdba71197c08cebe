//! The workers of a world: what they find when they dial. Decides nothing.

use super::*;

impl World {
    pub(super) fn enqueue(&mut self, job: Job) {
        assert!(
            job.give_up > self.now && job.connect_by <= job.give_up,
            "no time: {job:?}"
        );
        assert!(
            !self.running.contains(&job.entry),
            "two jobs for entry {}",
            job.entry
        );
        if self.running.len() >= self.queue {
            self.overflows += 1;
            self.c.handle_queue_full(self.now, &mut self.a, job.entry);
            return;
        }
        self.running.insert(job.entry);
        self.jobs.push((self.elapsed(), job.clone()));
        self.line.push_back(job);
        self.employ();
    }

    /// Free workers begin what waits.
    fn employ(&mut self) {
        while self.working < self.workers {
            let Some(job) = self.line.pop_front() else {
                return;
            };
            self.working += 1;
            let withdrawn = Err(JobFailure {
                reached: None,
                kind: FailureKind::Withdrawn,
            });
            let late = job.connect_by <= self.now;
            let (after, outcome) = if late || self.stopped.contains(&job.entry) {
                (Duration::ZERO, withdrawn)
            } else {
                self.outcome(&job)
            };
            self.schedule(after, Due::Finished(job, outcome));
        }
    }

    /// A worker is free again.
    pub(super) fn dismiss(&mut self, entry: EntryId) {
        self.running.remove(&entry);
        self.stopped.remove(&entry);
        self.working -= 1;
        self.employ();
    }

    /// The job of this entry ends within the slice in which a dial looks whether it is to.
    pub(super) fn interrupt(&mut self, entry: EntryId) {
        self.interrupts += 1;
        self.stopped.insert(entry);
        let soon = self.now + ms(50);
        for (at, _, due) in &mut self.agenda {
            if let Due::Finished(job, outcome) = due {
                if job.entry == entry && *at > soon {
                    *at = soon;
                    *outcome = Err(JobFailure {
                        reached: None,
                        kind: FailureKind::Withdrawn,
                    });
                }
            }
        }
    }
}

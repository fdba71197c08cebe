//! How time passes around a planner: the driver jumps to whatever is due next, and fails when the planner
//! keeps asking to be woken without the clock moving. Decides nothing of what servers do.

use super::*;

impl World {
    /// Nothing runs for this long, and then all that was due is late.
    pub(in crate::handoff::planner::tests) fn late_wakeup(&mut self, span: Duration) {
        self.now += span;
        self.c.handle_timeout(self.now, &mut self.a);
        self.settle();
    }

    /// Runs for this long.
    pub(in crate::handoff::planner::tests) fn run(&mut self, span: Duration) {
        let until = self.now + span;
        let mut still = 0;
        for _ in 0..100_000 {
            let before = self.now;
            if !self.step(until) {
                self.now = until;
                return;
            }
            still = if self.now == before { still + 1 } else { 0 };
            assert!(still < 5_000, "time stands still: {}", self.account());
        }
        panic!("too many steps: {}", self.account());
    }

    fn account(&self) -> String {
        format!(
            "at {:?} after {} jobs, {} lookups, {} events, the last {:?}; {:?}",
            self.elapsed(),
            self.jobs.len(),
            self.lookups.len(),
            self.events.len(),
            self.jobs.last(),
            self.c
        )
    }

    /// Does what is due next, if anything is due by `until`.
    fn step(&mut self, until: Instant) -> bool {
        let key = |(at, order): (Instant, u64)| (at, order);
        let agenda = self
            .agenda
            .iter()
            .map(|(at, order, _)| key((*at, *order)))
            .min();
        let script = self
            .script
            .iter()
            .map(|(at, order, _)| key((*at, *order)))
            .min();
        let timer = self.poll_timeout().map(|at| (at, u64::MAX));
        if let Some((at, _)) = timer {
            assert!(at >= self.now, "asked to be woken in the past");
        }
        let Some(next) = [agenda, script, timer].into_iter().flatten().min() else {
            return false;
        };
        if next.0 > until {
            return false;
        }
        self.now = self.now.max(next.0);
        if Some(next) == script {
            let at = self
                .script
                .iter()
                .position(|(at, order, _)| (*at, *order) == next)
                .unwrap();
            let (_, _, step) = self.script.remove(at);
            step(self);
        } else if Some(next) == agenda {
            let at = self
                .agenda
                .iter()
                .position(|(at, order, _)| (*at, *order) == next)
                .unwrap();
            let (_, _, due) = self.agenda.remove(at);
            self.fulfil(due);
        } else {
            self.c.handle_timeout(self.now, &mut self.a);
        }
        self.settle();
        true
    }

    fn fulfil(&mut self, due: Due) {
        match due {
            Due::Answer(host) => {
                let answer = self.names.get(&host).cloned().unwrap_or(Err(()));
                self.c.handle_resolved(self.now, &mut self.a, &host, answer);
            }
            Due::Gone(link, planned) => self.end(link, planned),
            Due::Replied(link) => {
                if let Some(wire) = self.wires.get_mut(&link) {
                    wire.pending -= 1;
                    wire.proved = true;
                    if wire.pending == 0 && wire.leaving && !wire.busy {
                        self.schedule(ms(1), Due::Gone(link, true));
                    }
                }
            }
            Due::Finished(job, Err(failure)) => {
                self.dismiss(job.entry);
                self.c
                    .handle_job_failed(self.now, &mut self.a, job.entry, failure);
            }
            Due::Finished(job, Ok(reached)) => {
                self.dismiss(job.entry);
                let via = match &job.target {
                    Target::Configured => self.configured.clone(),
                    Target::Address(addr) => crate::handoff::endpoint_of(*addr),
                    Target::Announced(endpoint) => endpoint.clone(),
                };
                self.bring_up(job.entry, reached, via);
            }
        }
    }
}

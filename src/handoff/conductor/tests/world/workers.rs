//! The workers of a world: what they find when they dial. Decides nothing.

use super::*;

impl World {
    pub(super) fn enqueue(&mut self, job: Job) {
        assert!(
            job.give_up > self.now && job.connect_by <= job.give_up,
            "no time: {job:?}"
        );
        assert!(
            !self.running.contains(&job.slot),
            "two jobs for slot {}",
            job.slot
        );
        if self.running.len() >= self.queue {
            self.c.handle_queue_full(self.now, job.slot);
            return;
        }
        self.running.insert(job.slot);
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
            let (after, outcome) = if late || self.stopped.contains(&job.slot) {
                (Duration::ZERO, withdrawn)
            } else {
                self.outcome(&job)
            };
            self.schedule(after, Due::Finished(job, outcome));
        }
    }

    /// A worker is free again.
    pub(super) fn dismiss(&mut self, slot: SlotId) {
        self.running.remove(&slot);
        self.stopped.remove(&slot);
        self.working -= 1;
        self.employ();
    }

    /// The job of this slot ends within the slice in which a dial looks whether it is to.
    pub(super) fn interrupt(&mut self, slot: SlotId) {
        self.interrupts += 1;
        self.stopped.insert(slot);
        let soon = self.now + ms(50);
        for (at, _, due) in &mut self.agenda {
            if let Due::Finished(job, outcome) = due {
                if job.slot == slot && *at > soon {
                    *at = soon;
                    *outcome = Err(JobFailure {
                        reached: None,
                        kind: FailureKind::Withdrawn,
                    });
                }
            }
        }
    }

    /// What a worker finds.
    fn outcome(&self, job: &Job) -> (Duration, Result<SocketAddr, JobFailure>) {
        let fail = |kind, reached| Err(JobFailure { reached, kind });
        let (endpoint, server_said) = match &job.target {
            Target::Address(addr) => (crate::handoff::endpoint_of(*addr), false),
            Target::Configured => (self.configured.clone(), false),
            Target::Named(endpoint) => (endpoint.clone(), true),
        };
        let Endpoint::Tcp { host, port } = &endpoint else {
            panic!("no path")
        };
        let mut addrs: Vec<SocketAddr> = match endpoint.literal_ip() {
            Some(ip) => vec![SocketAddr::new(ip, *port)],
            None => match self.names.get(host) {
                Some(Ok(ips)) => ips.iter().map(|ip| SocketAddr::new(*ip, *port)).collect(),
                _ => return (self.latency, fail(FailureKind::Dial, None)),
            },
        };
        if server_said {
            addrs.retain(|a| policy::judge_ip(a.ip(), Some(node(1).ip())).is_ok());
            if addrs.is_empty() {
                return (self.latency, fail(FailureKind::Forbidden, None));
            }
        }
        addrs.sort_by_key(|addr| job.avoid.contains(addr));
        let mut took = Duration::ZERO;
        let mut last = fail(FailureKind::Dial, None);
        for addr in addrs {
            took += self.latency;
            if self.sockets() > self.room || self.is_full(addr) {
                return (took, fail(FailureKind::Full, Some(addr)));
            }
            let patience = match job.kind {
                JobKind::Fill => CONNECT_TIMEOUT,
                JobKind::Move => Duration::MAX,
            };
            let dial_limit = job.connect_by.duration_since(self.now).min(patience);
            match self.manners.get(&addr).copied().unwrap_or(Manner::Accepts) {
                Manner::Accepts if job.avoid.contains(&addr) => {
                    return (took, fail(FailureKind::Retiring, Some(addr)));
                }
                Manner::Accepts => return (took, Ok(addr)),
                Manner::BlackHole => took = dial_limit,
                Manner::HangsUp => last = fail(FailureKind::Handshake, Some(addr)),
                Manner::Refuses => last = fail(FailureKind::Dial, None),
                Manner::Stalls => {
                    let limit = job.give_up.duration_since(self.now).min(patience);
                    return (limit, fail(FailureKind::Handshake, Some(addr)));
                }
                Manner::TurnsAway => last = fail(FailureKind::Refused, Some(addr)),
            }
        }
        (took, last)
    }

    fn is_full(&self, addr: SocketAddr) -> bool {
        let up = self.wires.values().filter(|wire| wire.peer == Some(addr));
        let coming = |due: &Due| matches!(due, Due::Finished(_, Ok(to)) if *to == addr);
        let coming = self.agenda.iter().filter(|(_, _, due)| coming(due));
        let room = self.rooms.get(&addr).copied().unwrap_or(usize::MAX);
        up.count() + coming.count() >= room
    }
}

//! What a worker finds when it dials.

use super::*;
use crate::handoff::policy;

/// What workers give a dial that fills an entry.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

impl World {
    /// What a worker finds.
    pub(super) fn outcome(&self, job: &Job) -> (Duration, Result<SocketAddr, JobFailure>) {
        let fail = |kind, reached| Err(JobFailure { reached, kind });
        let (endpoint, server_said) = match &job.target {
            Target::Address(addr) => (crate::handoff::endpoint_of(*addr), false),
            Target::Configured => (self.configured.clone(), false),
            Target::Announced(endpoint) => (endpoint.clone(), true),
        };
        let Endpoint::Tcp { host, port } = &endpoint else {
            panic!("no path")
        };
        if server_said && self.denied.contains(&endpoint) {
            return (Duration::ZERO, fail(FailureKind::Forbidden, None));
        }
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
                Manner::Accepts
                    if job.shuns_replicas && self.tells_roles && self.replicas.contains(&addr) =>
                {
                    return (took, fail(FailureKind::Replica, Some(addr)));
                }
                Manner::Accepts => {
                    let (more, outcome) = self.judge(job, addr);
                    return (took + more, outcome);
                }
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

    /// What a worker finds out about a front that it has reached.
    fn judge(&self, job: &Job, addr: SocketAddr) -> (Duration, Result<SocketAddr, JobFailure>) {
        let Some(front) = job.front else {
            return (Duration::ZERO, Ok(addr));
        };
        let fail = |kind| {
            let reached = Some(addr);
            Err(JobFailure { reached, kind })
        };
        let leaves = |said: &Notification| matches!(said, Notification::Moving { seq, .. } if *seq == front.seq);
        let said = self.replays.get(&addr);
        if !self.opts_in && front.untold_will_do {
            (Duration::ZERO, Ok(addr))
        } else if !self.opts_in {
            (Duration::ZERO, fail(FailureKind::Untold))
        } else if said.is_some_and(|said| said.iter().any(leaves)) {
            (Duration::ZERO, fail(FailureKind::StillThere))
        } else {
            (front.patience, Ok(addr))
        }
    }
}

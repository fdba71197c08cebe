//! Whether a target that a server announced may be dialled: what the user's policy says, and what no policy
//! can allow. Dials nothing.
//!
//! A server that announces a target could point its clients anywhere (at a metadata service of a cloud, at
//! this machine), with their password. So addresses that no Redis can have are refused whatever the policy
//! says, for names after the lookup.

use super::NetworkConnector;
use crate::clock;
use crate::engine::connector::ConnectFailure;
use crate::handoff::planner::{Job, Target};
use crate::handoff::{LONGEST, later, policy};
use crate::ids::NodeId;
use crate::lane::{guard, say};
use crate::options::TargetVerdict;
use crate::protocol::Endpoint;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Refused places remembered at once; beyond that the oldest goes, and is asked about again. A handoff has
/// one target or two.
pub(super) const MOST_REFUSED: usize = 64;
/// How long they are remembered: longer than any handoff, of which no announced time exceeds an hour.
const MEMORY: Duration = LONGEST.saturating_mul(2);

impl NetworkConnector {
    /// Asks the user whether a place that a server named may be dialled. On a worker, with no lock held:
    /// the policy may take as long as it likes, and only its own job waits.
    ///
    /// A policy that panics is counted and taken for a refusal. What was refused is not asked about again
    /// for the same handoff, which dials several times.
    pub(super) fn ask_policy(
        &self,
        node: NodeId,
        job: &Job,
        via: &Endpoint,
    ) -> Result<(), ConnectFailure> {
        let (Target::Announced(_), Some(policy)) =
            (&job.target, &self.options.maintenance.target_policy)
        else {
            return Ok(());
        };
        let denied = || ConnectFailure::forbidden(None, via, "the target policy denies it");
        if self.has_refused(node, job, via) {
            return Err(denied());
        }
        self.in_policy.fetch_add(1, Ordering::SeqCst);
        // After that, so that a close either sees this worker in the policy or keeps it from there.
        let verdict = if self.cancelled.load(Ordering::SeqCst) {
            Some(TargetVerdict::Allow)
        } else {
            guard(|| policy(via))
        };
        self.in_policy.fetch_sub(1, Ordering::SeqCst);
        match verdict {
            Some(TargetVerdict::Allow) => Ok(()),
            verdict => {
                if verdict.is_none() {
                    self.counters.user_panics.count();
                }
                self.counters.targets_refused.count();
                if self.note_refused(node, job, via) {
                    say!(self.lane, HANDOFF, Warn, "the target policy denies {via}");
                }
                Err(denied())
            }
        }
    }

    /// Whether this place was refused before in the same handoff. A newer handoff asks anew.
    fn has_refused(&self, node: NodeId, job: &Job, via: &Endpoint) -> bool {
        let refusal = job.handoff.map(|handoff| (node, handoff, via.clone()));
        let refused = self.refused.lock();
        refusal.is_some_and(|refusal| refused.get(clock::now(), &refusal).is_some())
    }

    /// Remembers that this place is refused. False: that is known, and has its line in the log.
    pub(super) fn note_refused(&self, node: NodeId, job: &Job, via: &Endpoint) -> bool {
        // A job without a handoff leads to a place that an earlier one was told of: each refusal is news.
        let Some(handoff) = job.handoff else {
            return true;
        };
        let (now, refusal) = (clock::now(), (node, handoff, via.clone()));
        // Locked once for both, so that of two workers that were refused at once one has news.
        let mut refused = self.refused.lock();
        let is_news = refused.get(now, &refusal).is_none();
        if is_news {
            refused.insert(now, refusal, (), later(now, MEMORY));
        }
        is_news
    }

    /// The addresses of a name that a server gave which may not be dialled, whatever the name. Blocks for
    /// the lookup, until `until` at the latest; the dial looks the name up once more.
    pub(super) fn forbidden(
        &self,
        job: &Job,
        via: &Endpoint,
        until: Instant,
        stop: &AtomicBool,
    ) -> Vec<SocketAddr> {
        let (Target::Announced(_), Endpoint::Tcp { host, port }) = (&job.target, via) else {
            return Vec::new();
        };
        // A failed lookup is the dial's to report.
        let found = self
            .dialer
            .lookups()
            .lookup(host, until, stop)
            .unwrap_or_default();
        found
            .into_iter()
            .filter(|ip| policy::judge_ip(*ip, job.origin).is_err())
            .map(|ip| SocketAddr::new(ip, *port))
            .collect()
    }
}

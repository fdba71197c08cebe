//! When the configured name is asked, and what its answers have shown. Resolves nothing.
//!
//! One question is out at a time. A resolver that does not answer is asked again after a while; an
//! error or an empty answer is "unknown", never "gone".

use super::action::Action;
use crate::handoff::later;
use crate::protocol::Endpoint;
use crate::sorted::in_order;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// Between questions while a new address is waited for: this, or a fifteenth of a shorter notice, so that
/// a name that follows after half of the announced time (57 % of it was measured) is followed in time.
const SEARCH_EVERY: Duration = Duration::from_secs(1);
/// The least of that.
const SHORTEST_SEARCH: Duration = Duration::from_millis(100);
/// Between questions that may end a redirect.
const CONFIRM_EVERY: Duration = Duration::from_secs(5);
/// After this a question counts as lost.
const LOST: Duration = Duration::from_secs(10);
/// When, after MIGRATED, the name is asked whether the peers are still listed.
const CHECKS: [Duration; 4] = [
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(20),
];
/// Checks under way at once; what comes beyond that is covered by those.
const MOST_CHECKS: usize = 4;
/// Addresses remembered as once listed.
const MOST_LISTED: usize = 64;

/// A MIGRATED whose consequences for the peers are being watched.
#[derive(Clone, Copy, Debug)]
pub(super) struct Check {
    /// When the MIGRATED came: its times count from there.
    pub(super) migrated_at: Instant,
    /// Its number, for the handoff that may follow.
    pub(super) seq: Option<i64>,
    /// How many of its questions were asked.
    asked: usize,
}

impl Check {
    /// When its next question is due. `None`: all were asked.
    fn due(&self) -> Option<Instant> {
        CHECKS
            .get(self.asked)
            .map(|delay| later(self.migrated_at, *delay))
    }
}

/// The questions to the resolver.
#[derive(Debug)]
pub(super) struct Lookups {
    /// The configured name, where it is one.
    name: Option<(String, u16)>,
    /// When the latest question was asked.
    asked_at: Option<Instant>,
    /// Whether it has no answer yet.
    waiting: bool,
    /// Addresses that the name was seen to give. A peer that was never among them cannot cease to be listed.
    ///
    /// Invariant: `listed.len() <= MOST_LISTED`.
    listed: Vec<IpAddr>,
    /// Whether an answer ever had several addresses.
    several: bool,
    /// Until when the name is asked although no handoff waits for it.
    search_until: Option<Instant>,
    /// The MIGRATEDs that are watched.
    /// Invariant: `checks.len() <= MOST_CHECKS`.
    checks: Vec<Check>,
}

/// What an answer brings.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// The addresses, with the configured port.
    pub(super) addrs: Vec<SocketAddr>,
    /// The checks that it decides.
    pub(super) checks: Vec<Check>,
    /// Whether it lists an address that no answer listed before.
    pub(super) news: bool,
}

impl Lookups {
    /// Questions about this endpoint; none, where it is no name.
    pub(super) fn new(configured: &Endpoint) -> Self {
        let name = match (configured, configured.literal_ip()) {
            (Endpoint::Tcp { host, port }, None) => Some((host.clone(), *port)),
            _ => None,
        };
        Self {
            name,
            asked_at: None,
            waiting: false,
            listed: Vec::new(),
            several: false,
            search_until: None,
            checks: Vec::new(),
        }
    }

    /// Whether there is a name to ask.
    pub(super) fn has_name(&self) -> bool {
        self.name.is_some()
    }

    /// Keeps asking until then.
    pub(super) fn search_until(&mut self, until: Instant) {
        self.search_until = self.search_until.max(Some(until));
    }

    /// A shard has moved: watches whether peers cease to be listed.
    pub(super) fn check_after(&mut self, migrated_at: Instant, seq: Option<i64>) {
        if self.has_name() && self.checks.len() < MOST_CHECKS {
            self.checks.push(Check {
                migrated_at,
                seq,
                asked: 0,
            });
        }
    }

    /// Whether the name is known to list several addresses at a time.
    pub(super) fn several(&self) -> bool {
        self.several
    }

    /// Whether an answer ever listed this address.
    pub(super) fn was_listed(&self, ip: IpAddr) -> bool {
        self.listed.contains(&ip)
    }

    /// A connection that was made by the name shows that it lists this address.
    pub(super) fn note_listed(&mut self, ip: IpAddr) -> bool {
        if self.listed.contains(&ip) {
            return false;
        }
        if self.listed.len() >= MOST_LISTED {
            self.listed.remove(0);
        }
        self.listed.push(ip);
        true
    }

    /// A dial has asked the name, and this was the answer.
    pub(super) fn note_answer(&mut self, listed: &[IpAddr]) {
        let ips = in_order(listed.iter().map(IpAddr::to_canonical));
        if self.has_name() {
            self.several |= ips.len() > 1;
            for ip in ips {
                self.note_listed(ip);
            }
        }
    }

    /// How often the name is asked for a handoff that was announced to take so long.
    pub(super) fn pace(announced: Duration) -> Duration {
        if announced.is_zero() {
            return SEARCH_EVERY;
        }
        (announced / 15).clamp(SHORTEST_SEARCH, SEARCH_EVERY)
    }

    /// When the next question is due. `searching` is since when a handoff waits for an address and how
    /// often it asks, `binding` when the earliest redirect may be ended by an answer.
    pub(super) fn due(
        &self,
        searching: Option<(Instant, Duration)>,
        binding: Option<Instant>,
    ) -> Option<Instant> {
        self.name.as_ref()?;
        let after = |pause| {
            move |start: Instant| {
                self.asked_at
                    .map_or(start, |asked| start.max(later(asked, pause)))
            }
        };
        let lasting = self
            .search_until
            .filter(|until| self.asked_at.is_some_and(|at| at < *until));
        let due = [
            searching.map(|(since, pace)| after(pace)(since)),
            lasting.and(self.asked_at).map(after(SEARCH_EVERY)),
            binding.map(after(CONFIRM_EVERY)),
            self.checks.iter().filter_map(Check::due).min(),
        ]
        .into_iter()
        .flatten()
        .min()?;
        match self.asked_at {
            // One question is out at a time, unless it counts as lost.
            Some(asked) if self.waiting => Some(due.max(later(asked, LOST))),
            _ => Some(due),
        }
    }

    /// Asks for the addresses of the configured name; `None` where a literal address was configured.
    pub(super) fn ask(&mut self, now: Instant) -> Option<Action> {
        let (host, _) = self.name.as_ref()?;
        self.asked_at = Some(now);
        self.waiting = true;
        // One question serves all who are due, and stands for those that a late wakeup has missed.
        for check in &mut self.checks {
            while check.due().is_some_and(|at| at <= now) {
                check.asked += 1;
            }
        }
        if self.search_until.is_some_and(|until| until <= now) {
            self.search_until = None;
        }
        Some(Action::Resolve { host: host.clone() })
    }

    /// An answer has come. `None` if it is to no question of ours.
    pub(super) fn handle_answer(
        &mut self,
        host: &str,
        answer: Result<Vec<IpAddr>, ()>,
    ) -> Option<Answer> {
        let (_, port) = self.name.as_ref().filter(|(name, _)| name == host)?;
        let port = *port;
        self.waiting = false;
        // An answer says nothing to checks that were begun after its question.
        let checks = self
            .checks
            .iter()
            .filter(|check| check.asked > 0)
            .copied()
            .collect();
        self.checks.retain(|check| check.due().is_some());
        let mut ips: Vec<IpAddr> = Vec::new();
        for ip in answer.unwrap_or_default() {
            let ip = ip.to_canonical();
            if !ips.contains(&ip) && ips.len() < MOST_LISTED {
                ips.push(ip);
            }
        }
        if ips.is_empty() {
            return Some(Answer::default());
        }
        self.several |= ips.len() > 1;
        let mut news = false;
        for ip in &ips {
            news |= self.note_listed(*ip);
        }
        let addrs = ips
            .into_iter()
            .map(|ip| SocketAddr::new(ip, port))
            .collect();
        Some(Answer {
            addrs,
            checks,
            news,
        })
    }
}

#[cfg(test)]
mod tests;

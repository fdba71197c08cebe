//! Servers, names, workers and links around one planner, on simulated time.
//!
//! What must hold at any time is checked after every input.

mod checks;
mod dials;
mod running;
mod workers;

use super::super::*;
pub(super) use super::words::*;
pub(super) use crate::handoff::announcements::{AnnouncementSettings, Announcements, Verdict};
pub(super) use crate::handoff::breaker::{BreakerSettings, Breakers};
use crate::handoff::estranged::Estrangement;
use crate::handoff::windows::Scope;
use crate::handoff::{canonical, origin};
pub(super) use crate::protocol::{Endpoint, Notification};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// How a node answers a dial.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Manner {
    Accepts,
    /// Nothing comes back.
    BlackHole,
    /// Connects, then closes during the handshake.
    HangsUp,
    Refuses,
    /// Connects, then says nothing.
    Stalls,
    /// Answers the handshake with an error.
    TurnsAway,
}

#[derive(Clone, Debug)]
pub(super) struct Wire {
    pub(super) entry: EntryId,
    pub(super) peer: Option<SocketAddr>,
    pub(super) opted_in: bool,
    pub(super) draining: bool,
    /// Has an unanswered command, such as a blocking one.
    pub(super) busy: bool,
    /// Has answered a command.
    proved: bool,
    /// How many ordinary commands it has not answered.
    pending: usize,
    /// Ends with its last reply.
    leaving: bool,
    /// Until when it was last told that timeouts are relaxed.
    pub(super) relaxed: Option<Instant>,
}

#[derive(Debug)]
enum Due {
    Answer(String),
    Finished(Job, Result<SocketAddr, JobFailure>),
    Gone(LinkId, bool),
    Replied(LinkId),
}

type Step = Box<dyn FnOnce(&mut World)>;

pub(super) struct World {
    pub(super) start: Instant,
    pub(super) now: Instant,
    pub(super) a: Announcements,
    pub(super) c: Planner,
    pub(super) configured: Endpoint,
    pub(super) entries: usize,
    pub(super) manners: BTreeMap<SocketAddr, Manner>,
    pub(super) names: BTreeMap<String, Result<Vec<IpAddr>, ()>>,
    pub(super) wires: BTreeMap<LinkId, Wire>,
    pub(super) latency: Duration,
    /// Notifications that a node repeats to everyone who opts in.
    pub(super) replays: BTreeMap<SocketAddr, Vec<Notification>>,
    /// Nodes that say that they are replicas; the others are masters.
    pub(super) replicas: BTreeSet<SocketAddr>,
    /// Whether servers say what they are.
    pub(super) tells_roles: bool,
    /// Places that the user's policy denies.
    pub(super) denied: BTreeSet<Endpoint>,
    pub(super) opts_in: bool,
    pub(super) hides_peers: bool,
    pub(super) queue: usize,
    /// How many jobs found it full.
    pub(super) overflows: usize,
    /// How many sockets the servers accept of this client.
    pub(super) room: usize,
    /// How many a node accepts, where that is limited.
    pub(super) rooms: BTreeMap<SocketAddr, usize>,
    pub(super) resolver_answers: bool,
    pub(super) events: Vec<(Duration, MaintenanceEvent)>,
    /// What the log was told besides.
    reasons: Vec<Why>,
    pub(super) jobs: Vec<(Duration, Job)>,
    pub(super) closes: Vec<LinkId>,
    /// When it was said of which link that it is about to be closed, and until when it is in danger.
    pub(super) last_calls: Vec<(Duration, LinkId, Instant)>,
    pub(super) verdicts: Vec<Verdict>,
    pub(super) lookups: Vec<Duration>,
    pub(super) liveness_checks: usize,
    /// How often an idle link was to be closed.
    pub(super) idle_closes: usize,
    pub(super) relaxed: BTreeMap<Scope, Instant>,
    pub(super) most_sockets: usize,
    /// How many jobs were told to end.
    pub(super) interrupts: usize,
    /// Commands whose link ended before their replies.
    pub(super) failed: usize,
    /// Since when nobody uses a dedicated entry; `None`: a caller does.
    pub(super) used: BTreeMap<EntryId, Option<Instant>>,
    running: BTreeSet<EntryId>,
    /// Jobs that wait for a worker.
    line: VecDeque<Job>,
    /// How many are carried out.
    working: usize,
    workers: usize,
    /// Entries whose job is to end.
    stopped: BTreeSet<EntryId>,
    agenda: Vec<(Instant, u64, Due)>,
    script: Vec<(Instant, u64, Step)>,
    order: u64,
    next_link: u64,
}

impl World {
    /// A client of `entries` entries, configured by name; the name lists node 1.
    pub(super) fn new(entries: usize) -> Self {
        Self::with(Settings::new(Endpoint::tcp(NAME, 6379), entries), 1)
    }

    pub(super) fn with(settings: Settings, seed: u64) -> Self {
        let announced = AnnouncementSettings {
            handoffs: settings.handoffs,
            ..AnnouncementSettings::default()
        };
        Self::announced(settings, announced, seed)
    }

    pub(super) fn announced(
        settings: Settings,
        announced: AnnouncementSettings,
        seed: u64,
    ) -> Self {
        let start = origin();
        let names = BTreeMap::from([(NAME.to_owned(), Ok(vec![node(1).ip()]))]);
        let mut world = Self {
            start,
            now: start,
            configured: settings.configured.clone(),
            entries: settings.pool_size,
            workers: settings.workers,
            a: Announcements::new(announced),
            c: Planner::new(settings, seed),
            manners: BTreeMap::new(),
            names,
            wires: BTreeMap::new(),
            latency: ms(5),
            replays: BTreeMap::new(),
            replicas: BTreeSet::new(),
            tells_roles: true,
            denied: BTreeSet::new(),
            opts_in: true,
            hides_peers: false,
            queue: usize::MAX,
            overflows: 0,
            room: usize::MAX,
            rooms: BTreeMap::new(),
            resolver_answers: true,
            events: Vec::new(),
            reasons: Vec::new(),
            jobs: Vec::new(),
            closes: Vec::new(),
            last_calls: Vec::new(),
            verdicts: Vec::new(),
            lookups: Vec::new(),
            liveness_checks: 0,
            idle_closes: 0,
            relaxed: BTreeMap::new(),
            most_sockets: 0,
            interrupts: 0,
            failed: 0,
            used: BTreeMap::new(),
            running: BTreeSet::new(),
            line: VecDeque::new(),
            working: 0,
            stopped: BTreeSet::new(),
            agenda: Vec::new(),
            script: Vec::new(),
            order: 0,
            next_link: 0,
        };
        world.c.handle_timeout(start, &mut world.a);
        world.settle();
        world
    }

    /// The same, with every entry linked.
    pub(super) fn full(entries: usize) -> Self {
        Self::new(entries).filled()
    }

    pub(super) fn filled(mut self) -> Self {
        for _ in 0..self.entries {
            self.want();
        }
        self.run(secs(1));
        assert!(
            self.c.phases().all(|state| state == Phase::Steady),
            "not filled"
        );
        self.events.clear();
        self.reasons.clear();
        self.jobs.clear();
        self.start = self.now;
        self
    }

    /// When anything is due.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let timers = [self.a.poll_timeout(), self.c.poll_timeout()];
        timers.into_iter().flatten().min()
    }

    pub(super) fn want(&mut self) {
        self.c.handle_wanted(self.now, &mut self.a, 1, false);
        self.settle();
    }

    pub(super) fn says(&mut self, link: LinkId, notification: &Notification) -> Verdict {
        let verdict = match self.c.source(link, self.now) {
            Some(source) => {
                (self.c).handle_notification(self.now, &mut self.a, &source, notification)
            }
            None => Verdict::Stale,
        };
        self.verdicts.push(verdict);
        self.settle();
        verdict
    }

    /// Said on every link to `peer` that asked for it, draining ones included.
    pub(super) fn broadcast(
        &mut self,
        peer: SocketAddr,
        notification: &Notification,
    ) -> Vec<Verdict> {
        let links: Vec<LinkId> = self
            .wires
            .iter()
            .filter(|(_, wire)| wire.peer == Some(peer) && wire.opted_in)
            .map(|(link, _)| *link)
            .collect();
        links
            .into_iter()
            .map(|link| self.says(link, notification))
            .collect()
    }

    /// The server closes every link to `peer`.
    pub(super) fn close(&mut self, peer: SocketAddr) {
        let links: Vec<LinkId> = self
            .wires
            .iter()
            .filter(|(_, wire)| wire.peer == Some(peer))
            .map(|(link, _)| *link)
            .collect();
        for link in links {
            self.end(link, false);
        }
    }

    /// A reply shows that the link of an entry is not what it should be.
    pub(super) fn estranged(&mut self, entry: impl Into<EntryId>, why: Estrangement) {
        let entry = entry.into();
        let link = self.link(entry);
        self.c.handle_estranged(self.now, &mut self.a, link, why);
        self.settle();
    }

    /// A link takes no command any more; it ends when the last reply on it has come.
    pub(super) fn condemn(&mut self, link: LinkId) {
        let Some(wire) = self.wires.get_mut(&link) else {
            return;
        };
        wire.draining = true;
        wire.leaving = true;
        let (entry, proved) = (wire.entry, wire.proved);
        let ending = if proved {
            Ending::Proved
        } else {
            Ending::Unproved
        };
        (self.c).handle_link_unusable(self.now, &mut self.a, entry, link, ending);
        self.settle();
    }

    pub(super) fn end(&mut self, link: LinkId, planned: bool) {
        if let Some(wire) = self.wires.remove(&link) {
            self.failed += wire.pending;
            let ending = match (planned, wire.proved) {
                (true, _) => Ending::Planned,
                (false, true) => Ending::Proved,
                (false, false) => Ending::Unproved,
            };
            self.c
                .handle_link_down(self.now, &mut self.a, wire.entry, link, ending);
            self.settle();
        }
    }

    /// A command is sent over the link of an entry, if that has one, and answered after a while.
    pub(super) fn command(&mut self, entry: impl Into<EntryId>, lasts: Duration) {
        let entry = entry.into();
        let serving = |(_, wire): &(&LinkId, &mut Wire)| wire.entry == entry && !wire.draining;
        let Some((link, wire)) = self.wires.iter_mut().find(serving) else {
            return;
        };
        wire.pending += 1;
        let link = *link;
        self.schedule(lasts, Due::Replied(link));
    }

    pub(super) fn list(&mut self, nodes: &[u8]) {
        let ips = nodes.iter().map(|n| node(*n).ip()).collect();
        self.names.insert(NAME.to_owned(), Ok(ips));
    }

    pub(super) fn at(&mut self, after: Duration, step: impl FnOnce(&mut Self) + 'static) {
        self.order += 1;
        self.script
            .push((self.now + after, self.order, Box::new(step)));
    }

    /// Since the start.
    pub(super) fn elapsed(&self) -> Duration {
        self.now.duration_since(self.start)
    }

    /// The link that serves an entry.
    pub(super) fn link(&self, entry: impl Into<EntryId>) -> LinkId {
        let entry = entry.into();
        let mine = |(_, wire): &(&LinkId, &Wire)| wire.entry == entry && !wire.draining;
        *self
            .wires
            .iter()
            .find(mine)
            .expect("the entry has a link")
            .0
    }

    pub(super) fn peers(&self) -> Vec<Option<SocketAddr>> {
        (0..self.entries).map(|entry| self.c.peer(entry)).collect()
    }

    pub(super) fn all_at(&self, n: u8) -> bool {
        self.peers().iter().all(|peer| *peer == Some(node(n)))
    }

    pub(super) fn moves(&self) -> impl Iterator<Item = &(Duration, Job)> {
        self.jobs
            .iter()
            .filter(|(_, job)| job.kind == JobKind::Move)
    }

    pub(super) fn count(&self, which: impl Fn(&MaintenanceEvent) -> bool) -> usize {
        self.events.iter().filter(|(_, event)| which(event)).count()
    }

    /// How many events had this reason.
    pub(super) fn gave(&self, reason: Why) -> usize {
        self.reasons.iter().filter(|why| **why == reason).count()
    }

    pub(super) fn started(&self) -> usize {
        self.count(|event| matches!(event, MaintenanceEvent::HandoffStarted(..)))
    }

    pub(super) fn completed(&self) -> usize {
        self.count(|event| matches!(event, MaintenanceEvent::HandoffCompleted(_)))
    }

    /// A link to `peer` serves `entry` from now on.
    pub(super) fn bring_up(
        &mut self,
        entry: impl Into<EntryId>,
        peer: SocketAddr,
        via: Endpoint,
    ) -> LinkId {
        let entry = entry.into();
        self.next_link += 1;
        let link = LinkId::new(self.next_link);
        let served: Vec<LinkId> = (self.wires.iter_mut())
            .filter(|(_, wire)| wire.entry == entry)
            .map(|(link, wire)| {
                wire.draining = true;
                *link
            })
            .collect();
        let shown = Some(peer).filter(|_| !self.hides_peers);
        let opted_in = self.opts_in;
        let wire = Wire {
            entry,
            peer: shown,
            opted_in,
            draining: false,
            busy: false,
            proved: false,
            pending: 0,
            leaving: false,
            relaxed: None,
        };
        self.wires.insert(link, wire);
        let up = LinkUp {
            entry,
            link,
            peer: shown,
            opted_in,
            via,
            is_replica: Some(self.replicas.contains(&peer)).filter(|_| self.tells_roles),
            listed: Vec::new(),
        };
        self.c.handle_link_up(self.now, &mut self.a, up);
        self.settle();
        // The worker that puts a link in retires what was there.
        for link in served {
            self.retire(link);
        }
        let replays = self.replays.get(&peer).cloned().unwrap_or_default();
        if opted_in {
            for notification in &replays {
                self.says(link, notification);
            }
        }
        link
    }

    /// Carries out what the planner asks for, and checks what must always hold.
    fn settle(&mut self) {
        while let Some(action) = self.c.poll_action() {
            match action {
                Action::CheckLiveness => self.liveness_checks += 1,
                Action::Close { link } => {
                    self.closes.push(link);
                    self.schedule(Duration::ZERO, Due::Gone(link, true));
                }
                Action::CloseUnused { entry, link } => self.close_unused(entry, link),
                Action::LookWhetherIdle { entry, link } => self.look_whether_idle(entry, link),
                Action::CloseIfIdle { link } => {
                    self.idle_closes += 1;
                    self.retire(link);
                }
                Action::LastCall { link, until } => {
                    self.last_calls.push((self.elapsed(), link, until));
                }
                Action::Enqueue(job) => self.enqueue(job),
                Action::Retire { link } => {
                    if let Some(wire) = self.wires.get_mut(&link) {
                        wire.draining = true;
                    }
                    self.retire(link);
                }
                Action::Interrupt { entry } => self.interrupt(entry),
                Action::Publish { event, why } => {
                    self.events.push((self.elapsed(), event));
                    self.reasons.extend(why);
                }
                Action::Relax { scope, until } => {
                    self.relaxed.insert(scope, until);
                    for wire in self.wires.values_mut() {
                        let concerns = match scope {
                            Scope::Database => true,
                            Scope::Peer(peer) => wire.peer.map(canonical) == Some(peer),
                        };
                        if concerns {
                            wire.relaxed = Some(until);
                        }
                    }
                }
                Action::Resolve { host } => {
                    self.lookups.push(self.elapsed());
                    if self.resolver_answers {
                        self.schedule(ms(20), Due::Answer(host));
                    }
                }
            }
        }
        self.check();
    }

    /// The link ends once it has answered everything.
    fn retire(&mut self, link: LinkId) {
        let Some(wire) = self.wires.get_mut(&link) else {
            return;
        };
        wire.leaving = true;
        if !wire.busy && wire.pending == 0 {
            self.schedule(ms(1), Due::Gone(link, true));
        }
    }

    fn schedule(&mut self, after: Duration, due: Due) {
        self.order += 1;
        self.agenda.push((self.now + after, self.order, due));
    }
}

//! What holds around a planner at any time, whatever happens, and how callers use dedicated entries.

use super::*;

impl World {
    pub(in crate::handoff::planner::tests) fn sockets(&self) -> usize {
        self.wires.len() + self.running.len()
    }

    /// How many entries have a link.
    pub(in crate::handoff::planner::tests) fn live(&self) -> usize {
        self.peers().iter().flatten().count()
    }

    /// How long it takes until any link serves, while a caller waits.
    pub(in crate::handoff::planner::tests) fn until_served(&mut self) -> Duration {
        let from = self.now;
        while self.live() == 0 {
            self.want();
            self.run(ms(1));
            assert!(self.now - from < secs(60), "no service: {:?}", self.c);
        }
        self.now - from
    }

    /// What holds at any time.
    pub(super) fn check(&mut self) {
        self.most_sockets = self.most_sockets.max(self.sockets());
        assert!(
            self.sockets() <= 2 * self.c.entries.len(),
            "{} sockets",
            self.sockets()
        );
        let handoffs = self.c.handoffs(self.now);
        let places: BTreeSet<_> = handoffs.iter().map(|op| op.from).collect();
        assert_eq!(places.len(), handoffs.len(), "two handoffs for one address");
        assert!(self.a.remembered() <= 256);
        assert!(self.c.redirects.len() <= 64 && self.a.breakers.len() <= 128);
        assert!(self.a.windows().iter_open().count() <= 64);
        assert!(
            self.c.handoffs.iter().len() <= 64,
            "{} handoffs",
            self.c.handoffs.iter().len()
        );
        for handoff in &handoffs {
            assert!(
                handoff.took <= secs(3600) + secs(20),
                "a handoff without end"
            );
        }
        for (link, wire) in &self.wires {
            let holds = self
                .a
                .windows()
                .relaxed_until(wire.peer, self.now)
                .map(|(until, _)| until);
            let told = wire.relaxed.filter(|until| *until > self.now);
            assert_eq!(
                told, holds,
                "{link:?} was told otherwise than the table says"
            );
        }
        for (entry, state) in self.c.entries.iter().enumerate() {
            assert_eq!(
                state.state.assignment().is_some(),
                self.running.contains(&entry.into()),
                "entry {entry}"
            );
        }
    }

    /// A caller takes a dedicated entry.
    pub(in super::super) fn take(&mut self, entry: impl Into<EntryId>) {
        let entry = entry.into();
        self.used.insert(entry, None);
        self.c.handle_wanted_alone(self.now, &mut self.a, entry);
        self.settle();
    }

    /// The caller leaves it.
    pub(in super::super) fn leave(&mut self, entry: impl Into<EntryId>) {
        let entry = entry.into();
        self.used.insert(entry, Some(self.now));
    }

    pub(super) fn look_whether_idle(&mut self, entry: EntryId, link: LinkId) {
        let since = self.used.get(&entry).copied().flatten();
        self.c.handle_idle(self.now, entry, link, since);
    }

    pub(super) fn close_unused(&mut self, entry: EntryId, link: LinkId) {
        if self.used.get(&entry).is_some_and(Option::is_some) {
            self.schedule(Duration::ZERO, Due::Gone(link, true));
        } else {
            self.c.handle_idle(self.now, entry, link, None);
        }
    }
}
